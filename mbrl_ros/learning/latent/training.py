"""Gradient steps of models that imagine in a latent state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from mbrl_ros.data.sequences import Sequence
from mbrl_ros.models.latent.images import read, shifted
from mbrl_ros.models.latent.network import LatentNetwork
from mbrl_ros.models.learner_state import count, found, saved
from mbrl_ros.models.settings import OptimizerSettings

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
        memory: recurrent memories, shape ``(L, B, D)``.
        h: what is read of them, shape ``(L, B, D')``.
        z: latent states, shape ``(L, B, C)``.
        posterior: what was told of them, shape ``(L, B, ...)``.
    """

    memory: Tensor
    h: Tensor
    z: Tensor
    posterior: Tensor

    @cached_property
    def features(self) -> Tensor:
        """What heads read, shape ``(L, B, F)``."""
        return torch.cat([self.h, self.z], dim=-1)


#: The loss [nats] of sequences, and what was made of them; the generator draws latent states.
Loss = Callable[[Any, Steps, torch.Generator], tuple[Tensor, Filtered]]


def filtered(network: LatentNetwork, steps: Steps, generator: torch.Generator | None) -> Filtered:
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
    acted = network.shares.of(steps.actions).transpose(0, 1) * known
    length, batch = embedded.shape[:2]
    luck = network.luck((length, batch), generator).to(embedded.device)
    memory = embedded.new_zeros(batch, network.memory)
    z = embedded.new_zeros(batch, network.latent)
    memories, hs, zs, posteriors = [], [], [], []
    for t in range(length):
        memory = network.advance(memory * known[t], z * known[t], acted[t])
        h = network.read(memory)
        posterior = network.posterior(h, embedded[t])
        z = network.draw(posterior, luck[t])
        memories.append(memory)
        hs.append(h)
        zs.append(z)
        posteriors.append(posterior)
    return Filtered(*(torch.stack(each) for each in (memories, hs, zs, posteriors)))


def loss_of_heads(network: LatentNetwork, steps: Steps, states: Filtered) -> Tensor:
    """Return the loss of what is expected of named dimensions, of rewards and of ends [nats].

    Args:
        network: trained.
        steps: B sequences of L.
        states: made of them.
    """
    features = states.features
    seen = steps.observations.transpose(0, 1)
    expected = network.expected(seen[:-1], network.change_head(states.h[1:]))
    missed = network.encoding.difference(expected, seen[1:]) / network.change_std
    follows = (~steps.is_first.T[1:]).to(features)
    loss = (missed.square().sum(dim=-1) * follows).mean()
    rewards = steps.rewards.T
    # Not paid for coming to an episode's first observation.
    paid = (rewards.isfinite() & ~steps.is_first.T).to(features)
    of_rewards = network.reward_head.loss(features, rewards.nan_to_num(0.0, 0.0, 0.0))
    loss = loss + (of_rewards * paid).sum() / paid.sum().clamp_min(1.0)
    goes_on = (~steps.terminated).T.to(features)
    logits = network.continue_head(features)[..., 0]
    return loss + functional.binary_cross_entropy_with_logits(logits, goes_on)


class LatentTrainer:
    """Trains a network on sequences.

    Attributes:
        network: trained.
        updates: gradient steps so far.
    """

    def __init__(
        self, network: LatentNetwork, loss: Loss, settings: OptimizerSettings, seed: int
    ) -> None:
        """Draw new weights.

        Args:
            network: to train.
            loss: of its kind.
            settings: of the optimiser.
            seed: of weights and latent states.
        """
        self.network, self.updates = network, 0
        self._settings, self._loss = settings, loss
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
        loss, states = self._loss(self.network, steps, self._generator)
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

    def load(self, network: LatentNetwork, state: dict[str, Tensor] | None) -> None:
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
