"""What a policy is learned for, and what a change of it costs."""

from __future__ import annotations

from mbrl_ros.models.actor_critic.actor_critic import NOTHING
from mbrl_ros.objectives.objective import Objective


class Pursuit:
    """The present objective, and the gradient steps owed after changes of it.

    A policy is said to be of an objective only after as many: until then it is the last one's.

    Attributes:
        objective: the present one; None: none is known yet.
        extra_updates: owed by all changes so far.
    """

    def __init__(self) -> None:
        self.objective: Objective | None = None
        self.extra_updates = 0
        self._caught_up_at = 0

    def change(self, objective: Objective, learned: str, updates: int, owed: int) -> None:
        """Pursue an objective from now on.

        Args:
            objective: to be learned for; may be the present one.
            learned: digest of what an earlier process may have learned for; see `NOTHING`.
            updates: gradient steps so far.
            owed: gradient steps, if it is another one.
        """
        known = learned if self.objective is None else self.objective.digest
        self.objective = objective
        if known not in (NOTHING, objective.digest):
            self.extra_updates += owed
            self._caught_up_at = updates + owed

    def is_caught_up(self, updates: int) -> bool:
        """Return whether those of the last change are made, after so many gradient steps."""
        return updates >= self._caught_up_at
