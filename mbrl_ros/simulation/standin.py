"""A MuJoCo model that stands in for a robot: it speaks the robot's own messages, and no others."""

from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from mbrl_ros.core.settings import group, setting
from mbrl_ros.core.spaces import FloatArray
from mbrl_ros.robot.fields import FindClass, find_class
from mbrl_ros.robot.listening import Listener
from mbrl_ros.robot.settings import CommandSettings, SourceSettings, check_topics, with_topics
from mbrl_ros.robot.writing import MessageWriter
from mbrl_ros.simulation.disturbance import Gears, Readings, Way
from mbrl_ros.simulation.perturbation import Perturbation
from mbrl_ros.simulation.physics import Physics
from mbrl_ros.simulation.settings import DisturbanceSettings, PhysicsSettings

# Time that is made up for after a pause of the process [s].
_LONGEST = 0.5


@dataclass(frozen=True)
class StandinSettings:
    """Parameters of the node robot_standin, besides those of each topic."""

    model: str = setting("", "MJCF file of the robot")
    rate: float = setting(100.0, "messages per second on each topic", low=0.1, high=1e4)
    hears: list[str] = setting(
        [],
        "names of the topics that command it, each with its parameters; after max_age without a "
        "message the actuators go back to those of the keyframe",
    )
    sends: list[str] = setting([], "names of the topics that tell of it, each with its parameters")
    drive: list[str] = setting(
        [], "the control of each actuator, such as motor = command.data[0], after a name of hears"
    )
    reset_service: str = setting(
        "",
        "a service of type std_srvs/srv/Trigger that puts it into its first keyframe; empty: none",
    )
    noise: float = setting(
        0.0, "standard deviation of joint positions in the keyframe [rad, m]", low=0.0
    )
    physics: PhysicsSettings = group(PhysicsSettings)
    disturbance: DisturbanceSettings = group(DisturbanceSettings)


def standin_settings(values: Mapping[str, Any]) -> type[StandinSettings]:
    """Return the settings of a stand-in, with a group for each of its topics.

    Args:
        values: its flat parameters.

    Raises:
        SettingsError: if a name of them is invalid, or given twice.
    """
    groups = {"hears": SourceSettings, "sends": CommandSettings}
    return with_topics(StandinSettings, groups, values)


