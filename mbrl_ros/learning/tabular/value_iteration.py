"""The empirical decision process, solved by value iteration."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mbrl_ros.core.spaces import FloatArray
from mbrl_ros.learning.tabular.method import Method
from mbrl_ros.models.tabular.settings import TabularSettings
from mbrl_ros.models.tabular.table import Table


class ValueIteration(Method):
    """Takes the counts for the truth, and sweeps over all pairs until no value changes any more.

    It begins with the values of before, so that one further outcome costs a few sweeps. See `solve`
    for how far from the solution that leaves it. What is tried while exploring is solved for
    beside: pairs that are not known are worth ``optimism`` there (R-max), and others pay a bonus
    over the root of their visits (MBIE-EB, Strehl and Littman 2008). With a bonus, those that are
    not known are also worth a whole one for ever, so that they attract most.
    """

    def __init__(self, table: Table, settings: TabularSettings, rng: np.random.Generator) -> None:
        super().__init__(table, settings, rng)
        shape = table.rows, table.choices
        forever = settings.bonus / (1 - settings.discount)
        self._hope = None if self.optimism is None else self.optimism + forever
        self._q, self._drawn_to = np.zeros(shape), np.full(shape, self._hope or 0.0)
        self._process = self._hopeful = table.process()
        # Steps that they tell of.
        self._counted = 0
        self._change = 0.0

    @property
    def q(self) -> FloatArray:
        """See `Method.q`."""
        return self._q

    @q.setter
    def q(self, q: FloatArray) -> None:
        self._q = q.copy()

    @property
    def drawn_to(self) -> FloatArray:
        """See `Method.drawn_to`."""
        return self._q if self._hope is None else self._drawn_to

    @property
    def owed(self) -> float:
        """See `Method.owed`: until no value changes, after each step anew."""
        unsolved = self._change > self.settings.tolerance
        return float(unsolved or self._counted != self.table.steps)

    def plan(self) -> None:
        """See `Method.plan`: one sweep."""
        if self._counted != self.table.steps:
            self._count()
        discount = self.settings.discount
        before, self._q = self._q, self._process.backup(self._q.max(axis=1), discount)
        self._change = _change(before, self._q)
        if self._hope is not None:
            before = self._drawn_to
            self._drawn_to = self._hopeful.backup(before.max(axis=1), discount)
            self._change = max(self._change, _change(before, self._drawn_to))
        self.updates += 1

    @property
    def told(self) -> str:
        """See `Method.told`."""
        s = self.settings
        bound = s.discount * self._change / (1 - s.discount)
        return f"solved in {self.updates} sweeps, values within {bound:.2g} of the table's optimum"

    def _count(self) -> None:
        self._counted = self.table.steps
        self._process = self.table.process()
        if self._hope is not None:
            hopeful = self.table.process(self.settings.known, self._hope)
            bonus = self.settings.bonus / np.sqrt(np.maximum(hopeful.visits, 1))
            self._hopeful = replace(hopeful, reward=hopeful.reward + bonus)


def _change(before: FloatArray, after: FloatArray) -> float:
    return float(np.abs(after.max(axis=1) - before.max(axis=1)).max())
