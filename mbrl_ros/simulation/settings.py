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
        "frames per plant second; 1 / period: one for each observation; 0: no camera",
        low=0.0,
        high=1000.0,
    )
    width: int = setting(320, "image width [pixels], even", low=16, high=4096)
    height: int = setting(240, "image height [pixels], even", low=16, high=4096)
    name: str = setting("", "camera of the MuJoCo model; empty: its first, or a free one")
    encoding: str = setting(
        ENCODINGS[0], "of the topic frame: png (loses nothing) or jpeg", choices=ENCODINGS
    )
    video: bool = setting(False, "also record a video into run_dir (MP4, or GIF without ffmpeg)")


@dataclass(frozen=True)
class PhysicsSettings:
    """How the simulation differs from its model, to see whether learning follows.

    Every scale is relative to the model: 1 is the model itself.
    """

    mass_scale: float = setting(
        1.0, "factor of mass and inertia of physics.bodies", low=0.01, high=100.0, live=True
    )
    bodies: list[str] = setting(
        [], "bodies of the MuJoCo model that mass_scale is for; empty: all of them", live=True
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
class SimulatorSettings:
    """Parameters of the node mujoco_sim."""

    environment: str = setting("", "Gymnasium id, such as HalfCheetah-v5, or an MJCF file (.xml)")
    task_module: str = setting(
        "", "for an MJCF file: module:attribute or file.py:attribute with the task's functions"
    )
    action_repeat: int = setting(
        1, "the environment's own steps in one control step", low=1, high=10000
    )
    time_step: float = setting(
        0.0,
        "time of one of the environment's own steps, where it does not say [s]; 0: as it says",
        low=0.0,
        high=10.0,
    )
    time_limit: float = setting(
        0.0,
        "an episode is cut after this plant time [s]; 0: the environment's own limit; .inf: never",
        low=0.0,
    )
    command_timeout: float = setting(
        0.1, "plant time after which a command is too old to be applied [s]", low=0.0, high=10.0
    )
    actuation_delay: int = setting(
        0, "control steps by which every command acts later", low=0, high=20
    )
    actuation_delay_told: bool = setting(
        True,
        "whether the plant tells the action that acts; false: the one that came, as where motors "
        "have a delay of their own",
    )
    physics: PhysicsSettings = group(PhysicsSettings)
    camera: CameraSettings = group(CameraSettings)
