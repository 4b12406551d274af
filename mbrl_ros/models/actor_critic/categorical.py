"""Actor-critic of discrete actions."""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor

from mbrl_ros.core.spaces import Space
from mbrl_ros.models.actor_critic.actor_critic import ActorCritic
from mbrl_ros.models.actor_critic.networks import NormalizedNetworks
from mbrl_ros.models.actor_critic.settings import ActorCriticSettings

# Critics answer for each of them at once.
_MOST_CHOICES = 1024
# Of the entropy of choosing by chance.
_ENTROPY_SHARE = 0.3


class Categorical(ActorCritic):
    """One probability for each combination of choices (Christodoulou 2019)."""

    choices: Tensor

    def __init__(self, features: Space, action: Space, settings: ActorCriticSettings) -> None:
        """Create networks, not initialised yet; arguments as for `ActorCritic`.

        Raises:
            ValueError: if there are too many combinations.
        """
        counts = (action.upper - action.lower + 1).astype(int).tolist()
        n = math.prod(counts)
        if n > _MOST_CHOICES:
            raise ValueError(
                f"policy: expected at most {_MOST_CHOICES} combinations of discrete actions, "
                f"got {n}"
            )
        super().__init__(features, action, settings, (n, 0, n))
        each = [
            range(int(low), int(high) + 1)
            for low, high in zip(action.low, action.high, strict=True)
        ]
        # The first dimension varies slowest, as `judge` counts them.
        table = torch.tensor(list(itertools.product(*each)), dtype=torch.float32)
        self.register_buffer("choices", table, persistent=False)
        self._strides = [math.prod(counts[i + 1 :]) for i in range(len(counts))]

    @property
    def most_entropy(self) -> float:
        """See `ActorCritic.most_entropy`."""
        return _ENTROPY_SHARE * math.log(len(self.choices))

    def best(self, read: Tensor) -> Tensor:
        """See `ActorCritic.best`; not differentiable."""
        return self.choices[self.actor(read)[0].argmax(dim=-1)]

    def draw(self, read: Tensor, generator: torch.Generator) -> Tensor:
        """See `ActorCritic.draw`."""
        probability = self.actor(read)[0].softmax(dim=-1)
        # The generator is the CPU's.
        return self.choices[torch.multinomial(probability.cpu(), 1, generator=generator)[:, 0]]

    def judge(self, read: Tensor, action: Tensor) -> Tensor:
        """See `ActorCritic.judge`."""
        answers: Tensor = self.critics(read)
        chosen = self._numbers(action).expand(len(answers), -1)
        return answers.gather(-1, chosen[..., None])[..., 0]

    def apart(self, read: Tensor, action: Tensor) -> Tensor:
        """See `ActorCritic.apart`: the improbability [nats]."""
        log_probability = self.actor(read)[0].log_softmax(dim=-1)
        return -log_probability.gather(-1, self._numbers(action)[:, None])[:, 0]

    def _numbers(self, action: Tensor) -> Tensor:
        """Return which of the choices actions are, shape ``(B,)``."""
        low = action.new_tensor(self.action.low)
        return ((action - low).round() @ action.new_tensor(self._strides)).long()

    def expected(
        self, read: Tensor, critics: NormalizedNetworks, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """See `ActorCritic.expected`; over all choices, without chance."""
        log_probability = self.actor(read)[0].log_softmax(dim=-1)
        probability = log_probability.exp()
        worth = self.careful(critics(read))
        entropy = -(probability * log_probability).sum(dim=-1)
        return (probability * worth).sum(dim=-1), entropy
