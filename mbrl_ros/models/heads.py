"""Policies and values, functions of a model's features."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor


class Policy(Protocol):
    """Chooses actions."""

    def __call__(self, features: Tensor) -> Tensor:
        """Return actions ``(..., A)``, SI units, for features ``(..., F)``; differentiable."""


class Value(Protocol):
    """Expected return after the end of an imagined trajectory."""

    def __call__(self, features: Tensor) -> Tensor:
        """Return values ``(...)``, in the objective's unit, for features ``(..., F)``."""
