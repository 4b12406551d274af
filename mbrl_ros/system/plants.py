"""The plants of a system in one process: the simulated one, or the stand-in of a robot."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from mbrl_ros.core.settings import build
from mbrl_ros.core.spaces import FloatArray
from mbrl_ros.core.task import TaskSettings
from mbrl_ros.robot.fields import FindClass
from mbrl_ros.robot.settings import BridgeSettings
from mbrl_ros.simulation.environments import make_plant
from mbrl_ros.simulation.plant import Plant
from mbrl_ros.simulation.settings import DisturbanceSettings, PhysicsSettings
from mbrl_ros.simulation.standin import StandinSettings
from mbrl_ros.system.configuration import Configuration
from mbrl_ros.system.rehearsed_plants import RehearsedRobot, standin_of

#: Makes the plant of a configuration.
MakePlant = Callable[[Configuration], Plant]
# Time in which all that is observed must have been told [s].
_BEGINNING = 2.0
# Length of an episode where neither mujoco_sim nor the bridge limits it [s].
_EPISODE = 10.0


class StandinEnv(gymnasium.Env[FloatArray, FloatArray]):
    """A stand-in behind a bridge's formulas; a step is a control period.

    Every number takes the way that it takes on the robot, but in no time: an action acts from its
    observation to the next one.

    Attributes:
        model: the stand-in's ``mujoco.MjModel``.
        data: its ``mujoco.MjData``.
        dt: time of a step [s].
    """

    def __init__(
        self, task: TaskSettings, bridge: BridgeSettings, standin: StandinSettings, find: FindClass
    ) -> None:
        """Connect them; arguments as for `RehearsedRobot`.

        Raises:
            ValueError: naming the parameter that does not fit.
        """
        self._robot = RehearsedRobot(task, bridge, standin, find)
        self.model, self.data = self._robot.standin.model, self._robot.standin.data
        self.dt, self._now = task.period, 0.0
        self._action, dim = task.action_space(), task.observation_space().dim
        lower, upper = self._action.lower, self._action.upper
        self.action_space = spaces.Box(lower, upper, dtype=np.float64)
        self.observation_space = spaces.Box(-np.inf, np.inf, (dim,), dtype=np.float64)

    @property
    def initial_action(self) -> FloatArray | None:
        """What is in effect as an episode begins, by the robot's own word; None: unknown."""
        bridge = self._robot.bridge
        formulas = bridge.of_actions["resting"]
        return self._action.clip(bridge.listener.read(formulas, self._now)) if formulas else None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[FloatArray, dict[str, Any]]:
        """Put the robot into its first keyframe; return what is observed, shape ``(O,)``.

        Raises:
            ValueError: if something of it is never told.
        """
        super().reset(seed=seed)
        self._robot.standin.reset(int(self.np_random.integers(2**31)))
        self._robot.bridge.listener.forget()
        latest = self._now + _BEGINNING
        while True:
            try:
                return self._after(self.dt), {}
            except ValueError:
                if self._now > latest:
                    raise

    def step(self, action: FloatArray) -> tuple[FloatArray, float, bool, bool, dict[str, Any]]:
        """Take one control step; ``action`` has shape ``(A,)``.

        Raises:
            ValueError: if an observation is missing or stale.
        """
        bridge = self._robot.bridge
        named = dict(zip(self._action.names, action.tolist(), strict=True))
        self._robot.send({n: write(named) for n, write in bridge.writers.items()}, self._now)
        values = self._after(self.dt)
        return values, bridge.rewards.paid(self._now), bridge.bounds.ends(values), False, {}

    def _after(self, time: float) -> FloatArray:
        self._now += time
        self._robot.listen(self._now)
        bridge = self._robot.bridge
        return bridge.listener.read(bridge.formulas, self._now)


@dataclass(frozen=True)
class StandinPlants:
    """Makes plants of a stand-in.

    Attributes:
        standin: its flat parameters.
        find: the class of a message by its full name.
    """

    standin: Mapping[str, Any]
    find: FindClass

    def __call__(self, configuration: Configuration) -> Plant:
        """Return a plant.

        Raises:
            ValueError: naming the parameter that does not fit.
        """
        task = build(TaskSettings, configuration.shared)
        bridge: BridgeSettings = configuration.build("robot_bridge")
        standin = standin_of({**self.standin}, PhysicsSettings(), DisturbanceSettings())
        limit = configuration.build("mujoco_sim").time_limit or bridge.time_limit or _EPISODE
        return Plant(
            StandinEnv(task, bridge, standin, self.find),
            standin.model,
            time_limit=limit if limit < math.inf else 0.0,
            observation=task.observation_space(),
        )


def simulated(configuration: Configuration) -> Plant:
    """Return the plant of ``mujoco_sim``.

    Raises:
        ValueError: naming the parameter that does not fit.
    """
    task = build(TaskSettings, configuration.shared)
    return make_plant(configuration.build("mujoco_sim"), task.observation_space())
