"""Settings of a simulated plant."""

from __future__ import annotations

from dataclasses import dataclass

from mbrl_ros.core.records import ENCODINGS
from mbrl_ros.core.settings import group, setting


@dataclass(frozen=True)
class CameraSettings:
    """A headless camera in the simulation."""

    rate: float = setting(
        0.0,
        "frames per plant second; 1 / period: one per observation; 0: no camera",
        low=0.0,
        high=1000.0,
    )
    width: int = setting(320, "image width [pixels], even", low=16, high=4096)
    height: int = setting(240, "image height [pixels], even", low=16, high=4096)
    name: str = setting("", "camera of the MuJoCo model; empty: its first, or a free one")
    encoding: str = setting(
        ENCODINGS[0], "of the topic frame: png (loses nothing) or jpeg", choices=ENCODINGS
    )
    effects: bool = setting(
        True, "shadows, reflections and sky; without them rendering is many times faster"
    )
    video: bool = setting(False, "also record a video to run_dir (MP4, or GIF without ffmpeg)")


@dataclass(frozen=True)
class PhysicsSettings:
    """Perturbation of the simulation's physics, to test whether learning adapts.

    Every scale is relative to the original model: 1 is no change.
    """

    mass_scale: float = setting(
        1.0, "factor of mass and inertia of physics.bodies", low=0.01, high=100.0, live=True
    )
    bodies: list[str] = setting(
        [], "bodies of the MuJoCo model affected by mass_scale; empty: all", live=True
    )
    friction_scale: float = setting(
        1.0,
        "factor of damping and friction in the joints and of sliding friction in contacts",
        low=0.01,
        high=100.0,
        live=True,
    )
    gain_scale: float = setting(
        1.0,
        "factor of the force of every actuator for the same command",
        low=0.01,
        high=100.0,
        live=True,
    )


@dataclass(frozen=True)
class DisturbanceSettings:
    """What is worse with a robot than in its simulation; as it is: nothing."""

    actuation_delay: float = setting(0.0, "delay of every command [s]", low=0.0, high=10.0)
    sensing_delay: float = setting(0.0, "delay of every reading [s]", low=0.0, high=10.0)
    delay_jitter: float = setting(
        0.0, "further delay of each, at random up to this [s]", low=0.0, high=10.0
    )
    dropout: float = setting(
        0.0, "probability that a message is lost, either way", low=0.0, high=1.0
    )
    stuck: float = setting(
        0.0, "time in each second for which readings stay as they were [s]", low=0.0, high=1.0
    )
    noise: float = setting(
        0.0, "standard deviation of each reading, as a share of its scale", low=0.0, high=100.0
    )
    bias: float = setting(
        0.0,
        "constant error of each reading, upwards or downwards, as a share of its scale",
        low=0.0,
        high=100.0,
    )
    scale: list[float] = setting(
        [],
        "typical size of each reading [its unit]: positions and velocities of the hinges and "
        "slides, then sensors; empty: 1 each",
        low=0.0,
    )
    backlash: float = setting(
        0.0, "play of each motor, as a share of its control's range", low=0.0, high=1.0
    )
    push: float = setting(
        0.0,
        "sudden change of the velocity of one joint, either way, once in an episode [m/s, rad/s]",
        low=0.0,
        high=1000.0,
    )
    push_time: float = setting(6.0, "when that is, after the episode has begun [s]", low=0.0)
    seed: int = setting(0, "of all that is at random", low=0, high=2**31 - 1)


@dataclass(frozen=True)
class SimulatorSettings:
    """Parameters of the node mujoco_sim."""

    environment: str = setting(
        "",
        "Gymnasium id, such as HalfCheetah-v5, module:id or file.py:id with one of your own, "
        "or an MJCF file (.xml)",
    )
    task_module: str = setting(
        "", "for an MJCF file: module:attribute or file.py:attribute with the task's functions"
    )
    action_repeat: int = setting(1, "environment steps per control step", low=1, high=10000)
    time_step: float = setting(
        0.0,
        "time of an environment step, if the environment does not define it [s]; 0: not given",
        low=0.0,
        high=10.0,
    )
    time_limit: float = setting(
        0.0,
        "plant time until an episode is cut off [s]; 0: the environment's own limit; .inf: never",
        low=0.0,
    )
    evaluation_time_limit: float = setting(
        -1.0,
        "the same of episodes with the model frozen, in learn, evaluate and bench learning [s]; "
        "-1: time_limit",
        low=0.0,
        off=-1.0,
    )
    command_timeout: float = setting(
        0.0,
        "maximum age of a command in plant time [s]; 0: 2.5 periods, at least 0.1 s",
        low=0.0,
        high=100.0,
    )
    actuation_delay: int = setting(
        0, "additional delay of every command [control steps]", low=0, high=20
    )
    actuation_delay_told: bool = setting(
        True,
        "whether the plant reports the delayed action; false: the undelayed one, as with a delay "
        "of the motors",
    )
    physics: PhysicsSettings = group(PhysicsSettings)
    camera: CameraSettings = group(CameraSettings)

    def oldest_command(self, period: float) -> float:
        """Return the maximum age of a command at a control period, both in plant time [s]."""
        return self.command_timeout or max(0.1, 2.5 * period)
