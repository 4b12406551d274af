"""The true table of an environment that tells it, as a reference for learned ones."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np

from mbrl_ros.core.spaces import FloatArray
from mbrl_ros.models.tabular.numbering import Indices
from mbrl_ros.models.tabular.process import Process, evaluate, solve

_TOLERANCE = 1e-10


class TrueTable:
    """What Gymnasium's toy environments tell of themselves.

    Attributes:
        process: in which every pair is known.
        optimum: expected discounted return of the best policy, from where episodes begin.
    """

    def __init__(self, environment: gymnasium.Env[Any, Any], discount: float) -> None:
        """Take the table, and solve it.

        Args:
            environment: with ``P`` and ``initial_state_distrib``.
            discount: below 1.
        """
        own: Any = environment.unwrapped
        rows, choices = len(own.P), len(own.P[0])
        told = [
            (row * choices + choice, after, chance, 0.0 if terminated else chance, chance * reward)
            for row, of_row in own.P.items()
            for choice, outcomes in of_row.items()
            for chance, after, reward, terminated in outcomes
        ]
        pair, after, chance, continues, paid = (
            np.array(column) for column in zip(*told, strict=True)
        )
        pairs = rows * choices
        reward = np.bincount(pair, paid.astype(np.float64), minlength=pairs).astype(np.float64)
        self.process = Process(
            rows, choices, pair, after, chance, continues, reward, np.ones(pairs)
        )
        self._begins: FloatArray = np.asarray(own.initial_state_distrib, dtype=np.float64)
        self._discount = discount
        best, _ = solve(self.process, discount, _TOLERANCE)
        self.optimum = self.worth(best.argmax(axis=1))

    def worth(self, policy: Indices) -> float:
        """Return a policy's expected discounted return, from where episodes begin; exact.

        Args:
            policy: choice at each row, shape ``(S,)``.
        """
        return float(self._begins @ evaluate(self.process, policy, self._discount))
