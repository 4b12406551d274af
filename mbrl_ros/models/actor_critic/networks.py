"""Stacked networks with normalised layers, for actors and critics."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional


class NormalizedNetworks(nn.Module):
    """M multi-layer perceptrons with layer normalisation before each activation.

    It keeps critics from diverging when they are trained many times for each step (Ball et al.
    2023, section 4.2; Nauman et al. 2024). Inputs are limited to ±10 deviations by the caller.
    """

    def __init__(self, layers: Sequence[int], networks: int) -> None:
        """Create networks, not initialised yet.

        Args:
            layers: sizes ``(input, hidden ..., output)``.
            networks: M.
        """
        super().__init__()
        self.weights = nn.ParameterList()
        self.biases = nn.ParameterList()
        for fan_in, fan_out in itertools.pairwise(layers):
            self.weights.append(nn.Parameter(torch.empty(networks, fan_in, fan_out)))
            self.biases.append(nn.Parameter(torch.empty(networks, 1, fan_out)))
        # To go through the lists of a module takes longer than the small products themselves.
        self._layers = list(zip(self.weights, self.biases, strict=True))

    @torch.no_grad()
    def initialize(self, generator: torch.Generator) -> None:
        """Draw new weights: orthogonal, small ones in the last layer, so that outputs begin near 0.

        Args:
            generator: of the weights.
        """
        for i, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            last = i == len(self.weights) - 1
            for one in weight:
                nn.init.orthogonal_(one, gain=0.01 if last else 1.4, generator=generator)
            bias.zero_()

    def forward(self, inputs: Tensor) -> Tensor:
        """Return outputs, shape ``(M, B, output)``.

        Args:
            inputs: shape ``(B, input)`` or ``(M, B, input)``.
        """
        *hidden, (last_weight, last_bias) = self._layers
        x = inputs.expand(len(last_bias), -1, -1)
        for weight, bias in hidden:
            x = torch.baddbmm(bias, x, weight)
            x = functional.silu(functional.layer_norm(x, x.shape[-1:]))
        return torch.baddbmm(last_bias, x, last_weight)
