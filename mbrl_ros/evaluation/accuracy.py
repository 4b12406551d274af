"""Prediction errors and calibration of a model on recorded data."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import torch
from torch import Tensor

from mbrl_ros.core.spaces import FloatArray
from mbrl_ros.data.segments import Indices, Segments, one_segment
from mbrl_ros.data.transitions import Transitions
from mbrl_ros.models.dynamics_model import DynamicsModel

#: Nominal coverage of the predicted intervals.
LEVELS = (0.5, 0.8, 0.9, 0.95, 0.99)
# Enough for stable figures.
_MOST = 5000


@dataclass(frozen=True)
class Accuracy:
    """Errors and calibration on recorded data.

    Attributes:
        names: of the observation's dimensions, O of them.
        open_loop: RMS error of the members' mean after 1 to H steps of recorded actions,
            shape ``(H, O)``, SI units; row 0 is the one-step error.
        unmoved: RMS error of predicting no change, shape ``(H, O)``, SI units.
        spread: RMS standard deviation between the members, shape ``(H, O)``, SI units.
        z_scores: RMS of the one-step error in predicted standard deviations, shape ``(O,)``;
            1 if calibrated, greater if overconfident.
        coverage: share of one-step cases within each of `LEVELS`' intervals, ``(levels, O)``.
        windows: number of stretches in the open-loop figures.
        backward: RMS error of the backward model 1 to H steps before a known observation, shape
            ``(H, O)``, SI units; None: not learned.
        action: RMS error of the inverse model's action, shape ``(A,)``, SI units; None: not
            learned.
    """

    names: tuple[str, ...]
    open_loop: FloatArray
    unmoved: FloatArray
    spread: FloatArray
    z_scores: FloatArray
    coverage: FloatArray
    windows: int
    backward: FloatArray | None = None
    action: FloatArray | None = None


@torch.no_grad()
def measure(model: DynamicsModel, log: Transitions, horizon: int) -> Accuracy:
    """Compare predictions with a log.

    Args:
        model: to evaluate.
        log: of the same dimensions, with at least one unbroken stretch of ``horizon``.
        horizon: steps of the open-loop predictions.

    Raises:
        ValueError: if the log has no such stretch, or other dimensions.
    """
    model.check_spaces(log.observation_space, log.action_space)
    rows, encoding = one_segment(log, model.encoding.history, model.delay), model.encoding
    starts = rows.ends(horizon) - horizon + 1
    if not len(starts):
        raise ValueError(f"horizon: no stretch of {horizon} unbroken steps in the data")
    starts = starts[np.linspace(0, len(starts) - 1, min(len(starts), _MOST)).astype(np.int64)]
    batches = [rows.batch(starts + k, model.delay, model.origin) for k in range(horizon)]
    first = batches[0].state[..., : encoding.observation_dim]
    errors, unmoved, spread = [], [], []
    predictions = model.unroll(batches[0].state, [b.action for b in batches])
    for k, (b, predicted) in enumerate(zip(batches, predictions, strict=True)):
        seen = predicted.next_observation
        error = encoding.difference(seen.mean(dim=0), b.next_observation)
        if k == 0:
            # Total variance of the mixture: within and between the members.
            noise = predicted.std.square().mean(dim=0)
            z = error / (noise + seen.var(dim=0, correction=0)).sqrt()
        errors.append(_rms(error))
        unmoved.append(_rms(encoding.difference(first, b.next_observation)))
        spread.append(_rms(seen.std(dim=0, correction=0)))
    bounds = [NormalDist().inv_cdf((1 + level) / 2) for level in LEVELS]
    return Accuracy(
        model.observation.names,
        np.stack(errors),
        np.stack(unmoved),
        np.stack(spread),
        _rms(z),
        np.stack([(z.abs() <= bound).double().mean(dim=0).numpy() for bound in bounds]),
        len(starts),
        *_the_other_way_round(model, rows, starts, horizon),
    )


def _the_other_way_round(
    model: DynamicsModel, rows: Segments, starts: Indices, horizon: int
) -> tuple[FloatArray | None, FloatArray | None]:
    """Return `Accuracy.backward` and `Accuracy.action`."""
    if (inverses := model.inverses) is None:
        return None, None
    errors, o = [], model.observation.dim
    for k in reversed(range(horizon)):
        b = rows.batch(starts + k, model.delay, model.origin)
        if k == horizon - 1:
            seen = b.next_observation
        seen = inverses.before(b.action, seen).clamp(model.low, model.high)
        errors.append(_rms(model.encoding.difference(seen, b.state[..., :o])))
    told = inverses.action_head(inverses.between(b.state[..., :o], b.next_observation))
    return np.stack(errors), _rms(told - b.action)


def _rms(values: Tensor) -> FloatArray:
    rms: FloatArray = values.double().square().mean(dim=0).sqrt().numpy()
    assert all(map(math.isfinite, rms))
    return rms
