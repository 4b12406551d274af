"""Means and standard deviations for normalisation."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mbrl_ros.core.spaces import FloatArray

# Below are no measurements, in whatever units, but rounding errors of a constant 0.
_SMALLEST_DEVIATION = 1e-12
# Relative rounding error of a constant.
_ROUNDING = 1e-6
#: Deviation allowed for a constant target, relative to its dimension's own.
LEAST_SHARE = 1e-3
# Usual range of a robot's standard deviations in SI units; the upper bound also holds for means.
_USUAL = (1e-2, 1e1)
# From so many deviations on, zero is too far away for float32.
_FAR = 100.0
# Range of a constant's rounding errors in what measures it, relative to its size.
_STILL = 1e-9


def far_from_zero(data: FloatArray) -> NDArray[np.bool_]:
    """Return which columns lie so far from zero that float32 would not tell their changes.

    Args:
        data: shape ``(N, D)``.
    """
    mean, apart = np.abs(data.mean(axis=0)), np.ptp(data, axis=0)
    far: NDArray[np.bool_] = (mean > _FAR * data.std(axis=0)) & (apart > _STILL * mean)
    return far


def constant(data: Tensor) -> Tensor:
    """Return which columns are constant, shape ``(D,)``.

    Args:
        data: shape ``(N, D)``.
    """
    low, high = data.amin(dim=0), data.amax(dim=0)
    return high - low <= _ROUNDING * low.abs()


def take_inputs(mean: Tensor, std: Tensor, data: Tensor) -> None:
    """Set mean and standard deviation of a network's inputs.

    The deviation of a constant dimension is its size, 1 for a constant 0: if it changes later (a
    goal, a joint that was held), the input changes by so much, not by hundreds of deviations.

    Args:
        mean: shape ``(D,)``; overwritten, like ``std``.
        std: shape ``(D,)``.
        data: shape ``(N, D)``.
    """
    mean.copy_(data.mean(dim=0))
    std.copy_(data.std(dim=0, correction=0))
    still = constant(data) | (std < _SMALLEST_DEVIATION)
    size = torch.where(mean.abs() < _SMALLEST_DEVIATION, 1.0, mean.abs())
    std[still] = size[still]


def take_targets(mean: Tensor, std: Tensor, data: Tensor, unit: Tensor | None = None) -> None:
    """Set mean and standard deviation of a network's targets.

    That of a constant target is a small share of its unit: nothing should be predicted of it.

    Args:
        mean: shape ``(D,)``; overwritten, like ``std``.
        std: shape ``(D,)``.
        data: shape ``(N, D)``.
        unit: standard deviation of what changes by the targets, shape ``(D,)``; None: the targets'
            own size.
    """
    take_inputs(mean, std, data)
    still = constant(data) | (data.std(dim=0, correction=0) < _SMALLEST_DEVIATION)
    std[still] = LEAST_SHARE * (std if unit is None else unit)[still]


def usual(mean: Tensor, std: Tensor) -> tuple[Tensor, Tensor]:
    """Return origin and unit in which numbers have the size that is usual in SI units.

    They are 0 and 1 where that is so already. Weights are initialised for these units, not for unit
    variance: fast velocities weighing more than positions from the start helps a lot
    (docs/dynamics.md), and encoder ticks or map coordinates must not spoil it.

    Args:
        mean: shape ``(D,)``.
        std: shape ``(D,)``.
    """
    low, high = _USUAL
    unit = std / std.clamp(low, high)
    return mean - mean.clamp(-high * unit, high * unit), unit
