"""Fast mean predictions, without gradients."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor


class Scratch:
    """Reusable buffers, which grow to the largest size requested."""

    def __init__(self, device: torch.device, dtype: torch.dtype = torch.float32) -> None:
        self._device, self._dtype = device, dtype
        self._memory: dict[str, Tensor] = {}

    def take(self, name: str, *shape: int) -> Tensor:
        """Return a buffer of a shape; the previous contents under this name are overwritten."""
        size = math.prod(shape)
        if name not in self._memory or self._memory[name].numel() < size:
            self._memory[name] = torch.empty(size, dtype=self._dtype, device=self._device)
        return self._memory[name][:size].view(shape)


class Mean(Protocol):
    """Predicts targets (see `Encoding.target`) in SI units, with every member.

    Measurements: docs/performance.md.

    Attributes:
        members: M.
        device: of the computation.
    """

    members: int
    device: torch.device

    def for_rows(self, n: int) -> Callable[[Tensor], Tensor]:
        """Return the function that predicts for n rows per member.

        It maps inputs as `Encoding` writes them, shape ``(M, n, input_dim)``, to targets, shape
        ``(M, n, O)``, which the next call overwrites.
        """
