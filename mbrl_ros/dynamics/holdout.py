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
# With fewer windows than this, shorter ones are taken: short episodes hold no long ones.
_FEWEST_WINDOWS = 5


class Holdout:
    """Keeps back whole segments of consecutive transitions, so that rollouts can be judged.

    Which segments is decided by their number alone: multiples of the golden ratio fall
    evenly, never in step with the episodes, and a restarted trainer keeps back the same ones.
    """

    def __init__(self, log: Transitions, settings: GateSettings) -> None:
        self._log = log
        self._settings = settings
        self._rows: list[int] = []
        self._lengths: list[int] = []  # of the unbroken stretch that ends with each row

    def __len__(self) -> int:
        return len(self._rows)

    def claim(self, row: int) -> bool:
        """Return whether the newest row of the log is kept back, and keep it if so."""
        s = self._settings
        segment = row // s.segment
        if (segment + 1) * _GOLDEN % 1.0 >= s.holdout_fraction:
            return False
        follows = bool(self._rows) and self._follows(self._rows[-1], row, segment)
        self._lengths.append(self._lengths[-1] + 1 if follows else 1)
        self._rows.append(row)
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

    def open_loop_error(self, model: EnsembleModel, scale: Tensor) -> float:
        """Return the RMS error of rollouts, in units of ``scale``.

        The members' mean prediction, over ``horizon`` steps of recorded actions, averaged over
        steps, dimensions and windows. Infinite while nothing is kept back.

        Args:
            model: predicts.
            scale: unit of each dimension, shape ``(O,)``; the same for models to be compared.
        """
        horizon, starts = self._windows()
        if not len(starts):
            return math.inf
        chosen = np.linspace(0, len(starts) - 1, min(len(starts), _MOST_WINDOWS))
        rows = starts[chosen.astype(np.int64)]
        state: Tensor | None = None
        errors = []
        for k in range(horizon):
            state, actual = self._members(model, rows + k, state)
            error = model.encoding.delta(actual, state.mean(dim=0))
            errors.append(error / scale)
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

    def _windows(self) -> tuple[int, NDArray[np.int64]]:
        """Return the length of the windows to judge by, and where they start."""
        rows, lengths = np.array(self._rows, dtype=np.int64), np.array(self._lengths)
        for horizon in range(self._settings.horizon, 0, -1):
            starts = rows[lengths >= horizon] - horizon + 1
            if len(starts) >= _FEWEST_WINDOWS:
                break
        return horizon, starts

    def _follows(self, before: int, row: int, segment: int) -> bool:
        log = self._log
        return bool(
            before == row - 1
            and before >= segment * self._settings.segment
            and log.episode[before] == log.episode[row]
            and log.step[before] + 1 == log.step[row]
            # A plant that was restarted counts its episodes from 0 again.
            and (log.next_observation[before] == log.observation[row]).all()
        )


def _rms(error: Tensor) -> float:
    return float(error.square().mean().sqrt())
