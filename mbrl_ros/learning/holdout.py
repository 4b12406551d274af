"""The part of the data that no model trains on, and what it says of a model."""

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
# Enough for a steady figure, few enough to judge in milliseconds.
_MOST_WINDOWS = 256
# With fewer windows than this, shorter ones are taken: short episodes hold no long ones.
_FEWEST_WINDOWS = 5
# Over few windows, an error may look smaller than it is.
_LEAST_Z = 0.3


def is_kept_back(row: int, settings: GateSettings) -> bool:
    """Return whether a transition, by its number, belongs to the hold-out.

    Whole segments are, picked by their number alone: multiples of the golden ratio fall
    evenly, never in step with the episodes, and a restarted trainer keeps back the same ones.
    """
    segment = row // settings.segment
    return (segment + 1) * _GOLDEN % 1.0 < settings.holdout_fraction


class Holdout:
    """Keeps whole segments of consecutive transitions, so that rollouts can be judged.

    Once it is full, a new segment takes the place of a random one, so that of all segments
    each is there with the same chance (Vitter 1985, algorithm R).

    Attributes:
        rows: the table.
    """

    def __init__(self, rows: Segments, capacity: int, settings: GateSettings, seed: int) -> None:
        """Make an empty one.

        Args:
            rows: an empty table.
            capacity: rows, at most.
            settings: how it is judged.
            seed: of what is kept.
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
        """Keep a row back."""
        number, place = divmod(self._added, self.rows.segment)
        if place == 0:
            full = number >= self._slots
            self._slot = int(self._rng.integers(number + 1)) if full else number
        if self._slot < self._slots:
            self.rows.write(self._slot, place, row)
        self._added += 1

    @torch.no_grad()
    def one_step_error(self, model: DynamicsModel) -> float:
        """Return the RMS error of the predicted targets, in standard deviations of them.

        NaN while nothing is kept back.
        """
        rows = _some(self.rows.ends(1), 10 * _MOST_WINDOWS)
        if not len(rows):
            return math.nan
        b = self.rows.batch(rows, model.delay)
        (prediction,) = model.unroll(b.state, [b.action])
        predicted = prediction.next_observation.mean(dim=0)
        return _rms(model.encoding.difference(b.next_observation, predicted) / model.target_std)

    @torch.no_grad()
    def open_loop_error(self, model: DynamicsModel, scale: Tensor) -> float:
        """Return the RMS error of rollouts, in units of ``scale``.

        The members' mean prediction, over ``horizon`` steps of recorded actions, averaged over
        steps, dimensions and windows. Infinite while nothing is kept back.

        Args:
            model: predicts.
            scale: unit of each dimension, shape ``(O,)``; the same for models to be compared.
        """
        horizon, starts = self._windows(self._settings.horizon)
        if not len(starts):
            return math.inf
        rows, encoding = _some(starts, _MOST_WINDOWS), model.encoding
        batches = [self.rows.batch(rows + k, model.delay) for k in range(horizon)]
        predictions = model.unroll(batches[0].state, [b.action for b in batches])
        errors = [
            encoding.difference(b.next_observation, predicted.next_observation.mean(dim=0)) / scale
            for b, predicted in zip(batches, predictions, strict=True)
        ]
        return _rms(torch.stack(errors))

    @torch.no_grad()
    def calibrate(self, model: DynamicsModel, steps: int) -> None:
        """Note in a model how wrong it is, in the deviations that it expects.

        Args:
            model: of which `one_step_z` and `open_loop_z` are set.
            steps: of the open-loop predictions, at most.
        """
        for horizon, z in ((1, model.one_step_z), (steps, model.open_loop_z)):
            length, starts = self._windows(horizon)
            if not len(starts):
                return
            rows = _some(starts, _MOST_WINDOWS)
            first = self.rows.batch(rows, model.delay)
            actions = [self.rows.batch(rows + k, model.delay).action for k in range(length)]
            last = self.rows.batch(rows + length - 1, model.delay)
            mean, std = model.expected_error(first.state, torch.stack(actions, dim=1))
            error = model.encoding.difference(mean, last.next_observation) / std
            z.copy_(error.square().mean(dim=0).sqrt().clamp_min(_LEAST_Z))

    def _windows(self, longest: int) -> tuple[int, Indices]:
        """Return the length of the windows to judge by, and where they start."""
        for horizon in range(longest, 0, -1):
            starts = self.rows.ends(horizon) - horizon + 1
            if len(starts) >= _FEWEST_WINDOWS:
                break
        return horizon, starts


def _some(rows: Indices, most: int) -> Indices:
    """Return at most so many of the rows, spread evenly."""
    return rows[np.linspace(0, len(rows) - 1, min(len(rows), most)).astype(np.int64)]


def _rms(error: Tensor) -> float:
    return float(error.square().mean().sqrt())
