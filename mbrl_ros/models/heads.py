"""Policies and values, functions of a model's features."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor


class Head(Protocol):
    """What was learned for an objective.

    Attributes:
        objective: its digest; empty: for any.
    """

    objective: str


class Policy(Head, Protocol):
    """Chooses actions."""

    def __call__(self, features: Tensor) -> Tensor:
        """Return the best known actions ``(..., A)``, SI units, for features ``(..., F)``."""

    def sample(self, features: Tensor, generator: torch.Generator) -> Tensor:
        """Return actions ``(..., A)`` drawn at random, as exploration needs, SI units."""


class Value(Head, Protocol):
    """Expected return after the end of an imagined trajectory."""

    def __call__(self, features: Tensor) -> Tensor:
        """Return values ``(...)``, in the objective's unit, for features ``(..., F)``."""


def is_for(head: Head | None, digest: str) -> bool:
    """Return whether there is a head, and it was learned for the objective of a digest."""
    return head is not None and head.objective in ("", digest)
