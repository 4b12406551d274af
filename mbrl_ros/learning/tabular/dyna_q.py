"""Dyna-Q and Dyna-Q+ (Sutton 1990; Sutton and Barto 2018, sections 8.2 and 8.3)."""

from __future__ import annotations

import math

import numpy as np

from mbrl_ros.core.spaces import FloatArray
from mbrl_ros.learning.tabular.method import Method
from mbrl_ros.models.tabular.settings import TabularSettings
from mbrl_ros.models.tabular.table import Table


class DynaQ(Method):
    """Q-learning from each real step, and from steps that the table imagines.

    An imagined step begins at a row seen before, with a choice made there before. With a bonus
    (Dyna-Q+) it may also be one never made there, which is imagined to lead back to the row for
    nothing, and each pays the bonus times the root of the steps since it was last tried.
    """

    def __init__(self, table: Table, settings: TabularSettings, rng: np.random.Generator) -> None:
        super().__init__(table, settings, rng)
        # Single numbers of arrays take several times as long to read: a list has the same.
        self._array = np.full(table.rows * table.choices, self.optimism or 0.0)
        self._q: list[float] = self._array.tolist()
        self._seen: list[int] = []
        self._made: dict[int, list[int]] = {}
        self._noted = self._real = 0

    @property
    def q(self) -> FloatArray:
        """See `Method.q`."""
        return self._array.reshape(self.table.rows, self.table.choices)

    @q.setter
    def q(self, q: FloatArray) -> None:
        self._array[:] = q.ravel()
        self._q = self._array.tolist()

    def learn(self, pair: int, reward: float, after: int, terminated: bool) -> None:
        """See `Method.learn`."""
        self._real += 1
        self._towards(pair, reward, after, not terminated)

    def resume(self, updates: int) -> None:
        """See `Method.resume`."""
        self.updates = self._real = updates

    @property
    def owed(self) -> float:
        """See `Method.owed`: as many as there were real steps."""
        return float(self._real - self.updates) if self.settings.planning_steps else 0.0

    def plan(self) -> None:
        """See `Method.plan`: the imagined steps of one real one."""
        self.updates += 1
        self._look_up()
        table, bonus, choices = self.table, self.settings.bonus, self.table.choices
        lots = self.rng.random((self.settings.planning_steps, 3)).tolist()
        for of_row, of_choice, of_outcome in lots:
            row = self._seen[int(of_row * len(self._seen))]
            if bonus:
                pair = row * choices + int(of_choice * choices)
            else:
                made = self._made[row]
                pair = made[int(of_choice * len(made))]
            if table.tried[pair]:
                after, goes_on = table.draw(pair, of_outcome)
                reward = float(table.reward[pair])
            else:
                after, goes_on, reward = row, True, 0.0
            if bonus:
                reward += bonus * math.sqrt(table.steps - table.tried[pair])
            self._towards(pair, reward, after, goes_on)

    @property
    def told(self) -> str:
        """See `Method.told`."""
        imagined = self.updates * self.settings.planning_steps
        return f"Q-learning from {self._real} real and {imagined} imagined steps"

    def _towards(self, pair: int, reward: float, after: int, goes_on: bool) -> None:
        """Move a pair's value towards a step's return."""
        s, first = self.settings, after * self.table.choices
        best = max(self._q[first : first + self.table.choices]) if goes_on else 0.0
        self._q[pair] += s.learning_rate * (reward + s.discount * best - self._q[pair])
        self._array[pair] = self._q[pair]

    def _look_up(self) -> None:
        """Take note of the pairs tried since the last time."""
        for pair in self.table.visited[self._noted :]:
            row = pair // self.table.choices
            if row not in self._made:
                self._seen.append(row)
                self._made[row] = []
            self._made[row].append(pair)
        self._noted = len(self.table.visited)
