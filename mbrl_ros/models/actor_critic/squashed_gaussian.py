"""Actor-critic of continuous actions."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from mbrl_ros.core.spaces import Space
from mbrl_ros.models.actor_critic.actor_critic import ActorCritic
from mbrl_ros.models.actor_critic.networks import NormalizedNetworks
from mbrl_ros.models.actor_critic.settings import ActorCriticSettings

_LOG_STD = -5.0, 2.0
# Of half the action range, so that its entropy is that of a noise which still finds its way.
_ENTROPY_PER_ACTION = -0.5


class SquashedGaussian(ActorCritic):
    """Gaussian actions, squashed into their limits (Haarnoja et al. 2018, appendix C)."""

    low: Tensor
    high: Tensor

    def __init__(self, features: Space, action: Space, settings: ActorCriticSettings) -> None:
        """Create networks, not initialised yet; arguments as for `ActorCritic`."""
        a = action.dim
        super().__init__(features, action, settings, (2 * a, a, 1))
        self.register_buffer("low", torch.tensor(action.low), persistent=False)
        self.register_buffer("high", torch.tensor(action.high), persistent=False)

    @property
    def most_entropy(self) -> float:
        """See `ActorCritic.most_entropy`; of actions as shares of half their range."""
        return _ENTROPY_PER_ACTION * self.action.dim

    def best(self, read: Tensor) -> Tensor:
        """See `ActorCritic.best`."""
        return self._scaled(torch.tanh(self.actor(read)[0, :, : self.action.dim]))

    def draw(self, read: Tensor, generator: torch.Generator) -> Tensor:
        """See `ActorCritic.draw`."""
        return self._scaled(torch.tanh(self._draw(read, generator)[0]))

    def judge(self, read: Tensor, action: Tensor) -> Tensor:
        """See `ActorCritic.judge`."""
        return self._judged(self.critics, read, self._shares(action))

    def expected(
        self, read: Tensor, critics: NormalizedNetworks, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """See `ActorCritic.expected`; with one draw for each row."""
        raw, log_density = self._draw(read, generator)
        # Of tanh, in the form that does not overflow.
        stretched = 2 * (math.log(2) - raw - functional.softplus(-2 * raw))
        entropy = -(log_density - stretched).sum(dim=-1)
        return self.careful(self._judged(critics, read, torch.tanh(raw))), entropy

    def apart(self, read: Tensor, action: Tensor) -> Tensor:
        """See `ActorCritic.apart`: the squared difference, as a share of half the range."""
        share = torch.tanh(self._distribution(read)[0])
        return (share - self._shares(action)).square().sum(dim=-1)

    def _shares(self, action: Tensor) -> Tensor:
        """Return actions as shares of half their range."""
        return (2 * action - self.high - self.low) / (self.high - self.low)

    def _distribution(self, read: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_std = self.actor(read)[0].chunk(2, dim=-1)
        low, high = _LOG_STD
        return mean, low + (high - low) * (torch.tanh(log_std) + 1) / 2

    def _draw(self, read: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return actions before squashing and the logarithm of their density, ``(B, A)``."""
        mean, log_std = self._distribution(read)
        noise = torch.randn(mean.shape, generator=generator).to(mean.device)
        log_density = -0.5 * noise.square() - log_std - 0.5 * math.log(2 * math.pi)
        return mean + log_std.exp() * noise, log_density

    def _scaled(self, share: Tensor) -> Tensor:
        return self.low + (share + 1) / 2 * (self.high - self.low)

    @staticmethod
    def _judged(critics: NormalizedNetworks, read: Tensor, share: Tensor) -> Tensor:
        return critics(torch.cat([read, share], dim=-1))[..., 0]
