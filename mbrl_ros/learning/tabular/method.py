"""Interface of the methods that learn a table's values."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from mbrl_ros.core.spaces import FloatArray
from mbrl_ros.models.tabular.settings import TabularSettings
from mbrl_ros.models.tabular.table import Table


class Method(ABC):
    """Learns the expected return of each pair, from real steps and by planning with the table.

    Attributes:
        updates: calls of `plan` so far.
    """

    updates: int = 0

    def __init__(self, table: Table, settings: TabularSettings, rng: np.random.Generator) -> None:
        """Begin with what is expected of pairs that are not known.

        Args:
            table: counts outcomes; the caller adds them.
            settings: of the learner.
            rng: of imagined steps.
        """
        self.table, self.settings, self.rng = table, settings, rng
        self.optimism = settings.optimism if settings.unvisited == "optimistic" else None

    @property
    @abstractmethod
    def q(self) -> FloatArray:
        """Expected return of each pair, shape ``(S, C)``; the next step may change it."""

    @q.setter
    @abstractmethod
    def q(self, q: FloatArray) -> None: ...

    def learn(  # noqa: B027
        self, pair: int, reward: float, after: int, terminated: bool
    ) -> None:
        """Learn from a real step, which the table holds already, as it comes.

        Args:
            pair: that was tried.
            reward: that was paid; 0 where there was none.
            after: row that it led to.
            terminated: whether the task ended there.
        """

    @property
    def drawn_to(self) -> FloatArray:
        """Expected return as exploration has it, with what makes it curious; shape ``(S, C)``."""
        return self.q

    def resume(self, updates: int) -> None:
        """Go on where an earlier process ended.

        Args:
            updates: that it made.
        """
        self.updates = updates

    @property
    @abstractmethod
    def owed(self) -> float:
        """Calls of `plan` that are due."""

    @abstractmethod
    def plan(self) -> None:
        """Learn from the table, within milliseconds."""

    @property
    @abstractmethod
    def told(self) -> str:
        """What was done, in words."""
