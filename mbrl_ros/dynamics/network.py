"""The probabilistic ensemble: M small networks computed as one."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional


class GaussianEnsemble(nn.Module):
    """M independent multi-layer perceptrons that predict mean and log-variance.

    Their weights are stacked so that one batched matrix product serves all
    members (PETS, Chua et al. 2018, section 4).

    Attributes:
        layers: the sizes ``(input, hidden ..., 2 * output)``.
    """

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        members: int,
        hidden: list[int],
        log_variance_bounds: tuple[float, float],
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.members = members
        self.output_dim = output_dim
        self.log_variance_bounds = log_variance_bounds
        self.layers = (input_dim, *hidden, 2 * output_dim)
        self.weights = nn.ParameterList()
        self.biases = nn.ParameterList()
        for fan_in, fan_out in zip(self.layers[:-1], self.layers[1:], strict=True):
            # Truncated normal of 1 / (2 sqrt(fan_in)), as in PETS' published code.
            weight = torch.empty(members, fan_in, fan_out)
            deviation = 0.5 / math.sqrt(fan_in)
            nn.init.trunc_normal_(
                weight, std=deviation, a=-2 * deviation, b=2 * deviation, generator=generator
            )
            self.weights.append(nn.Parameter(weight))
            self.biases.append(nn.Parameter(torch.zeros(members, 1, fan_out)))

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Predict for a batch.

        Args:
            inputs: shape ``(M, B, input)``, normalised.

        Returns:
            mean and log-variance, each of shape ``(M, B, output)``, normalised.
        """
        x = inputs
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            x = functional.silu(torch.baddbmm(bias, x, weight))
        x = torch.baddbmm(self.biases[-1], x, self.weights[-1])
        mean, raw = x.split(self.output_dim, dim=-1)
        low, high = self.log_variance_bounds
        # Soft bounds keep a gradient at both ends (PETS, appendix A.1).
        log_variance = high - functional.softplus(high - raw)
        log_variance = low + functional.softplus(log_variance - low)
        return mean, log_variance


def gaussian_nll(mean: Tensor, log_variance: Tensor, target: Tensor, beta: float) -> Tensor:
    """Return the beta-weighted Gaussian negative log-likelihood, summed over members.

    Weighting each term by ``variance ** beta`` keeps a confident network from
    giving up on what it predicts badly (Seitzer et al. 2022, equation 5).

    Args:
        mean: shape ``(M, B, O)``.
        log_variance: shape ``(M, B, O)``.
        target: shape ``(M, B, O)``.
        beta: 0 is plain likelihood, 1 weights errors as a mean squared error does.
    """
    loss = 0.5 * ((target - mean) ** 2 * torch.exp(-log_variance) + log_variance)
    if beta > 0:
        loss = loss * torch.exp(beta * log_variance.detach())
    return loss.mean(dim=(1, 2)).sum()
