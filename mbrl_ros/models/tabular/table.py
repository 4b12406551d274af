"""A growing table of what followed each pair of row and choice."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from mbrl_ros.core.spaces import FloatArray
from mbrl_ros.models.tabular.process import Process, surprise

_FIRST_CAPACITY = 1024


class Table:
    """Counts outcomes: where a pair led, what it paid, and whether the task went on there.

    A pair's number is that of its row times the number of choices, plus that of its choice. Sums
    are weighted: with each new outcome of a pair, its earlier ones count ``retention`` times as
    much as before.

    Attributes:
        rows: number of rows S.
        choices: number of choices C.
        visits: weight of each pair's outcomes, shape ``(S C,)``.
        reward: mean reward of each pair, shape ``(S C,)``; 0 where none was paid.
        tried: number of the step in which each pair was tried last, from 1; 0: never.
        visited: pairs in the order in which they were first tried.
        leading: pairs that led to each row.
        steps: steps so far.
        paid: whether any reward was.
    """

    def __init__(self, rows: int, choices: int, retention: float) -> None:
        """Make an empty table.

        Args:
            rows: S.
            choices: C.
            retention: share of earlier outcomes that still counts when another one comes.
        """
        self.rows, self.choices, self._retention = rows, choices, retention
        pairs = rows * choices
        self.visits, self.reward = np.zeros(pairs), np.zeros(pairs)
        self.tried = np.zeros(pairs, dtype=np.int64)
        self.visited: list[int] = []
        self.leading: dict[int, set[int]] = {}
        self.steps = 0
        self.paid = False
        self._slots: dict[int, dict[int, int]] = {}
        self._used = 0
        self._pair = np.empty(_FIRST_CAPACITY, dtype=np.int64)
        self._after = np.empty(_FIRST_CAPACITY, dtype=np.int64)
        self._weight = np.empty(_FIRST_CAPACITY)
        self._continued = np.empty(_FIRST_CAPACITY)

    def add(self, pair: int, reward: float, after: int, terminated: bool) -> None:
        """Count an outcome.

        Args:
            pair: that was tried.
            reward: that was paid; NaN: none.
            after: row that it led to.
            terminated: whether the task ended there.
        """
        slots = self._slots.setdefault(pair, {})
        if not slots:
            self.visited.append(pair)
        self.leading.setdefault(after, set()).add(pair)
        if self._retention < 1:
            every = list(slots.values())
            self._weight[every] *= self._retention
            self._continued[every] *= self._retention
        slot = slots.get(after)
        if slot is None:
            slot = slots[after] = self._new_slot(pair, after)
        self._weight[slot] += 1
        self._continued[slot] += not terminated
        before = self._retention * self.visits[pair]
        self.visits[pair] = before + 1
        self.paid = self.paid or not math.isnan(reward)
        paid = 0.0 if math.isnan(reward) else reward
        self.reward[pair] += (paid - self.reward[pair]) / self.visits[pair]
        self.steps += 1
        self.tried[pair] = self.steps

    def process(self, known: int = 1, optimism: float | None = None) -> Process:
        """Return what the counts say.

        Args:
            known: visits from which on a pair is known.
            optimism: see `Process`.
        """
        used = slice(self._used)
        visits = self.visits[self._pair[used]]
        return Process(
            self.rows, self.choices, self._pair[used], self._after[used],
            self._weight[used] / visits, self._continued[used] / visits,
            self.reward, self.visits, known, optimism,
        )  # fmt: skip

    def outcomes(self, pair: int) -> list[tuple[int, float, float]]:
        """Return a pair's outcomes: row, its chance, and the chance to go on from there."""
        visits = self.visits[pair]
        return [
            (after, self._weight[slot] / visits, self._continued[slot] / visits)
            for after, slot in self._slots.get(pair, {}).items()
            if self._weight[slot] > 0
        ]

    def draw(self, pair: int, chance: float) -> tuple[int, bool]:
        """Return a row that a pair led to before, and whether the task went on there.

        Args:
            pair: visited before.
            chance: uniformly distributed in [0, 1).
        """
        left = chance * self.visits[pair]
        for after, slot in self._slots[pair].items():
            weight = self._weight[slot]
            if left < weight:
                return after, bool(left < self._continued[slot])
            left -= weight
        # Sums of weights end a little beside their total.
        return after, bool(self._continued[slot] == weight)

    def surprise(self, pair: int, after: int) -> float:
        """Return the z-score of an outcome that is about to be counted; see `surprise`."""
        known = self.outcomes(pair)
        chance = next((p for row, p, _ in known if row == after), 0.0)
        return surprise(chance, float(self.visits[pair]), len(known))

    def _new_slot(self, pair: int, after: int) -> int:
        slot = self._used
        if slot == len(self._pair):
            for name in ("_pair", "_after", "_weight", "_continued"):
                old: NDArray[np.int64] | FloatArray = getattr(self, name)
                setattr(self, name, np.concatenate([old, np.empty_like(old)]))
        self._pair[slot], self._after[slot] = pair, after
        self._weight[slot] = self._continued[slot] = 0.0
        self._used += 1
        return slot
