"""Plants in simulated time: a robot's stand-in behind its bridge, or a simulated task alone."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from mbrl_ros.core.parameter_files import matching, read_sections
from mbrl_ros.core.records import Observation, PlanGains
from mbrl_ros.core.resources import resource_directory
from mbrl_ros.core.settings import SettingsError, build
from mbrl_ros.core.spaces import FloatArray
from mbrl_ros.core.task import TaskSettings
from mbrl_ros.robot.fields import FindClass
from mbrl_ros.robot.plant import RobotPlant
from mbrl_ros.robot.settings import BridgeSettings
from mbrl_ros.simulation.disturbance import Readings, Way
from mbrl_ros.simulation.settings import DisturbanceSettings, PhysicsSettings, SimulatorSettings
from mbrl_ros.simulation.simulator import make_simulator
from mbrl_ros.simulation.standin import Standin, StandinSettings, standin_settings

# Share of a period; for sums of times.
_EPSILON = 1e-6


class RehearsedPlant(ABC):
    """What is commanded; time passes when it is told to.

    Attributes:
        problem: why the newest control step had no observation; empty: it had one.
        readings: what its sensors would have told if they were perfect, at each control step.
        places: of all joints then, as ``mjData.qpos`` has them; empty: it has no such.
        follows: whether it corrects commands in an inner loop.
    """

    problem: str = ""
    readings: list[FloatArray]
    places: list[FloatArray]
    follows: bool = False

    @abstractmethod
    def step(self, now: float) -> Observation | None:
        """Let time pass until a control step, and take it.

        Args:
            now: simulated time, above zero [s].

        Returns:
            the observation, if there is one.
        """

    @abstractmethod
    def command(self, values: ArrayLike, episode: int, step: int, now: float, safe: bool) -> None:
        """Take a command, as `CommandLatch.take` does."""

    def follow(self, plan: PlanGains) -> None:  # noqa: B027
        """Take the plan by which commands are corrected; see `RobotPlant.follow`."""

    @abstractmethod
    def close(self) -> None:
        """Free it."""


class RehearsedRobot(RehearsedPlant):
    """A stand-in and the bridge, whose topics are connected as their names say."""

    def __init__(
        self, task: TaskSettings, bridge: BridgeSettings, standin: StandinSettings, find: FindClass
    ) -> None:
        """Connect them.

        Args:
            task: of the robot.
            bridge: its settings.
            standin: the settings of its stand-in.
            find: the class of a message by its full name; raises LookupError if there is none.

        Raises:
            ValueError: naming the parameter that does not fit.
        """
        self.standin, self.bridge = Standin(standin, find), RobotPlant(task, bridge, find)
        self.bridge.safe.patience = math.inf
        self.readings, self.places = [], []
        self.follows = bridge.inner_loop > 0.0
        self._heard = _by_topic(bridge, bridge.sources)
        self._leads = bridge.sources[:1]
        self._hears = _by_topic(standin, standin.hears)
        self._sends = _topics(standin, standin.sends)
        self._commands = _topics(bridge, bridge.commands)
        self._ticks = 0

    def listen(self, now: float) -> list[tuple[str, Any]]:
        """Let time pass, and return what the bridge has heard meanwhile.

        Args:
            now: simulated time [s].

        Returns:
            source and message of each.
        """
        heard = []
        while (
            next_tick := (self._ticks + 1) * self.standin.period
        ) <= now + _EPSILON * self.bridge.period:
            self._ticks += 1
            self.standin.step(next_tick)
            for name, message in self.standin.messages().items():
                stamp(message, next_tick)
                for source in self._heard.get(self._sends[name], []):
                    self.bridge.hear(source, message, next_tick)
                    heard.append((source, message))
                    if source in self._leads:
                        self.send(self.bridge.between(next_tick), next_tick)
        return heard

    def step(self, now: float) -> Observation | None:  # noqa: D102
        self.listen(now)
        self.readings.append(self.standin.true_readings)
        self.places.append(self.standin.place)
        tick = self.bridge.tick(now, round(1e9 * now))
        self.problem = self.bridge.problem
        self.send(tick.messages, now)
        return tick.observation

    def send(self, messages: Mapping[str, Any], now: float) -> None:
        """Send the stand-in the bridge's messages, by the names of its commands.

        Args:
            messages: to send; their stamps are written.
            now: simulated time [s].
        """
        for name, message in messages.items():
            stamp(message, now)
            for heard in self._hears.get(self._commands[name], []):
                self.standin.hear(heard, message, now)

    def follow(self, plan: PlanGains) -> None:  # noqa: D102
        self.bridge.follow(plan)

    def command(  # noqa: D102
        self, values: ArrayLike, episode: int, step: int, now: float, safe: bool
    ) -> None:
        self.bridge.command(values, episode, step, now, safe)

    def close(self) -> None:
        """Nothing is held."""


class RehearsedTask(RehearsedPlant):
    """A simulated task as in real time; messages are late, lost or wrong on their way."""

    def __init__(
        self, task: TaskSettings, settings: SimulatorSettings, disturbance: DisturbanceSettings
    ) -> None:
        """Start the first episode.

        Args:
            task: its spaces and timing; not in lock-step.
            settings: of its simulator.
            disturbance: play and pushes are for robots only; ``scale`` is of each dimension.

        Raises:
            ValueError: naming the parameter that does not fit.
        """
        if disturbance.backlash or disturbance.push:
            raise SettingsError(
                "disturbance: expected neither backlash nor push, for a task without a robot's "
                "stand-in"
            )
        self._simulator = make_simulator(task, settings)
        self._simulator.safe.patience = math.inf
        self.readings, self.places = [], []
        seeds = np.random.SeedSequence(disturbance.seed).spawn(3)
        there, back, read = (np.random.default_rng(seed) for seed in seeds)
        own = disturbance
        self._commands = Way(own.actuation_delay, own.delay_jitter, own.dropout, there)
        self._tellings = Way(own.sensing_delay, own.delay_jitter, own.dropout, back)
        self._read = Readings(own, task.observation_space().dim, read)
        self._begun, self._late = False, 0.0

    def step(self, now: float) -> Observation | None:  # noqa: D102
        for came, (values, episode, step, safe) in self._commands.arrived(now):
            self._simulator.command(values, episode, step, came, safe)
        seen = self._simulator.advance() if self._begun else self._simulator.observation
        self._begun = True
        self.readings.append(seen.values)
        told = self._read(seen.values, seen.step * self._simulator.period)
        self._tellings.put(replace(seen, values=told), now)
        # What comes within the period is answered within it, later by so much.
        arrived = self._tellings.arrived(now + (1.0 - _EPSILON) * self._simulator.period)
        if seen.ended:  # whoever judges must know, even where this message is lost
            arrived = [(now, replace(seen, values=told))]
        self.problem = "" if arrived else "no observation has come"
        if not arrived:
            return None
        came, newest = arrived[-1]
        self._late = max(0.0, came - now)
        return newest

    def command(  # noqa: D102
        self, values: ArrayLike, episode: int, step: int, now: float, safe: bool
    ) -> None:
        self._commands.put((values, episode, step, safe), now + self._late)

    def close(self) -> None:  # noqa: D102
        self._simulator.close()


def standin_file(file: str) -> Path:
    """Return the parameter file of a stand-in.

    Args:
        file: name of a shipped robot, or a parameter file (.yaml).

    Raises:
        SettingsError: if there is no such robot.
    """
    path = Path(file)
    if path.suffix in (".yaml", ".yml"):
        return path
    folder = resource_directory("config") / "robots" / "standins"
    known = sorted(each.stem for each in folder.glob("*.yaml"))
    if file not in known:
        raise SettingsError(
            f"expected one of {', '.join(known)}, or a parameter file (.yaml), got '{file}'"
        )
    return folder / f"{file}.yaml"


def read_standin(file: str) -> dict[str, Any]:
    """Return the flat parameters of a stand-in, the path of its model absolute.

    Args:
        file: as for `standin_file`.

    Raises:
        SettingsError: if there is none, or it cannot be read.
    """
    path = standin_file(file)
    try:
        values = matching(read_sections(path.read_text(encoding="utf-8")), "/robot_standin")
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from None
    except ValueError as error:
        raise SettingsError(f"{path}: {error}") from None
    return {**values, "model": str(path.parent.absolute() / str(values.get("model", "")))}


def standin_of(
    values: dict[str, Any], physics: PhysicsSettings, disturbance: DisturbanceSettings
) -> StandinSettings:
    """Return a stand-in's settings, under other conditions.

    Raises:
        SettingsError: naming the invalid parameter.
    """
    own: StandinSettings = build(standin_settings(values), values, "robot_standin")
    return replace(own, physics=physics, disturbance=disturbance)


def stamp(message: Any, now: float) -> None:
    """Write a time into a message's header, if it has one.

    Args:
        message: any.
        now: simulated time [s].
    """
    if hasattr(message, "header"):
        seconds, nanoseconds = divmod(round(1e9 * now), 10**9)
        message.header.stamp.sec, message.header.stamp.nanosec = seconds, nanoseconds


def _topics(settings: Any, names: list[str]) -> dict[str, tuple[str, str]]:
    """Return topic and type of each name; names of topics are relative to the same namespace."""
    each = {name: getattr(settings, name) for name in names}
    return {name: (own.topic.lstrip("/"), own.type) for name, own in each.items()}


def _by_topic(settings: Any, names: list[str]) -> dict[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], list[str]] = {}
    for name, topic in _topics(settings, names).items():
        found.setdefault(topic, []).append(name)
    return found
