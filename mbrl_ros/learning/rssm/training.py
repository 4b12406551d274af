"""Gradient steps of a recurrent state-space model."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional

from mbrl_ros.data.sequences import Sequence
from mbrl_ros.models.learner_state import count, found, saved
from mbrl_ros.models.rssm.images import read, shifted
from mbrl_ros.models.rssm.layers import gumbel, one_hot
from mbrl_ros.models.rssm.network import Rssm
from mbrl_ros.models.settings import OptimizerSettings

# Information about an observation that costs nothing [nats] (Hafner et al. 2023, section 2).
_FREE = 1.0
# Weights of what draws the prior to the posterior, and the posterior to the prior.
_DYNAMICS, _REPRESENTATION = 1.0, 0.1
_MOST_GRADIENT = 100.0


@dataclass(frozen=True)
class Steps:
    """B sequences of L control steps as tensors; see `data.sequences.Sequence`."""

    observations: Tensor
    actions: Tensor
    rewards: Tensor
    terminated: Tensor
    is_first: Tensor
    images: Tensor | None

    @staticmethod
    def of(sequence: Sequence, grey: bool) -> Steps:
        """Return the tensors of sequences; rewards that were not paid are NaN.

        Args:
            sequence: with the images of all cameras; none: none are seen.
            grey: whether only their brightness is read.
        """
        images = [torch.from_numpy(images) for images in sequence.images.values()]
        return Steps(
            torch.from_numpy(sequence.observations),
            torch.from_numpy(sequence.actions),
            torch.from_numpy(sequence.rewards),
            torch.from_numpy(sequence.terminated),
            torch.from_numpy(sequence.is_first),
            read(torch.stack(images, dim=2), grey) if images else None,
        )

    def part(self, first: int, end: int) -> Steps:
        """Return the control steps from ``first`` to ``end`` of each sequence."""
        known = {n: v[:, first:end] for n, v in vars(self).items() if v is not None}
        return Steps(**{"images": None, **known})


@dataclass(frozen=True)
class Filtered:
    """What a network makes of sequences, time first.

    Attributes:
        h: recurrent states, shape ``(L, B, D)``.
        z: latent states, shape ``(L, B, C)``.
        posterior: logarithms of what they may be, shape ``(L, B, latents, classes)``.
    """

    h: Tensor
    z: Tensor
    posterior: Tensor

    @property
    def features(self) -> Tensor:
        """What heads read, shape ``(L, B, F)``."""
        return torch.cat([self.h, self.z], dim=-1)


def filtered(network: Rssm, steps: Steps, generator: torch.Generator | None) -> Filtered:
    """Take in sequences, each from an unknown state on; differentiable.

    Args:
        network: takes them in.
        steps: B sequences of L.
        generator: draws latent states; None: the likeliest are taken.
    """
    looked = None if steps.images is None else network.image_encoder(steps.images)
    embedded = network.embed(steps.observations, looked).transpose(0, 1)
    # Nothing is known before an episode's first step, nor acted.
    known = (~steps.is_first).T[..., None].to(embedded)
    acted = network.scaled(steps.actions).transpose(0, 1) * known
    length, batch = embedded.shape[:2]
    shape = (length, batch, network.latents, network.classes)
    luck = torch.zeros(length) if generator is None else gumbel(shape, generator)
    luck = luck.to(embedded.device)
    h = embedded.new_zeros(batch, network.deter)
    z = embedded.new_zeros(batch, network.features - network.deter)
    hs, zs, posteriors = [], [], []
    for t in range(length):
        h = network.advance(h * known[t], z * known[t], acted[t])
        posterior = network.posterior(h, embedded[t])
        # Straight through: drawn forwards, differentiated as if it were the probabilities.
        probability = posterior.exp().flatten(-2)
        z = one_hot(posterior, luck[t]) + probability - probability.detach()
        hs.append(h)
        zs.append(z)
        posteriors.append(posterior)
    return Filtered(torch.stack(hs), torch.stack(zs), torch.stack(posteriors))


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
    told = network.observation_head(features)
    loss = _DYNAMICS * dynamics + _REPRESENTATION * representation
    loss = loss + (told - wanted).square().sum(dim=-1).mean()
    if steps.images is not None:
        shown = network.image_decoder(features).transpose(0, 1)
        loss = loss + (shown - steps.images).square().sum(dim=(-3, -2, -1)).mean()
    seen = steps.observations.transpose(0, 1)
    expected = network.expected(seen[:-1], network.change_head(states.h[1:]))
    missed = network.encoding.difference(expected, seen[1:]) / network.change_std
    follows = (~steps.is_first.T[1:]).to(features)
    loss = loss + (missed.square().sum(dim=-1) * follows).mean()
    rewards = steps.rewards.T
    # Not paid for coming to an episode's first observation.
    paid = (rewards.isfinite() & ~steps.is_first.T).to(features)
    of_rewards = network.reward_head.loss(features, rewards.nan_to_num(0.0, 0.0, 0.0))
    loss = loss + (of_rewards * paid).sum() / paid.sum().clamp_min(1.0)
    goes_on = (~steps.terminated).T.to(features)
    logits = network.continue_head(features)[..., 0]
    loss = loss + functional.binary_cross_entropy_with_logits(logits, goes_on)
    return loss, states


class RssmTrainer:
    """Trains a network on sequences.

    Attributes:
        network: trained.
        updates: gradient steps so far.
    """

    def __init__(self, network: Rssm, settings: OptimizerSettings, seed: int) -> None:
        """Draw new weights.

        Args:
            network: to train.
            settings: of the optimiser.
            seed: of weights and latent states.
        """
        self.network, self.updates = network, 0
        self._settings = settings
        self._generator = torch.Generator().manual_seed(seed)
        network.initialize(self._generator)
        self._parameters = list(network.parameters())
        self._optimizer = torch.optim.AdamW(
            self._parameters, lr=settings.learning_rate, weight_decay=settings.weight_decay,
            eps=1e-6, fused=True,
        )  # fmt: skip

    def update(self, steps: Steps) -> tuple[float, Filtered]:
        """Make one gradient step; none along a loss that is not finite.

        Returns:
            the loss [nats], and what was made of the sequences.
        """
        if steps.images is not None and (most := self.network.settings.shift):
            moved = shifted(steps.images, most, self._generator)
            steps = replace(steps, images=moved)
        loss, states = loss_of(self.network, steps, self._generator)
        if loss.isfinite():
            for group in self._optimizer.param_groups:
                group["lr"] = self._learning_rate
            self._optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self._parameters, _MOST_GRADIENT)
            self._optimizer.step()
        self.updates += 1
        return float(loss.item()), states

    @property
    def _learning_rate(self) -> float:
        s = self._settings
        share = min(1.0, self.updates / s.decay_updates)
        return s.learning_rate * (s.final_learning_rate / s.learning_rate) ** share

    def state(self) -> dict[str, Tensor]:
        """Return the state needed to resume training, beside the network."""
        return {"updates": torch.tensor(self.updates), **saved("optimizer", self._optimizer)}

    def load(self, network: Rssm, state: dict[str, Tensor] | None) -> None:
        """Resume with a network and, if known, the state that belongs to it.

        Raises:
            ValueError: if the state does not fit; nothing is changed then.
        """
        if state is not None:
            updates = count(state, "updates")
            if updates:
                self._optimizer.state.update(found("optimizer", self._optimizer, state))
            self.updates = updates
        self.network.load_state_dict(network.state_dict())
