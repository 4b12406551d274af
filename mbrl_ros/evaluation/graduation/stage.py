"""Where episodes are rehearsed: one after the other, or several at once in processes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from mbrl_ros.evaluation.graduation.conditions import PUSHED, Conditions
from mbrl_ros.models.update import ModelUpdate
from mbrl_ros.robot.fields import FindClass
from mbrl_ros.system.configuration import Configuration
from mbrl_ros.system.rehearsal import Record, Rehearsal, task_of
from mbrl_ros.system.rehearsed_plants import (
    RehearsedPlant,
    RehearsedRobot,
    RehearsedTask,
    standin_of,
)

# What only a stand-in can do.
_MECHANICAL = ("backlash", "push")


@dataclass(frozen=True)
class Stage:
    """All that episodes are played with; it may travel to another process.

    Attributes:
        configuration: of the system.
        model: to plan with.
        standin: flat parameters of the robot's stand-in; None: the task's simulator is the plant.
        find: the class of a message by its full name; a function of a module.
        steps: of an episode.
        scale: of each reading.
    """

    configuration: Configuration
    model: ModelUpdate
    standin: Mapping[str, Any] | None
    find: FindClass
    steps: int
    scale: tuple[float, ...] = ()

    @property
    def push_time(self) -> float:
        """When a push comes [s]."""
        return PUSHED * self.steps * task_of(self.configuration).period

    def plant(self, conditions: Conditions) -> RehearsedPlant:
        """Return a plant under conditions.

        Raises:
            ValueError: naming the parameter that does not fit.
        """
        task, configuration = task_of(self.configuration), self.configuration
        physics = conditions.physics()
        if self.standin is not None:
            disturbance = conditions.disturbance([*self.scale], self.push_time)
            standin = standin_of({**self.standin}, physics, disturbance)
            return RehearsedRobot(task, configuration.build("robot_bridge"), standin, self.find)
        values = {n: v for n, v in conditions.values.items() if n not in _MECHANICAL}
        disturbance = replace(conditions, values=values).disturbance([*self.scale], self.push_time)
        settings = replace(configuration.build("mujoco_sim"), physics=physics)
        return RehearsedTask(replace(task, seed=conditions.seed), settings, disturbance)

    def play(self, conditions: Conditions, idle: bool = False) -> Record:
        """Play an episode.

        Args:
            conditions: of it.
            idle: whether nobody commands.

        Raises:
            ValueError: naming the parameter that does not fit, or why the model does not.
        """
        plant = self.plant(conditions)
        model = None if idle else self.model
        rehearsal = Rehearsal(self.configuration, plant, model, conditions.timing())
        return rehearsal.play(self.steps, idle)
