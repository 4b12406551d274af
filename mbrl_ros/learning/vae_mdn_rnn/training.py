"""The losses of VAE and mixture density RNN."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from mbrl_ros.learning.latent.training import Filtered, Steps, filtered, loss_of_heads
from mbrl_ros.models.vae_mdn_rnn.network import VaeMdnRnn

# Deviations with which V tells what was seen: of named dimensions, in those of the data, and of
# pixels, of which the whole range is 1.
_READING_STD, _PIXEL_STD = 0.1, 0.25
# Information in each number of z that costs nothing [nats]; the paper's implementation has it.
_FREE = 0.5


def divergence(mean: Tensor, log_std: Tensor) -> Tensor:
    """Return the KL divergence of N(0, 1) from Gaussians ``(..., D)`` [nats], shape ``(...)``."""
    return (0.5 * (mean.square() + (2 * log_std).exp() - 1) - log_std).sum(dim=-1)


def log_likelihood(seen: Tensor, told: Tensor, std: float) -> Tensor:
    """Return the logarithm of the density [nats] of what was seen, as it was told.

    Args:
        seen: shape ``(...)``.
        told: its means, of the same shape.
        std: its deviation.

    Returns:
        of each number, shape ``(...)``.
    """
    return -0.5 * ((seen - told) / std).square() - math.log(std) - 0.5 * math.log(2 * math.pi)


def loss_of(
    network: VaeMdnRnn, steps: Steps, generator: torch.Generator
) -> tuple[Tensor, Filtered]:
    """Return the loss of sequences [nats], and what was made of them.

    V's is the negative evidence lower bound (Kingma and Welling 2014, equation 3), where a little
    information costs nothing; M's the negative logarithm of its mixture's density at the next
    latent state. M learns from latent states that V drew, and V nothing from M.

    Args:
        network: trained.
        steps: B sequences of L.
        generator: draws latent states.
    """
    states = filtered(network, steps, generator)
    mean, log_std = states.posterior.chunk(2, dim=-1)
    z = mean + log_std.exp() * torch.randn(mean.shape, generator=generator)
    wanted = network.normalized(steps.observations).transpose(0, 1)
    likely = log_likelihood(wanted, network.tell(z), _READING_STD).sum(dim=-1).mean()
    if steps.images is not None:
        shown = network.image_decoder(z).transpose(0, 1)
        of_pixels = log_likelihood(steps.images, shown, _PIXEL_STD)
        likely = likely + of_pixels.sum(dim=(-3, -2, -1)).mean()
    told = divergence(mean, log_std).clamp_min(_FREE * network.latent).mean()
    # What precedes a sequence that begins in mid-episode is not known.
    follows = torch.ones_like(steps.is_first.T)
    follows[0] = steps.is_first[:, 0]
    foreseen = network.prior(states.h).log_density(states.z)
    loss = told - likely - (foreseen * follows).sum() / follows.sum().clamp_min(1)
    return loss + loss_of_heads(network, steps, states), states
