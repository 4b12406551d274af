"""A finite Markov decision process, and its solution by value iteration."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mbrl_ros.core.spaces import FloatArray
from mbrl_ros.models.tabular.numbering import Indices


@dataclass(frozen=True)
class Process:
    """What follows each pair of row and choice, as sparse outcomes.

    A pair that is not known is worth ``optimism`` and ends the task, as in R-max (Brafman and
    Tennenholtz 2002); where that is None, it leads back to its row and pays nothing.

    Attributes:
        rows: number of rows S.
        choices: number of choices C.
        pair: of each of K outcomes: the row's number times C, plus the choice's; shape ``(K,)``.
        after: row that it leads to, shape ``(K,)``.
        chance: its probability, shape ``(K,)``.
        continues: probability that it comes and the task goes on, shape ``(K,)``.
        reward: expected of each pair, shape ``(S C,)``.
        visits: that this is from, shape ``(S C,)``.
        least: visits from which on a pair is known.
        optimism: return of pairs that are not known; None: they lead back to their row.
    """

    rows: int
    choices: int
    pair: Indices
    after: Indices
    chance: FloatArray
    continues: FloatArray
    reward: FloatArray
    visits: FloatArray
    least: int = 1
    optimism: float | None = None

    @cached_property
    def known(self) -> NDArray[np.bool_]:
        """Whether a pair is known, shape ``(S C,)``."""
        # Of weights that are summed up, one visit may be a little less than 1.
        return self.visits >= self.least - 1e-9

    def backup(self, values: FloatArray, discount: float) -> FloatArray:
        """Return the expected return of each pair, one step ahead; shape ``(S, C)``.

        Args:
            values: expected return of each row, shape ``(S,)``.
            discount: weight of the next step's.
        """
        pairs = self.rows * self.choices
        ahead = np.bincount(self.pair, self.continues * values[self.after], minlength=pairs)
        q = (self.reward + discount * ahead).reshape(self.rows, self.choices)
        unknown = discount * values[:, None] if self.optimism is None else self.optimism
        return np.where(self.known.reshape(q.shape), q, unknown)


def solve(
    process: Process, discount: float, tolerance: float, values: FloatArray | None = None
) -> tuple[FloatArray, int]:
    """Return the expected return of each pair, shape ``(S, C)``, and the sweeps that it took.

    Value iteration: v' = max(backup(v)) until no value changes by more than a tolerance e. With a
    discount d, ``|v' - v*| <= d e / (1 - d)`` then, and the policy that is greedy in what is
    returned loses at most ``2 d e / (1 - d)`` (Puterman 2005, theorem 6.3.1; Williams and Baird
    1993).

    Args:
        process: to solve.
        discount: d, below 1.
        tolerance: e.
        values: to start from, shape ``(S,)``; None: zero.
    """
    before = np.zeros(process.rows) if values is None else values
    sweeps = 0
    while True:
        q = process.backup(before, discount)
        sweeps += 1
        after = q.max(axis=1)
        if np.abs(after - before).max() <= tolerance:
            return q, sweeps
        before = after


def evaluate(process: Process, policy: Indices, discount: float) -> FloatArray:
    """Return the expected return of a policy from each row, shape ``(S,)``; exact.

    Args:
        process: in which it acts; all its pairs known.
        policy: choice at each row, shape ``(S,)``.
        discount: below 1.
    """
    acting = np.arange(process.rows) * process.choices + policy
    transition = np.zeros((process.rows, process.rows))
    used = acting[process.pair // process.choices] == process.pair
    where = process.pair[used] // process.choices, process.after[used]
    np.add.at(transition, where, process.continues[used])
    left = np.eye(process.rows) - discount * transition
    found: FloatArray = np.linalg.solve(left, process.reward[acting])
    return found


def surprise(chance: float, visits: float, outcomes: int) -> float:
    """Return the z-score of an outcome: the root of Pearson's statistic per degree of freedom.

    Of one draw of K outcomes with probabilities p, sum((x - p)² / p) = (1 - p) / p for the one that
    came, and its mean is K - 1. An outcome that was never seen counts as one of one visit more.

    Args:
        chance: estimated probability of what came; 0: never seen.
        visits: that the estimate is from; 0: nothing was expected.
        outcomes: K, those seen so far.
    """
    if visits <= 0:
        return 0.0
    odds = 1 / chance - 1 if chance > 0 else visits
    return math.sqrt(max(0.0, odds) / max(1, outcomes - 1))
