"""Means and standard deviations for normalisation."""

from __future__ import annotations

from torch import Tensor

# Do not scale nearly constant dimensions up to unit variance (mbrl-lib issue 110).
_SMALLEST_DEVIATION = 1e-3
# Relative rounding error of a constant.
_ROUNDING = 1e-6
# Usual range of a robot's standard deviations in SI units; the upper bound also holds for means.
_USUAL = (1e-2, 1e1)


def constant(data: Tensor) -> Tensor:
    """Return which columns are constant, shape ``(D,)``.

    Args:
        data: shape ``(N, D)``.
    """
    low, high = data.amin(dim=0), data.amax(dim=0)
    return high - low <= _ROUNDING * low.abs()


def take_inputs(mean: Tensor, std: Tensor, data: Tensor) -> None:
    """Set mean and standard deviation of a network's inputs.

    A constant dimension keeps a standard deviation of 1: if it changes later (a goal, a joint that
    was held), the input changes by its own unit, not by hundreds of standard deviations.

    Args:
        mean: shape ``(D,)``; overwritten, like ``std``.
        std: shape ``(D,)``.
        data: shape ``(N, D)``.
    """
    take_targets(mean, std, data)
    std[constant(data)] = 1.0


def take_targets(mean: Tensor, std: Tensor, data: Tensor) -> None:
    """Set mean and standard deviation of a network's targets; arguments as for `take_inputs`."""
    mean.copy_(data.mean(dim=0))
    std.copy_(data.std(dim=0, correction=0).clamp_min(_SMALLEST_DEVIATION))


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
