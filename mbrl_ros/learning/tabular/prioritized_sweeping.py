"""Prioritised sweeping (Moore and Atkeson 1993; Sutton and Barto 2018, section 8.4)."""

from __future__ import annotations

import heapq

import numpy as np

from mbrl_ros.core.spaces import FloatArray
from mbrl_ros.learning.tabular.method import Method
from mbrl_ros.models.tabular.settings import TabularSettings
from mbrl_ros.models.tabular.table import Table


class PrioritizedSweeping(Method):
    """Backs up the pair whose value is most wrong, then looks at those that lead to it.

    Backups are expected ones, over all outcomes in the table.
    """

    def __init__(self, table: Table, settings: TabularSettings, rng: np.random.Generator) -> None:
        super().__init__(table, settings, rng)
        self._q = [self.optimism or 0.0] * (table.rows * table.choices)
        # The largest first, so negative; an entry counts while it is the pair's newest.
        self._queue: list[tuple[float, int]] = []
        self._priority: dict[int, float] = {}
        self._left = 0

    @property
    def q(self) -> FloatArray:
        """See `Method.q`."""
        return np.array(self._q).reshape(self.table.rows, self.table.choices)

    @q.setter
    def q(self, q: FloatArray) -> None:
        self._q = q.ravel().tolist()

    def learn(self, pair: int, reward: float, after: int, terminated: bool) -> None:
        """See `Method.learn`: it is looked at first, with what leads to it."""
        self._look_at(pair)
        # What one real step leaves undone is done after the next.
        self._left = min(self._left + self.settings.planning_steps, 10**6)

    @property
    def owed(self) -> float:
        """See `Method.owed`: while anything is wrong, as many as each real step allows."""
        return float(bool(self._priority) and self._left > 0)

    def plan(self) -> None:
        """See `Method.plan`: one backup."""
        self.updates += 1
        self._left -= 1
        while self._queue:
            priority, pair = heapq.heappop(self._queue)
            if self._priority.get(pair) == -priority:
                break
        else:
            return
        del self._priority[pair]
        self._q[pair] = self._expected(pair)
        for leading in self.table.leading.get(pair // self.table.choices, ()):
            self._look_at(leading)
        if not self._priority:
            self._left = 0

    @property
    def told(self) -> str:
        """See `Method.told`."""
        return f"{self.updates} backups, {len(self._priority)} more are waiting"

    def _look_at(self, pair: int) -> None:
        """Queue a pair by how wrong its value is."""
        wrong = abs(self._expected(pair) - self._q[pair])
        if wrong > max(self.settings.tolerance, self._priority.get(pair, 0.0)):
            self._priority[pair] = wrong
            heapq.heappush(self._queue, (-wrong, pair))

    def _expected(self, pair: int) -> float:
        table, q, choices = self.table, self._q, self.table.choices
        ahead = sum(
            goes_on * max(q[after * choices : (after + 1) * choices])
            for after, _, goes_on in table.outcomes(pair)
        )
        return float(table.reward[pair] + self.settings.discount * ahead)
