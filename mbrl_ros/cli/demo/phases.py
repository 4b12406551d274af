"""The changes that the demonstration requests, and when a plant has completed them."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from mbrl_ros.core.spaces import FloatArray
from mbrl_ros.objectives.objective_manager import Way
from mbrl_ros.objectives.sequence import Waypoint

#: The three ways to change the objective.
WAYS = (Way.PARAMETERS, Way.GOAL, Way.SERVICE)
# Name of an objective that is given as YAML.
_ASKED = "asked"


@dataclass(frozen=True)
class Phase:
    """One change.

    Attributes:
        way: how it is requested.
        objective: short label of what is requested.
        arrival: when it is completed; also the goal, if requested by goal.
        parameters: to set together, without the prefix ``objective.``; also before a goal.
        name: name of the objective, if requested by service.
        values: its definition, as below ``objective:``; empty: known by its name.
        lasts: minimum duration [s].
    """

    way: Way
    objective: str
    arrival: Waypoint
    parameters: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    lasts: float = 0.0


class Script(ABC):
    """The changes requested of a task.

    Attributes:
        task: name of the task.
        parameters: launch parameters.
        practice_seconds: learning time before the first change [s].
        practice_period: duration of each practice phase [s].
    """

    task: ClassVar[str]
    parameters: ClassVar[Mapping[str, Any]] = {"mujoco_sim.time_limit": math.inf}
    practice_seconds: ClassVar[float] = 75.0
    practice_period: ClassVar[float] = 1.5

    @abstractmethod
    def phases(
        self, way: Way, observation: FloatArray, rng: np.random.Generator
    ) -> Iterator[Phase]:
        """Yield the changes requested in one way.

        Args:
            way: how they are requested.
            observation: observation at the first of them, shape ``(O,)``.
            rng: random number generator.
        """

    def practice(self, observation: FloatArray, rng: np.random.Generator) -> Phase | None:
        """Return the next practice phase while it learns; None: no change."""
        return None


class CartPole(Script):
    """Swing up, balance at -1 m, at +1 m, hang still, swing up again; 10 s for each."""

    task = "cartpole_swingup"
    parameters: ClassVar = {**Script.parameters, "objective.active": "go_to"}
    _aside: ClassVar = {"margin": 1.0, "sigmoid": "long_tail", "weight": 1.0, "offset": 0.0}
    _stages: ClassVar[tuple[tuple[str, float, float, dict[str, Any]], ...]] = (
        ("swingup", 0.0, 1.0, {}),
        ("balance_left", -1.0, 1.0, {"centered": {"target": -1.0, **_aside}}),
        ("balance_right", 1.0, 1.0, {"centered": {"target": 1.0, **_aside}}),
        ("hang_still", 0.0, -1.0, {"upright": {"weight": -0.5}}),
        ("swingup", 0.0, 1.0, {}),
    )

    def phases(
        self, way: Way, observation: FloatArray, rng: np.random.Generator
    ) -> Iterator[Phase]:
        """See `Script.phases`."""
        for i, (name, position, height, values) in enumerate(self._stages):
            arrival = Waypoint(
                {"cart_position": position, "pole_cos": height},
                {"cart_position": 0.25, "pole_cos": 0.1},
                dwell=1.0,
                timeout=10.0,
            )
            if way is Way.PARAMETERS:
                yield Phase(way, name, arrival, parameters={"active": name})
            elif way is Way.GOAL:
                yield Phase(way, name, arrival, parameters={} if i else {"active": "go_to"})
            else:
                known = name if not values else _ASKED
                yield Phase(way, name, arrival, name=known, values=values)


class Reacher(Script):
    """A new place for the finger every 3 s."""

    task = "reacher_easy"
    _count: ClassVar = 5
    _link: ClassVar = 0.12  # [m], both; dm_control/suite/reacher.xml

    def phases(
        self, way: Way, observation: FloatArray, rng: np.random.Generator
    ) -> Iterator[Phase]:
        """See `Script.phases`."""
        for _ in range(self._count):
            arrival, place = self._somewhere(observation, rng)
            target = {"target": list(arrival.goal.values())}
            if way is Way.PARAMETERS:
                parameters = {f"{term}.target": target["target"] for term in ("reached", "closer")}
                asked: dict[str, Any] = {"parameters": {"active": "reach", **parameters}}
            elif way is Way.GOAL:
                asked = {}
            else:
                asked = {"name": _ASKED, "values": {"reached": target, "closer": target}}
            yield Phase(way, place, arrival, **asked, lasts=arrival.timeout)

    def practice(self, observation: FloatArray, rng: np.random.Generator) -> Phase:
        """Return another place to reach: a model that has seen only a few does not know others."""
        arrival, place = self._somewhere(observation, rng)
        return Phase(Way.GOAL, place, arrival)

    def _somewhere(self, observation: FloatArray, rng: np.random.Generator) -> tuple[Waypoint, str]:
        """Return a random reachable place, as the ``to_target`` to aim at, and its label."""
        shoulder, wrist, *to_target = observation[:4]
        finger = np.array(
            [
                self._link * (math.cos(shoulder) + math.cos(shoulder + wrist)),
                self._link * (math.sin(shoulder) + math.sin(shoulder + wrist)),
            ]
        )
        radius, angle = rng.uniform(0.05, 0.2), rng.uniform(-math.pi, math.pi)
        place = radius * np.array([math.cos(angle), math.sin(angle)])
        x, y = finger + to_target - place
        arrival = Waypoint(
            {"to_target_x": float(x), "to_target_y": float(y)},
            {"to_target_x": 0.05, "to_target_y": 0.05},
            dwell=0.5,
            timeout=3.0,
        )
        return arrival, f"({place[0]:.2f}, {place[1]:.2f}) m"


SCRIPTS: dict[str, type[Script]] = {script.task: script for script in (CartPole, Reacher)}
