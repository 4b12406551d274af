"""The hold-out: data that no model is trained on, and a model's errors on it."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from mbrl_ros.data.segments import Indices, Segments
from mbrl_ros.data.stacking import Row
from mbrl_ros.learning.settings import GateSettings
from mbrl_ros.models.dynamics_model import DynamicsModel

_GOLDEN = (math.sqrt(5) - 1) / 2
# Enough for a stable figure, few enough to evaluate in milliseconds.
_MOST_WINDOWS = 256
# With fewer windows than this, shorter ones are used: short episodes contain no long ones.
_FEWEST_WINDOWS = 5
# Over few windows, an error may be underestimated.
_LEAST_Z = 0.3


def is_kept_back(row: int, settings: GateSettings) -> bool:
    """Return whether transition ``row`` belongs to the hold-out.

    Whole segments do, selected by their number alone: multiples of the golden ratio are evenly
    distributed and never periodic with the episodes, and a restarted trainer selects the same ones.
    """
    segment = row // settings.segment
    return (segment + 1) * _GOLDEN % 1.0 < settings.holdout_fraction


class Holdout:
    """Keeps whole segments of consecutive transitions, so that rollouts can be evaluated.

    Once full, it is a reservoir sample: each segment so far is in it with the same probability
    (Vitter 1985, algorithm R).

    Attributes:
        rows: the table.
    """

    def __init__(self, rows: Segments, capacity: int, settings: GateSettings, seed: int) -> None:
        """Create an empty hold-out.

        Args:
            rows: an empty table.
            capacity: maximum number of rows.
            settings: of the gate.
            seed: of the reservoir sampling.
        """
        self.rows = rows
        self._slots = max(1, capacity // rows.segment)
        self._settings = settings
        self._rng = np.random.default_rng(seed)
        self._added = 0
        self._slot = 0

    def __len__(self) -> int:
        return len(self.rows)

    def append(self, row: Row) -> None:
        """Add a row."""
        number, place = divmod(self._added, self.rows.segment)
        if place == 0:
            full = number >= self._slots
            self._slot = int(self._rng.integers(number + 1)) if full else number
        if self._slot < self._slots:
            self.rows.write(self._slot, place, row)
        self._added += 1

    @torch.no_grad()
    def one_step_error(self, model: DynamicsModel) -> float:
        """Return the RMS error of predicted targets, in standard deviations of the targets.

        NaN while it is empty.
        """
        rows = _some(self.rows.ends(1), 10 * _MOST_WINDOWS)
        if not len(rows):
            return math.nan
        b = self.rows.batch(rows, model.delay, model.origin)
        (prediction,) = model.unroll(b.state, [b.action])
        predicted = prediction.next_observation.mean(dim=0)
        return _rms(model.encoding.difference(b.next_observation, predicted) / model.target_std)

    @torch.no_grad()
    def open_loop_error(self, model: DynamicsModel, scale: Tensor) -> float:
        """Return the RMS error of rollouts, in units of ``scale``.

        That of the members' mean over ``horizon`` steps of recorded actions, averaged over steps,
        dimensions and windows. Infinite while it is empty.

        Args:
            model: to evaluate.
            scale: unit of each dimension, shape ``(O,)``; the same for models to be compared.
        """
        horizon, starts = self._windows(self._settings.horizon)
        if not len(starts):
            return math.inf
        rows, encoding = _some(starts, _MOST_WINDOWS), model.encoding
        batches = [self.rows.batch(rows + k, model.delay, model.origin) for k in range(horizon)]
        predictions = model.unroll(batches[0].state, [b.action for b in batches])
        errors = [
            encoding.difference(b.next_observation, predicted.next_observation.mean(dim=0)) / scale
            for b, predicted in zip(batches, predictions, strict=True)
        ]
        return _rms(torch.stack(errors))

    @torch.no_grad()
    def calibrate(self, model: DynamicsModel, steps: int) -> None:
        """Set a model's RMS errors on the hold-out, in its predicted standard deviations.

        Args:
            model: its `one_step_z` and `open_loop_z` are set.
            steps: maximum number of open-loop steps.
        """
        for horizon, z in ((1, model.one_step_z), (steps, model.open_loop_z)):
            length, starts = self._windows(horizon)
            if not len(starts):
                return
            rows = _some(starts, _MOST_WINDOWS)
            first = self.rows.batch(rows, model.delay, model.origin)
            actions = [
                self.rows.batch(rows + k, model.delay, model.origin).action for k in range(length)
            ]
            last = self.rows.batch(rows + length - 1, model.delay, model.origin)
            mean, std = model.expected_error(first.state, torch.stack(actions, dim=1))
            error = model.encoding.difference(mean, last.next_observation) / std
            z.copy_(error.square().mean(dim=0).sqrt().clamp_min(_LEAST_Z))

    def _windows(self, longest: int) -> tuple[int, Indices]:
        """Return the length of the evaluation windows, and where they start."""
        for horizon in range(longest, 0, -1):
            starts = self.rows.ends(horizon) - horizon + 1
            if len(starts) >= _FEWEST_WINDOWS:
                break
        return horizon, starts


def _some(rows: Indices, most: int) -> Indices:
    """Return at most ``most`` of the rows, evenly spread."""
    return rows[np.linspace(0, len(rows) - 1, min(len(rows), most)).astype(np.int64)]


def _rms(error: Tensor) -> float:
    return float(error.square().mean().sqrt())
