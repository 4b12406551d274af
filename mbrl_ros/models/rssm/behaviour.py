"""What to do in a latent state, and what may be expected from there on."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mbrl_ros.core.spaces import Space
from mbrl_ros.models.latent.behaviour import LatentBehaviour
from mbrl_ros.models.latent.layers import Mlp, TwoHot, initialize
from mbrl_ros.models.latent.shares import Shares

# Deviations of actions, as shares of half their range (Hafner et al. 2023).
_LEAST_STD, _MOST_STD = 0.1, 1.0


class Behaviour(LatentBehaviour):
    """An actor of continuous actions and a critic, which read features.

    Attributes:
        action: A dimensions.
        actor: from features to a normal distribution.
        critic: expects the discounted return.
    """

    def __init__(self, features: int, action: Space, hidden: int) -> None:
        """Create networks, not initialised yet.

        Args:
            features: F.
            action: A dimensions.
            hidden: units of each of two hidden layers.

        Raises:
            ValueError: if an action is discrete.
        """
        if action.discrete:
            raise ValueError(
                "policy.learn: learner rssm learns policies of continuous actions only, expected "
                f"false, or none discrete, got {', '.join(action.discrete)}"
            )
        super().__init__()
        self.action = action
        self.actor = Mlp(features, [hidden, hidden], 2 * action.dim)
        self.critic = TwoHot(features, [hidden, hidden])
        self._shares = Shares(action)

    @torch.no_grad()
    def initialize(self, generator: torch.Generator) -> None:
        """Draw new weights; actions begin near the middle of their range, values at zero."""
        initialize(self, generator)
        last = self.actor[-1]
        assert isinstance(last, nn.Linear)
        last.weight.mul_(0.01)

    def distribution(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return means and deviations of actions ``(..., A)``, as shares of half their range."""
        mean, spread = self.actor(features).chunk(2, dim=-1)
        std = _LEAST_STD + (_MOST_STD - _LEAST_STD) * (spread + 2.0).sigmoid()
        return torch.tanh(mean), std

    def draw(self, features: Tensor, generator: torch.Generator) -> Tensor:
        """Return random shares ``(..., A)``, which may lie a little outside of -1 to 1."""
        mean, std = self.distribution(features)
        noise = torch.randn(mean.shape, generator=generator).to(mean.device)
        return mean + std * noise

    def log_density(self, features: Tensor, shares: Tensor) -> tuple[Tensor, Tensor]:
        """Return the logarithm of the density of shares, and the entropy [nats], both ``(...)``."""
        mean, std = self.distribution(features)
        known = torch.distributions.Normal(mean, std, validate_args=False)
        return known.log_prob(shares).sum(dim=-1), known.entropy().sum(dim=-1)

    def in_units(self, shares: Tensor) -> Tensor:
        """Return actions ``(..., A)`` within their limits, SI units."""
        return self._shares.in_units(shares)

    def heads(self) -> tuple[BehaviourPolicy, BehaviourValue]:
        """See `LatentBehaviour.heads`."""
        return BehaviourPolicy(self), BehaviourValue(self)


class BehaviourPolicy:
    """The actor as a `Policy`."""

    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour, self.objective = behaviour, behaviour.objective

    @torch.no_grad()
    def __call__(self, features: Tensor) -> Tensor:
        """See `Policy`."""
        return self._behaviour.in_units(self._behaviour.distribution(features)[0])

    @torch.no_grad()
    def sample(self, features: Tensor, generator: torch.Generator) -> Tensor:
        """See `Policy`."""
        return self._behaviour.in_units(self._behaviour.draw(features, generator))


class BehaviourValue:
    """The critic as a `Value`."""

    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour, self.objective = behaviour, behaviour.objective

    @torch.no_grad()
    def __call__(self, features: Tensor) -> Tensor:
        """See `Value`."""
        worth: Tensor = self._behaviour.critic(features)
        return worth
