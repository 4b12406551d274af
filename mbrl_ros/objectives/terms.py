"""Reward terms: pure functions of named dimensions over batches."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from mbrl_ros.objectives.settings import TermSettings


def linear(x: Tensor, _: TermSettings) -> Tensor:
    """Return the value itself."""
    return x


def quadratic(x: Tensor, _: TermSettings) -> Tensor:
    """Return the negative square."""
    return -(x * x)


def cosine(x: Tensor, _: TermSettings) -> Tensor:
    """Return the cosine of an angle [rad]."""
    return torch.cos(x)


def tolerance(x: Tensor, term: TermSettings) -> Tensor:
    """Return 1 within ``[lower, upper]``, falling off over ``margin`` outside.

    As ``dm_control.utils.rewards.tolerance`` (Tassa et al. 2018, section 6).
    """
    distance = torch.clamp_min(torch.maximum(term.lower - x, x - term.upper), 0.0)
    if term.margin == 0.0:
        # What is not finite must stay so, for planners to see: 0 * nan is nan.
        return (distance == 0.0).to(x.dtype) + 0.0 * distance
    return _SIGMOIDS[term.sigmoid](distance / term.margin, term.value_at_margin)


def _gaussian(d: Tensor, value: float) -> Tensor:
    return torch.exp(math.log(value) * d * d)


def _linear(d: Tensor, value: float) -> Tensor:
    return torch.clamp_min(1.0 - (1.0 - value) * d, 0.0)


def _quadratic(d: Tensor, value: float) -> Tensor:
    return torch.clamp_min(1.0 - (1.0 - value) * d * d, 0.0)


def _long_tail(d: Tensor, value: float) -> Tensor:
    return 1.0 / (1.0 + (1.0 / value - 1.0) * d * d)


_SIGMOIDS: dict[str, Callable[[Tensor, float], Tensor]] = {
    "gaussian": _gaussian,
    "linear": _linear,
    "quadratic": _quadratic,
    "long_tail": _long_tail,
}

TERMS: dict[str, Callable[[Tensor, TermSettings], Tensor]] = {
    "linear": linear,
    "quadratic": quadratic,
    "tolerance": tolerance,
    "cosine": cosine,
}
