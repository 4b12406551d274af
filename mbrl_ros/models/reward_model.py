"""Learned reward and termination of a step."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mbrl_ros.core.spaces import Space
from mbrl_ros.data.segments import Batch
from mbrl_ros.models.encoding import Encoding
from mbrl_ros.models.regression import Classification, HeadsTrainer, Regression

_HIDDEN = [64, 64]


class RewardModel(nn.Module):
    """Reward and termination heads, trained beside the dynamics.

    Their input is the observation, the action and the next observation, whatever the input of the
    dynamics.

    Attributes:
        paid: 1 once a reward has been learned, else 0.
        ended: 1 once a termination has been learned, else 0.
    """

    paid: Tensor
    ended: Tensor
    # Of the dynamics' observations, whose batches it is trained on; None: 0.
    origin: Tensor | None = None

    def __init__(
        self, observation: Space, action: Space, generator: torch.Generator | None = None
    ) -> None:
        """Create heads with random weights.

        Args:
            observation: O dimensions.
            action: A dimensions.
            generator: of the weights.
        """
        super().__init__()
        self._encoding = Encoding(observation, action)
        inputs = 2 * self._encoding.input_dim - action.dim
        self.reward_head = Regression(inputs, 1, _HIDDEN, generator)
        self.termination_head = Classification(inputs, _HIDDEN, generator)
        self.register_buffer("paid", torch.zeros(()))
        self.register_buffer("ended", torch.zeros(()))

    @property
    def has_reward(self) -> bool:
        """Whether a reward has been learned."""
        return bool(self.paid)

    @property
    def has_termination(self) -> bool:
        """Whether a termination has been learned."""
        return bool(self.ended)

    def reward(self, before: Tensor, action: Tensor, after: Tensor) -> Tensor:
        """Predict the reward of steps; differentiable.

        Args:
            before: shape ``(..., O)``, SI units.
            action: shape ``(..., A)``, broadcasting against the observations.
            after: shape ``(..., O)``, SI units.

        Returns:
            shape ``(...)``.
        """
        return self.reward_head(self._inputs_from(before, action, after))[..., 0]

    def termination(self, before: Tensor, action: Tensor, after: Tensor) -> Tensor:
        """Predict the probability that steps terminate the episode; arguments as for `reward`."""
        return self.termination_head(self._inputs_from(before, action, after))[..., 0]

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
            reward_model.paid.fill_(1.0)
            reward_model.reward_head.normalize_from(
                inputs[rewarded], data.reward[rewarded][:, None]
            )
        if data.terminated.any():
            reward_model.ended.fill_(1.0)
        reward_model.termination_head.normalize_from(inputs)

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
