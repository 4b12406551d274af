"""The active objective, and its changes at run time."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from mbrl_ros.core.spaces import FloatArray
from mbrl_ros.objectives.objective import Objective
from mbrl_ros.objectives.objective_set import ObjectiveSet
from mbrl_ros.objectives.sequence import GoalSequence, Waypoint

_MOST_WAITING = 10_000


class Way(Enum):
    """The source of a change."""

    START = "start"
    PARAMETERS = "parameters"
    GOAL = "goal"
    GOAL_SEQUENCE = "goal_sequence"
    SERVICE = "service"


@dataclass(frozen=True)
class Change:
    """An accepted change: the resulting objective, and its source."""

    way: Way
    objective: Objective


class ObjectiveManager:
    """Applies changes of the objective from all sources.

    Each change is another set, built from the present one and so checked as a whole; applying it
    replaces one reference, so `objective` is always consistent.

    Attributes:
        objectives: all objectives, and the active one.
        sequence: of goals, followed until another request; None: none.
        accepted: changes accepted so far.
        refused: requests rejected so far.
        refusal: reason of the last rejection.
    """

    def __init__(
        self, objectives: ObjectiveSet, changed: Callable[[], None] = lambda: None
    ) -> None:
        """Start with a set.

        Args:
            objectives: all objectives, and the active one.
            changed: called after each change.
        """
        self._changed = changed
        self.objectives = objectives
        self.sequence: GoalSequence | None = None
        self.accepted = self.refused = 0
        self.refusal = ""
        # Changes not known to be used by a plan yet; bounded, for a plant at rest.
        self._waiting = deque([Change(Way.START, objectives.objective)], maxlen=_MOST_WAITING)

    @property
    def objective(self) -> Objective:
        """The active objective."""
        return self.objectives.objective

    @contextlib.contextmanager
    def judging(self) -> Iterator[None]:
        """Count a ValueError that passes through as a rejection."""
        try:
            yield
        except ValueError as error:
            self.refused += 1
            self.refusal = str(error)
            raise

    def take(self, way: Way, objectives: ObjectiveSet) -> None:
        """Make another set take effect; ends a sequence of goals."""
        self.sequence = None
        self._take(way, objectives)

    def follow(self, waypoints: Sequence[Waypoint], index: int = 0) -> None:
        """Follow a sequence of goals.

        Args:
            waypoints: all goals.
            index: of the one to start with.

        Raises:
            ValueError: naming the invalid goal; nothing is changed then.
        """
        sequence = GoalSequence(waypoints, self.objective.observation, index)
        for i, waypoint in enumerate(waypoints):
            try:
                objectives = self.objectives.with_goal(waypoint.goal)
            except ValueError as error:
                raise ValueError(f"goal_sequence.goals[{i}]: {error}") from None
            if i == index:
                first = objectives
        self.sequence = sequence
        self._take(Way.GOAL_SEQUENCE, first)

    def observe(self, values: FloatArray, elapsed: float) -> None:
        """Advance to the next goal of the sequence, if the present one is reached.

        Args:
            values: the observation, shape ``(O,)``.
            elapsed: since the previous one [s].
        """
        if self.sequence is not None and self.sequence.observe(values, elapsed):
            self._take(Way.GOAL_SEQUENCE, self.objectives.with_goal(self.sequence.goal))

    def acted(self, digest: str) -> list[tuple[Change, bool]]:
        """Return the changes settled by a plan, oldest first.

        Args:
            digest: of the plan's objective.

        Returns:
            the change that the plan used, after those superseded before any plan used them;
            each with whether it was used. Empty if nothing is new.
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
        self._changed()
