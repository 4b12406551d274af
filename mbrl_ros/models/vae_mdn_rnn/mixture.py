"""Mixtures of Gaussians."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

# Below it a density could grow without end, where targets repeat themselves.
_LEAST_STD = 1e-2


@dataclass(frozen=True)
class Mixture:
    """K Gaussians with diagonal covariance over D numbers.

    Attributes:
        log_weights: logarithms of their shares, shape ``(..., K)``.
        means: shape ``(..., K, D)``.
        stds: shape ``(..., K, D)``.
    """

    log_weights: Tensor
    means: Tensor
    stds: Tensor

    @staticmethod
    def parameters(count: int, dim: int) -> int:
        """Return how many numbers tell of K = ``count`` Gaussians over D = ``dim`` numbers."""
        return count * (1 + 2 * dim)

    @classmethod
    def of(cls, told: Tensor, count: int) -> Mixture:
        """Return what a network tells (Bishop 1994).

        Args:
            told: shape ``(..., K * (1 + 2 D))``, any numbers.
            count: K.
        """
        logits, rest = told[..., :count], told[..., count:].unflatten(-1, (count, -1))
        means, spread = rest.chunk(2, dim=-1)
        return cls(logits.log_softmax(dim=-1), means, functional.softplus(spread) + _LEAST_STD)

    def log_density(self, z: Tensor) -> Tensor:
        """Return the logarithm of the density at ``(..., D)`` [nats], shape ``(...)``."""
        apart = (z[..., None, :] - self.means) / self.stds
        each = -0.5 * apart.square() - self.stds.log() - 0.5 * math.log(2 * math.pi)
        return torch.logsumexp(self.log_weights + each.sum(dim=-1), dim=-1)

    def draw(self, luck: Tensor) -> Tensor:
        """Return one z for each mixture, shape ``(..., D)``.

        Args:
            luck: K Gumbel numbers that choose the Gaussian, and D normal ones, shape
                ``(..., K + D)``; 0: the mean of the likeliest.
        """
        count = self.log_weights.shape[-1]
        choice, noise = luck[..., :count], luck[..., count:]
        which = (self.log_weights + choice).argmax(dim=-1)[..., None, None]
        mean, std = (
            each.gather(-2, which.expand(*which.shape[:-1], each.shape[-1]))[..., 0, :]
            for each in (self.means, self.stds)
        )
        return mean + std * noise


def tempered(luck: Tensor, temperature: float, count: int) -> Tensor:
    """Return the luck by which mixtures of another temperature are drawn.

    As if all logarithms of shares were divided by it, and all variances multiplied (Ha and
    Schmidhuber 2018, section 4.5): the higher, the less certain is what is imagined; at 0 it is the
    mean of the likeliest Gaussian.

    Args:
        luck: see `Mixture.draw`.
        temperature: at least 0.
        count: K.
    """
    choice, noise = luck[..., :count], luck[..., count:]
    return torch.cat([temperature * choice, math.sqrt(temperature) * noise], dim=-1)
