"""The part of the data that no model trains on, and what it says of a model."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mbrl_ros.data.transitions import Transitions
from mbrl_ros.dynamics.model import EnsembleModel
from mbrl_ros.dynamics.settings import GateSettings

_GOLDEN = (math.sqrt(5) - 1) / 2
# Enough for a steady figure, few enough to judge in milliseconds.
_MOST_WINDOWS = 256


class Holdout:
    """Keeps back whole segments of consecutive transitions, so that rollouts can be judged.

    Which segments is decided by their number alone: multiples of the golden ratio fall
    evenly, never in step with the episodes, and a restarted trainer keeps back the same ones.
    """

    def __init__(self, log: Transitions, settings: GateSettings) -> None:
        self._log = log
        self._settings = settings
        self._rows: list[int] = []
        self._starts: list[int] = []

    def __len__(self) -> int:
        return len(self._rows)

    def claim(self, row: int) -> bool:
        """Return whether the newest row of the log is kept back, and keep it if so."""
        s = self._settings
        segment = row // s.segment
        if (segment + 1) * _GOLDEN % 1.0 >= s.holdout_fraction:
            return False
        self._rows.append(row)
        first = row - s.horizon + 1
        if first >= segment * s.segment and self._unbroken(first, row):
            self._starts.append(first)
        return True

    def one_step_error(self, model: EnsembleModel) -> float:
        """Return the RMS error of the predicted changes, in standard deviations of them.

        NaN while nothing is kept back.
        """
        rows = np.asarray(self._rows[-10 * _MOST_WINDOWS :], dtype=np.int64)
        if not len(rows):
            return math.nan
        predicted, actual = self._predict(model, rows)
        return _rms(model.encoding.delta(actual, predicted) / model.delta_std)

    def open_loop_error(self, model: EnsembleModel) -> float:
        """Return the RMS error of rollouts, in standard deviations of each dimension.

        The members' mean prediction, over ``horizon`` steps of recorded actions, averaged over
        steps, dimensions and windows. Infinite while there is no window.
        """
        if not self._starts:
            return math.inf
        chosen = np.linspace(0, len(self._starts) - 1, min(len(self._starts), _MOST_WINDOWS))
        rows = np.asarray(self._starts, dtype=np.int64)[chosen.astype(np.int64)]
        state: Tensor | None = None
        errors = []
        for k in range(self._settings.horizon):
            state, actual = self._members(model, rows + k, state)
            error = model.encoding.delta(actual, state.mean(dim=0))
            errors.append(error / model.observation_std)
        return _rms(torch.stack(errors))

    def _predict(self, model: EnsembleModel, rows: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        members, actual = self._members(model, rows, None)
        return members.mean(dim=0), actual

    @torch.no_grad()
    def _members(
        self, model: EnsembleModel, rows: NDArray[np.int64], state: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        observation = torch.from_numpy(self._log.observation[rows]).float()
        action = torch.from_numpy(self._log.action[rows]).float()
        actual = torch.from_numpy(self._log.next_observation[rows]).float()
        if state is None:
            state = observation.expand(model.members, -1, -1)
        following, _ = model.predict(state, action.expand(model.members, -1, -1))
        return following, actual

    def _unbroken(self, first: int, last: int) -> bool:
        log = self._log
        return bool(
            log.episode[first] == log.episode[last]
            and log.step[last] - log.step[first] == last - first
        )


def _rms(error: Tensor) -> float:
    return float(error.square().mean().sqrt())
