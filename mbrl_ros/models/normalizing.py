"""Means and deviations by which numbers of whatever unit come to be of size one."""

from __future__ import annotations

from torch import Tensor

# What hardly changes is not blown up to size one (mbrl-lib issue 110).
_SMALLEST_DEVIATION = 1e-3
# Of what rounding leaves of a constant, as a share of it.
_ROUNDING = 1e-6
# Of what robots are like in SI units: deviations, and means that are at most so large.
_USUAL = (1e-2, 1e1)


def constant(data: Tensor) -> Tensor:
    """Return which columns have never changed, shape ``(D,)``.

    Args:
        data: shape ``(N, D)``.
    """
    low, high = data.amin(dim=0), data.amax(dim=0)
    return high - low <= _ROUNDING * low.abs()


def take_inputs(mean: Tensor, std: Tensor, data: Tensor) -> None:
    """Set mean and deviation from what a network is told.

    What has been constant keeps a deviation of 1: if it changes one day, as the goal of a robot or
    a joint that was held, the network is told so in its own unit, not in hundreds of deviations.

    Args:
        mean: shape ``(D,)``; is overwritten, as is the deviation.
        std: shape ``(D,)``.
        data: shape ``(N, D)``.
    """
    take_targets(mean, std, data)
    std[constant(data)] = 1.0


def take_targets(mean: Tensor, std: Tensor, data: Tensor) -> None:
    """Set mean and deviation from what a network is to say; arguments as for `take_inputs`."""
    mean.copy_(data.mean(dim=0))
    std.copy_(data.std(dim=0, correction=0).clamp_min(_SMALLEST_DEVIATION))


def usual(mean: Tensor, std: Tensor) -> tuple[Tensor, Tensor]:
    """Return the origin and the unit in which numbers are of the size that is usual in SI units.

    Both are 0 and 1 where they are so already. Weights are drawn for numbers in these units, not
    for deviations: that fast velocities weigh more than places from the start is worth a lot
    (docs/dynamics.md), and encoder ticks or a place in a city's grid must not ruin it.

    Args:
        mean: shape ``(D,)``.
        std: shape ``(D,)``.
    """
    low, high = _USUAL
    unit = std / std.clamp(low, high)
    return mean - mean.clamp(-high * unit, high * unit), unit
