"""Learned reward and termination of a step."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mbrl_ros.core.spaces import Space
from mbrl_ros.data.segments import Batch
from mbrl_ros.models.encoding import Encoding
from mbrl_ros.models.regression import Classification, HeadsTrainer, Regression

_HIDDEN = [64, 64]
# Beyond the rewards seen, more may be expected by this share of their range.
_MARGIN = 0.2


class RewardModel(nn.Module):
    """Reward and termination heads, trained beside the dynamics.

    Their input is the observation, the action and the next observation, whatever the input of the
    dynamics. There are as many of each as the dynamics have members: where the data say nothing,
    they differ, and each judges what its own member imagines. So a planner's caution also keeps
    it from what one head promises. No reward is promised far from those that were paid.

    Attributes:
        heads: K.
        paid: 1 once a reward has been learned, else 0.
        ended: 1 once a termination has been learned, else 0.
        least: the smallest reward so far.
        most: the largest.
    """

    paid: Tensor
    ended: Tensor
    least: Tensor
    most: Tensor
    # Of the dynamics' observations, whose batches it is trained on; None: 0.
    origin: Tensor | None = None

    def __init__(
        self,
        observation: Space,
        action: Space,
        heads: int = 1,
        generator: torch.Generator | None = None,
    ) -> None:
        """Create heads with random weights.

        Args:
            observation: O dimensions.
            action: A dimensions.
            heads: K.
            generator: of the weights.
        """
        super().__init__()
        self.heads = heads
        self._encoding = Encoding(observation, action)
        inputs = 2 * self._encoding.input_dim - action.dim
        self.reward_head = Regression(inputs, 1, _HIDDEN, generator, heads)
        self.termination_head = Classification(inputs, _HIDDEN, generator, heads)
        for name in ("paid", "ended", "least", "most"):
            self.register_buffer(name, torch.zeros(()))

    @property
    def has_reward(self) -> bool:
        """Whether a reward has been learned."""
        return bool(self.paid)

    @property
    def has_termination(self) -> bool:
        """Whether a termination has been learned."""
        return bool(self.ended)

    def reward(self, before: Tensor, action: Tensor, after: Tensor, own: bool = False) -> Tensor:
        """Predict the reward of steps; differentiable.

        Args:
            before: shape ``(..., O)``, SI units.
            action: shape ``(..., A)``, broadcasting against the observations.
            after: shape ``(..., O)``, SI units.
            own: whether the first dimension is that of the dynamics' members, each of which has a
                head of its own; false: the heads' mean.

        Returns:
            shape ``(...)``.
        """
        inputs = self._inputs_from(before, action, after)
        head = self.reward_head.own if self._has_own(inputs, own) else self.reward_head
        margin = _MARGIN * (self.most - self.least)
        return head(inputs)[..., 0].clamp(self.least - margin, self.most + margin)

    def termination(
        self, before: Tensor, action: Tensor, after: Tensor, own: bool = False
    ) -> Tensor:
        """Predict the probability that steps terminate the episode; arguments as for `reward`."""
        inputs = self._inputs_from(before, action, after)
        head = self.termination_head.own if self._has_own(inputs, own) else self.termination_head
        return head(inputs)[..., 0]

    def _has_own(self, inputs: Tensor, own: bool) -> bool:
        return own and inputs.dim() > 2 and len(inputs) <= self.heads

    @property
    def unit(self) -> Tensor:
        """The range of the rewards so far, 1 while they are all the same; shape ``()``."""
        apart = self.most - self.least
        return torch.where(apart > 0, apart, 1.0)

    def _inputs_from(self, before: Tensor, action: Tensor, after: Tensor) -> Tensor:
        if self.origin is not None:
            before, after = (before - self.origin).float(), (after - self.origin).float()
        return self.inputs_of(before, action, after)

    def inputs_of(self, before: Tensor, action: Tensor, after: Tensor) -> Tensor:
        """Return the input of the heads; observations as in their training data."""
        nothing = action.new_empty(*after.shape[:-1], 0)
        acted = action.expand(*after.shape[:-1], -1)
        first = self._encoding.encode(before, acted)
        return torch.cat([first, self._encoding.encode(after, nothing)], dim=-1)


class RewardModelTrainer(HeadsTrainer):
    """Trains both heads; a head without data to learn from stays untrained."""

    def __init__(self, reward_model: RewardModel) -> None:
        super().__init__(reward_model.reward_head, reward_model.termination_head)
        self._reward_model = reward_model

    def normalize_from(self, data: Batch) -> None:
        """See `HeadsTrainer.normalize_from`."""
        reward_model, o = self._reward_model, data.next_observation.shape[-1]
        inputs = reward_model.inputs_of(data.state[:, :o], data.action, data.next_observation)
        rewarded = data.reward.isfinite()
        if rewarded.any():
            self._note_range(data.reward[rewarded])
            reward_model.paid.fill_(1.0)
            reward_model.reward_head.normalize_from(
                inputs[rewarded], data.reward[rewarded][:, None]
            )
        if data.terminated.any():
            reward_model.ended.fill_(1.0)
        reward_model.termination_head.normalize_from(inputs)

    def _note_range(self, rewards: Tensor) -> None:
        reward_model = self._reward_model
        low, high = rewards.min(), rewards.max()
        if reward_model.has_reward:
            # The data are a part of all.
            low, high = low.minimum(reward_model.least), high.maximum(reward_model.most)
        reward_model.least.copy_(low)
        reward_model.most.copy_(high)

    def update(self, data: Batch) -> None:
        """See `HeadsTrainer.update`."""
        reward_model, o = self._reward_model, data.next_observation.shape[-1]
        inputs = reward_model.inputs_of(data.state[:, :o], data.action, data.next_observation)
        rewarded = data.reward.isfinite()
        if reward_model.has_reward and rewarded.any():
            reward_model.reward_head.update(
                self.optimizers[0], inputs[rewarded], data.reward[rewarded][:, None]
            )
        if reward_model.has_termination:
            reward_model.termination_head.update(
                self.optimizers[1], inputs, data.terminated.float()[:, None]
            )
