"""A small network from one vector to another."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mbrl_ros.dynamics.networks import DeterministicEnsemble

_SMALLEST_DEVIATION = 1e-3
_RATE = 2e-3
_DECAY = 1e-3


class Regression(nn.Module):
    """Predicts the mean of some numbers from others; normalises both."""

    input_mean: Tensor
    input_std: Tensor
    output_mean: Tensor
    output_std: Tensor

    def __init__(
        self, inputs: int, outputs: int, hidden: list[int], generator: torch.Generator | None = None
    ) -> None:
        """Make a network with random weights.

        Args:
            inputs: how many numbers it is told.
            outputs: how many numbers it says.
            hidden: units of each hidden layer.
            generator: of the weights.
        """
        super().__init__()
        self._network = DeterministicEnsemble(inputs, outputs, 1, hidden)
        self._network.initialize(generator)
        for name, size in (("input", inputs), ("output", outputs)):
            self.register_buffer(f"{name}_mean", torch.zeros(size))
            self.register_buffer(f"{name}_std", torch.ones(size))

    def optimizer(self) -> torch.optim.Optimizer:
        """Return what makes its gradient steps."""
        return torch.optim.AdamW(self._network.parameters(), lr=_RATE, weight_decay=_DECAY)

    @torch.no_grad()
    def normalize_from(self, inputs: Tensor, outputs: Tensor) -> None:
        """Take means and deviations from data, ``(N, inputs)`` and ``(N, outputs)``."""
        for mean, std, data in (
            (self.input_mean, self.input_std, inputs),
            (self.output_mean, self.output_std, outputs),
        ):
            mean.copy_(data.mean(dim=0))
            std.copy_(data.std(dim=0, correction=0).clamp_min(_SMALLEST_DEVIATION))

    def forward(self, inputs: Tensor) -> Tensor:
        """Predict, from shape ``(..., inputs)`` to ``(..., outputs)``; differentiable."""
        normalized = (inputs - self.input_mean) / self.input_std
        mean, _ = self._network(normalized.reshape(1, -1, inputs.shape[-1]))
        return (mean * self.output_std + self.output_mean).reshape(*inputs.shape[:-1], -1)

    def update(self, optimizer: torch.optim.Optimizer, inputs: Tensor, outputs: Tensor) -> None:
        """Make a gradient step on a batch, ``(B, inputs)`` and ``(B, outputs)``."""
        error = (self(inputs) - outputs) / self.output_std
        optimizer.zero_grad()
        error.square().mean().backward()
        optimizer.step()
