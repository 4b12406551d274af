"""What the plant is to do now, and how that changes while it runs."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from mbrl_ros.core.spaces import FloatArray
from mbrl_ros.objectives.objective import Objective
from mbrl_ros.objectives.objective_set import ObjectiveSet
from mbrl_ros.objectives.sequence import GoalSequence, Waypoint

_MOST_WAITING = 10_000


class Way(Enum):
    """By which a change came."""

    START = "start"
    PARAMETERS = "parameters"
    GOAL = "goal"
    GOAL_SEQUENCE = "goal_sequence"
    SERVICE = "service"


@dataclass(frozen=True)
class Change:
    """A change that was accepted: what holds since, and by which way it came."""

    way: Way
    objective: Objective


class ObjectiveManager:
    """The one mechanism behind all ways of changing what is planned for.

    Each change is another set, made from the present one and so judged as a whole; taking it
    replaces one reference. Whoever reads `objective` has a consistent one.

    Attributes:
        objectives: the objectives there are, and which holds.
        sequence: of goals, followed until something else is asked for; None: none was given.
        accepted: changes so far.
        refused: wishes so far that did not fit.
        refusal: why the last of these did not.
    """

    def __init__(self, objectives: ObjectiveSet) -> None:
        self.objectives = objectives
        self.sequence: GoalSequence | None = None
        self.accepted = self.refused = 0
        self.refusal = ""
        # Those that no plan is known to have been made for yet; bounded, for a plant at rest.
        self._waiting = deque([Change(Way.START, objectives.objective)], maxlen=_MOST_WAITING)

    @property
    def objective(self) -> Objective:
        """What holds now."""
        return self.objectives.objective

    @contextlib.contextmanager
    def judging(self) -> Iterator[None]:
        """Count a ValueError that passes through as a refusal."""
        try:
            yield
        except ValueError as error:
            self.refused += 1
            self.refusal = str(error)
            raise

    def take(self, way: Way, objectives: ObjectiveSet) -> None:
        """Have another set hold from now on; a sequence of goals ends with it."""
        self.sequence = None
        self._take(way, objectives)

    def follow(self, waypoints: Sequence[Waypoint]) -> None:
        """Aim for one goal after another.

        Raises:
            ValueError: naming the goal that does not fit; what held goes on.
        """
        sequence = GoalSequence(waypoints, self.objective.observation)
        for i, waypoint in enumerate(waypoints):
            try:
                objectives = self.objectives.with_goal(waypoint.goal)
            except ValueError as error:
                raise ValueError(f"goal_sequence.goals[{i}]: {error}") from None
            if i == 0:
                first = objectives
        self._take(Way.GOAL_SEQUENCE, first)
        self.sequence = sequence

    def observe(self, values: FloatArray, elapsed: float) -> None:
        """Go on to the next goal of the sequence, if the plant has arrived.

        Args:
            values: the observation, shape ``(O,)``.
            elapsed: since the one before [s].
        """
        if self.sequence is not None and self.sequence.observe(values, elapsed):
            self._take(Way.GOAL_SEQUENCE, self.objectives.with_goal(self.sequence.goal))

    def acted(self, digest: str) -> list[tuple[Change, bool]]:
        """Return the changes that a plan has settled, oldest first.

        Args:
            digest: of the objective that it was made for.

        Returns:
            the change that the plan was made for, behind those that others overtook before
            any plan was; with each, whether it is the one. Empty if nothing is new.
        """
        waiting = list(self._waiting)
        for i, change in enumerate(waiting):
            if change.objective.digest == digest:
                for _ in range(i + 1):
                    self._waiting.popleft()
                return [(c, c is change) for c in waiting[: i + 1]]
        return []

    def _take(self, way: Way, objectives: ObjectiveSet) -> None:
        self.objectives = objectives
        self.accepted += 1
        self._waiting.append(Change(way, objectives.objective))