class Standin:
    """A simulated robot in real time.

    In ``send`` its joints are ``joints``, with ``position``, ``velocity`` and ``effort`` of each
    hinge and slide by name; ``sensors.NAME`` are the values of a sensor, and
    ``actuators.control[NAME]`` what drives an actuator.

    All methods may be called from any thread.

    Attributes:
        settings: its own.
        listener: to what commands it, once that has come.
        period: time between two messages [s].
        model: the ``mujoco.MjModel``.
        data: its ``mujoco.MjData``.
    """

    def __init__(self, settings: StandinSettings, find: FindClass) -> None:
        """Load the model, in its first keyframe if it has one.

        Args:
            settings: with a group for each topic.
            find: the class of a message by its full name; raises LookupError if there is none.

        Raises:
            ValueError: naming the parameter that does not fit.
        """
        import mujoco

        path = Path(settings.model)
        if not path.is_file():
            raise ValueError(f"model: expected an MJCF file, got '{settings.model}'")
        try:
            self.model = mujoco.MjModel.from_xml_path(str(path))
        except ValueError as error:
            raise ValueError(f"model: {path}: {' '.join(str(error).split())}") from None
        self.data = mujoco.MjData(self.model)
        self._mujoco = mujoco
        self._lock = threading.Lock()
        self.settings = settings
        self._noise = settings.noise
        self.period = 1.0 / settings.rate
        self._last, self._now = math.nan, 0.0
        kinds = mujoco.mjtJoint
        scalar = (int(kinds.mjJNT_HINGE), int(kinds.mjJNT_SLIDE))
        ids = [i for i in range(self.model.njnt) if int(self.model.jnt_type[i]) in scalar]
        self._qpos = [int(self.model.jnt_qposadr[i]) for i in ids]
        self._qvel = [int(self.model.jnt_dofadr[i]) for i in ids]
        self._joints = SimpleNamespace(name=[self.model.joint(i).name for i in ids])
        self._disturb(settings)
        check_topics(settings, [*settings.hears, *settings.sends])
        hears = {name: getattr(settings, name) for name in settings.hears}
        self.listener = Listener(hears, self.period, find)
        actuators = [self.model.actuator(i).name for i in range(self.model.nu)]
        self._drive = self.listener.formulas(settings.drive, "drive", actuators)
        self._labels(actuators)
        self._sends = {}
        for name in settings.sends:
            own = getattr(settings, name)
            known = ("joints", "sensors", "actuators")
            kind = find_class(find, own.type, f"{name}.type")
            joints = self._joints.name
            self._sends[name] = MessageWriter(
                own.send, kind, find, known, f"{name}.send", many=joints
            )
        self.reset()
        self.messages()

    def reset(self, seed: int | None = None) -> None:
        """Put it into its first keyframe, and forget all commands.

        Args:
            seed: of where it begins and of pushes; None: as they go on.
        """
        with self._lock:
            if seed is not None:
                self._rng = np.random.default_rng(seed)
            if self.model.nkey > 0:
                self._mujoco.mj_resetDataKeyframe(self.model, self.data, 0)
            else:
                self._mujoco.mj_resetData(self.model, self.data)
            noise = self._rng.normal(scale=self._noise, size=len(self._qpos))
            self.data.qpos[self._qpos] += noise
            self._resting = self.data.ctrl.copy()
            self._mujoco.mj_forward(self.model, self.data)
            self.listener.forget()
            self._commands.clear()
            self._tellings.clear()
            self._readings.restart()
            self._gears.restart(self._resting)
            self._pushed = not self._disturbance.push

    def hear(self, name: str, message: Any, now: float) -> None:
        """Take in a command; see `Listener.hear`."""
        with self._lock:
            self._commands.put((name, message), now)

    def step(self, now: float) -> None:
        """Go on until now, with the newest commands.

        Args:
            now: on a clock that never jumps [s].
        """
        with self._lock:
            self._now = now
            for came, (name, message) in self._commands.arrived(now):
                self.listener.hear(name, message, came)
            # A robot does not stand still while nobody looks.
            if not now - self._last <= _LONGEST:  # nor is anything known before
                self._last = now - self.period
            steps = round((now - self._last) / self.model.opt.timestep)
            self._last += steps * self.model.opt.timestep
            control = self._resting.copy()
            for i, formula in enumerate(self._drive):
                with contextlib.suppress(ValueError):  # too old, or not heard
                    control[i] = self.listener.read([formula], now)[0]
            self.data.ctrl[:] = self._gears(control)
            if not self._pushed and self.data.time >= self._disturbance.push_time:
                joint = self._rng.integers(self.model.nv)
                self.data.qvel[joint] += self._disturbance.push * self._rng.choice([-1.0, 1.0])
                self._pushed = True
            self._mujoco.mj_step(self.model, self.data, nstep=steps)

    @property
    def true_readings(self) -> FloatArray:
        """What sensors would tell if they were perfect; in the order of ``disturbance.scale``."""
        data = self.data
        return np.concatenate([data.qpos[self._qpos], data.qvel[self._qvel], data.sensordata])

    def messages(self) -> dict[str, Any]:
        """Return what it tells now, by the names of its topics; of a topic, the newest."""
        data = self.data
        with self._lock:
            told = self._readings(self.true_readings, data.time)
            joints, many = self._joints, len(self._qpos)
            joints.position, joints.velocity = told[:many], told[many : 2 * many]
            joints.effort = data.qfrc_actuator[self._qvel]
            self._sensed[:] = told[2 * many :]
            values = {
                "joints": joints,
                "sensors": self._sensors,
                "actuators": self._actuators,
            }
            for name, writer in self._sends.items():
                self._tellings.put((name, writer(values)), self._now)
            return dict(message for _, message in self._tellings.arrived(self._now))

    @property
    def place(self) -> FloatArray:
        """All positions, as ``mjData.qpos`` has them; a copy."""
        return np.array(self.data.qpos)

    def _disturb(self, settings: StandinSettings) -> None:
        """Change its physics, and prepare for what is worse than in simulation.

        Raises:
            ValueError: naming the parameter that does not fit.
        """
        physics = Physics(SimpleNamespace(model=self.model, data=self.data), False)
        perturbation = Perturbation(physics, settings.model)
        perturbation.ask(settings.physics)
        perturbation.act()
        own = self._disturbance = settings.disturbance
        # Each has randomness of its own, so that one does not change the other.
        seeds = np.random.SeedSequence(own.seed).spawn(4)
        self._rng, *rngs = [np.random.default_rng(seed) for seed in seeds]
        self._commands = Way(own.actuation_delay, own.delay_jitter, own.dropout, rngs[0])
        self._tellings = Way(own.sensing_delay, own.delay_jitter, own.dropout, rngs[1])
        low, high = self.model.actuator_ctrlrange.T
        span = np.where(self.model.actuator_ctrllimited, high - low, 2.0)
        self._gears = Gears(0.5 * own.backlash * span)
        self._pushed = not own.push
        self._readings: Readings = Readings(own, len(self.true_readings), rngs[2])

    def _labels(self, actuators: list[str]) -> None:
        model = self.model
        # Views of what is written at each step.
        self._actuators = SimpleNamespace(name=actuators, control=self.data.ctrl)
        self._sensors, self._sensed = SimpleNamespace(), np.zeros(model.nsensordata)
        for i in range(model.nsensor):
            first, size = int(model.sensor_adr[i]), int(model.sensor_dim[i])
            view = self._sensed[first : first + size]
            setattr(self._sensors, model.sensor(i).name, view)
