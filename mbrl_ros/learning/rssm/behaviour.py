"""Actor and critic, learned in imagination."""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from mbrl_ros.learning.latent.dreamer import Dreamer, dream
from mbrl_ros.learning.policy_state import PolicyState, read_policy, saved_policy
from mbrl_ros.learning.rssm.settings import RssmPolicySettings
from mbrl_ros.models.latent.network import LatentNetwork
from mbrl_ros.models.rssm.behaviour import Behaviour
from mbrl_ros.objectives.objective import Objective

# Percentiles whose distance is the unit of returns, and how slowly it follows.
_LOW, _HIGH, _SLOWLY = 0.05, 0.95, 0.99
_MOST_GRADIENT = 100.0


def lambda_returns(
    rewards: Tensor, continues: Tensor, values: Tensor, discount: float, trace: float
) -> Tensor:
    """Return what is expected from each step on (Hafner et al. 2023, equation 7), ``(H, N)``.

    Args:
        rewards: of each step, shape ``(H, N)``.
        continues: probability that it goes on after each, shape ``(H, N)``.
        values: expected before the first step and after each, shape ``(H + 1, N)``.
        discount: weight of a step later.
        trace: share of longer returns; 0: one step and the value.
    """
    result, returns = values[-1], []
    for k in reversed(range(len(rewards))):
        then = (1 - trace) * values[k + 1] + trace * result
        result = rewards[k] + discount * continues[k] * then
        returns.append(result)
    return torch.stack(returns[::-1])


class BehaviourTrainer(Dreamer):
    """Actor and critic on trajectories that a model imagines (Hafner et al. 2023, section 2).

    The actor learns by the returns of actions that it drew, in units of the distance between their
    5th and 95th percentile, which never blow small ones up. A slow copy of the critic tells what
    comes after the horizon.

    Attributes:
        learned: trained.
        updates: gradient steps so far.
    """

    learned: Behaviour

    def __init__(self, learned: Behaviour, settings: RssmPolicySettings, seed: int) -> None:
        """Draw new weights.

        Args:
            learned: to train.
            settings: of training.
            seed: of weights, actions and imagination.
        """
        self.learned, self.updates = learned, 0
        self._settings = settings
        self._generator = torch.Generator().manual_seed(seed)
        learned.initialize(self._generator)
        self._slow = copy.deepcopy(learned.critic).requires_grad_(False)
        self._range = torch.zeros(())
        self._optimizers = {
            name: torch.optim.AdamW(
                list(part.parameters()), lr=settings.learning_rate, weight_decay=0.0, eps=1e-6,
                fused=True,
            )
            for name, part in (("actor", learned.actor), ("critic", learned.critic))
        }  # fmt: skip

    def update(
        self, network: LatentNetwork, memory: Tensor, z: Tensor, seen: Tensor, objective: Objective
    ) -> None:
        """See `Dreamer.update`: one gradient step each; none along a loss that is not finite."""
        s, learned = self._settings, self.learned
        luck = network.luck((s.imagined_steps, len(z)), self._generator)
        imagined = dream(
            network, memory, z, seen, luck,
            lambda features: learned.draw(features, self._generator), objective,
        )  # fmt: skip
        features, rewards, continues = imagined.features, imagined.rewards, imagined.continues
        with torch.no_grad():
            values = self._slow(features)
            returns = lambda_returns(rewards, continues, values, s.discount, s.trace)
            # What may never be reached counts less.
            reached = torch.cat([torch.ones_like(continues[:1]), s.discount * continues[:-1]])
            weight = reached.cumprod(dim=0)
            spread = returns.quantile(_HIGH) - returns.quantile(_LOW)
            self._range = torch.lerp(spread, self._range, _SLOWLY if self.updates else 0.0)
            gain = (returns - values[:-1]) / self._range.clamp_min(1.0)
        log_density, entropy = learned.log_density(features[:-1], imagined.shares)
        self._step("actor", -((log_density * gain + s.entropy * entropy) * weight).mean())
        self._step("critic", (learned.critic.loss(features[:-1], returns) * weight).mean())
        with torch.no_grad():
            for slow, fast in zip(
                self._slow.parameters(), learned.critic.parameters(), strict=True
            ):
                slow.lerp_(fast, s.target_rate)
        self.updates += 1

    def _step(self, name: str, loss: Tensor) -> None:
        if not loss.isfinite():
            return
        optimizer = self._optimizers[name]
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(optimizer.param_groups[0]["params"], _MOST_GRADIENT)
        optimizer.step()

    def state(self) -> dict[str, Tensor]:
        """See `Dreamer.state`."""
        number = "range", self._range
        return saved_policy(self.updates, number, self._slow, self._optimizers)

    def check(self, state: dict[str, Tensor] | None) -> None:
        """See `Dreamer.check`."""
        self._read(state)

    def load(self, learned: Behaviour, state: dict[str, Tensor] | None) -> None:
        """See `Dreamer.load`."""
        known = self._read(state)
        self.learned.load_state_dict(learned.state_dict())
        self.learned.objective = learned.objective
        if known is None:
            self._slow.load_state_dict(learned.critic.state_dict())
            return
        self.updates, self._range = known.updates, known.number
        self._slow.load_state_dict(known.slow)
        for name, of_it in known.optimizers.items():
            self._optimizers[name].state.update(of_it)

    def _read(self, state: dict[str, Tensor] | None) -> PolicyState | None:
        return read_policy(state, "range", self._slow, self._optimizers)
