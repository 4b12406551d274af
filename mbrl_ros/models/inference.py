"""The mean of a model's predictions, arranged for speed and without gradients."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor


class Scratch:
    """Memory that is used again and again; it grows to the largest need."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._memory: dict[str, Tensor] = {}

    def take(self, name: str, *shape: int) -> Tensor:
        """Return memory of a shape; what it was used for under this name is overwritten."""
        size = math.prod(shape)
        if name not in self._memory or self._memory[name].numel() < size:
            self._memory[name] = torch.empty(size, device=self._device)
        return self._memory[name][:size].view(shape)


class Mean(Protocol):
    """Predicts targets (see `Encoding.target`) in SI units, with every member.

    docs/performance.md has the measurements behind how.

    Attributes:
        members: M.
        device: where it computes.
    """

    members: int
    device: torch.device

    def for_rows(self, n: int) -> Callable[[Tensor], Tensor]:
        """Return the function that predicts for n rows per member.

        It takes inputs as `Encoding` writes them, shape ``(M, n, input_dim)``, and returns
        targets, shape ``(M, n, O)``, which its next call overwrites.
        """
