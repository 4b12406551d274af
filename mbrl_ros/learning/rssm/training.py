"""The loss of a recurrent state-space model."""

from __future__ import annotations

import torch
from torch import Tensor

from mbrl_ros.learning.latent.training import Filtered, Steps, filtered, loss_of_heads
from mbrl_ros.models.rssm.network import Rssm

# Information about an observation that costs nothing [nats] (Hafner et al. 2023, section 2).
_FREE = 1.0
# Weights of what draws the prior to the posterior, and the posterior to the prior.
_DYNAMICS, _REPRESENTATION = 1.0, 0.1


def divergence(posterior: Tensor, prior: Tensor) -> Tensor:
    """Return the KL divergence of the prior from the posterior [nats], shape ``(...)``.

    Args:
        posterior: logarithms of probabilities, shape ``(..., latents, classes)``.
        prior: the same.
    """
    return (posterior.exp() * (posterior - prior)).sum(dim=(-2, -1))


def loss_of(network: Rssm, steps: Steps, generator: torch.Generator) -> tuple[Tensor, Filtered]:
    """Return the loss of sequences, and what was made of them (Hafner et al. 2023, equation 4).

    Args:
        network: trained.
        steps: B sequences of L.
        generator: draws latent states.
    """
    states = filtered(network, steps, generator)
    prior, features = network.prior(states.h), states.features
    posterior = states.posterior
    dynamics = divergence(posterior.detach(), prior).clamp_min(_FREE).mean()
    representation = divergence(posterior, prior.detach()).clamp_min(_FREE).mean()
    wanted = network.normalized(steps.observations).transpose(0, 1)
    loss = _DYNAMICS * dynamics + _REPRESENTATION * representation
    loss = loss + (network.tell(features) - wanted).square().sum(dim=-1).mean()
    if steps.images is not None:
        shown = network.image_decoder(features).transpose(0, 1)
        loss = loss + (shown - steps.images).square().sum(dim=(-3, -2, -1)).mean()
    return loss + loss_of_heads(network, steps, states), states
