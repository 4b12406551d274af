"""Interface of actor-critics: a policy, critics of its actions, and their value."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from mbrl_ros.core.spaces import Space
from mbrl_ros.models.actor_critic.networks import NormalizedNetworks
from mbrl_ros.models.actor_critic.settings import ActorCriticSettings
from mbrl_ros.models.encoding import Encoding
from mbrl_ros.models.normalizing import take_inputs

# Inputs further away, in standard deviations, mean no more than these.
_FURTHEST = 10.0
_TINY = 1e-12
#: No objective's digest.
NOTHING = "none"


class ActorCritic(nn.Module, ABC):
    """A policy with entropy, and critics that expect its discounted return (SAC, Haarnoja 2018).

    Critics answer in units of `unit`, so that the size of a task's rewards does not matter.

    Attributes:
        features: the space of what it reads, F dimensions; angles are read as sine and cosine.
        action: the space of actions, A dimensions.
        settings: of the networks.
        actor: from read features to a distribution of actions.
        critics: E of them.
        objective: digest of what it was learned for; `NOTHING`: for none yet.
        unit: of the critics' answers, in the objective's unit.
    """

    input_mean: Tensor
    input_std: Tensor
    unit: Tensor

    def __init__(
        self,
        features: Space,
        action: Space,
        settings: ActorCriticSettings,
        sizes: tuple[int, int, int],
    ) -> None:
        """Create networks, not initialised yet.

        Args:
            features: F dimensions.
            action: A dimensions.
            settings: of the networks.
            sizes: the actor's outputs, the critics' inputs beside the features, their outputs.
        """
        super().__init__()
        self.features, self.action, self.settings = features, action, settings
        self.objective = NOTHING
        self._encoding = Encoding(features, action)
        inputs = self._encoding.input_dim - action.dim
        acting, beside, judging = sizes
        self.actor = NormalizedNetworks((inputs, *settings.hidden, acting), 1)
        self.critics = NormalizedNetworks(
            (inputs + beside, *settings.hidden, judging), settings.critics
        )
        # Far from zero, float32 would not tell features apart.
        self.register_buffer("input_mean", torch.zeros(inputs, dtype=torch.float64))
        self.register_buffer("input_std", torch.ones(inputs, dtype=torch.float64))
        self.register_buffer("unit", torch.ones(()))

    def initialize(self, generator: torch.Generator) -> None:
        """Draw new weights."""
        self.actor.initialize(generator)
        self.critics.initialize(generator)

    @torch.no_grad()
    def normalize_from(self, features: Tensor) -> None:
        """Set the means and standard deviations of the input from data ``(N, F)``."""
        data = self._encoding.encode_observation(features).double()
        # From their middle: what is far from zero is not constant.
        middle = data.mean(dim=0)
        take_inputs(self.input_mean, self.input_std, data - middle)
        self.input_mean += middle

    def read(self, features: Tensor) -> Tensor:
        """Return the networks' input of features ``(..., F)``, normalised, where they compute."""
        encoded = self._encoding.encode_observation(features.to(self.input_mean.device))
        encoded = (encoded - self.input_mean) / self.input_std
        return encoded.float().clamp(-_FURTHEST, _FURTHEST)

    def careful(self, answers: Tensor) -> Tensor:
        """Return the critics' mean less their disagreement, shape ``(...)``.

        Args:
            answers: shape ``(E, ...)``.
        """
        caution = self.settings.caution
        mean = answers.mean(dim=0)
        if not caution or len(answers) == 1:
            return mean
        # Where critics agree, a plain deviation has no derivative.
        return mean - caution * (answers.var(dim=0, correction=0) + _TINY).sqrt()

    @property
    @abstractmethod
    def most_entropy(self) -> float:
        """The entropy that learning keeps the policy at [nats]."""

    @abstractmethod
    def best(self, read: Tensor) -> Tensor:
        """Return the best known actions ``(B, A)``, SI units, for ``(B, input)``."""

    @abstractmethod
    def draw(self, read: Tensor, generator: torch.Generator) -> Tensor:
        """Return random actions ``(B, A)``, SI units, for ``(B, input)``."""

    @abstractmethod
    def judge(self, read: Tensor, action: Tensor) -> Tensor:
        """Return the critics' answers ``(E, B)`` for actions ``(B, A)``, SI units."""

    @abstractmethod
    def expected(
        self, read: Tensor, critics: NormalizedNetworks, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Return what the policy expects and the entropy of its choice, differentiable.

        Args:
            read: shape ``(B, input)``.
            critics: asked, which need not be its own.
            generator: of its actions.

        Returns:
            the careful answer of the critics, and the entropy [nats], both ``(B,)``.
        """

    @abstractmethod
    def apart(self, read: Tensor, action: Tensor) -> Tensor:
        """Return how far the actor is from choosing actions ``(B, A)``, SI units; differentiable.

        Args:
            read: shape ``(B, input)``.
            action: to be imitated.

        Returns:
            shape ``(B,)``; the less, the nearer.
        """


class LearnedPolicy:
    """The actor as a `Policy`."""

    def __init__(self, actor_critic: ActorCritic) -> None:
        self._learned, self.objective = actor_critic, actor_critic.objective

    def __call__(self, features: Tensor) -> Tensor:
        """See `Policy`."""
        flat = self._learned.read(features).flatten(0, -2)
        return self._learned.best(flat).view(*features.shape[:-1], -1).to(features.device)

    def sample(self, features: Tensor, generator: torch.Generator) -> Tensor:
        """See `Policy`."""
        flat = self._learned.read(features).flatten(0, -2)
        drawn = self._learned.draw(flat, generator).view(*features.shape[:-1], -1)
        return drawn.to(features.device)


class LearnedValue:
    """What the critics expect of the actor's best actions, as a `Value`."""

    def __init__(self, actor_critic: ActorCritic) -> None:
        self._learned, self.objective = actor_critic, actor_critic.objective

    def __call__(self, features: Tensor) -> Tensor:
        """See `Value`."""
        learned, read = self._learned, self._learned.read(features).flatten(0, -2)
        worth = learned.careful(learned.judge(read, learned.best(read)))
        return (worth * learned.unit).view(features.shape[:-1])
