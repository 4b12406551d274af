"""What steps pay and where they end the task, learned from the plant."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mbrl_ros.dynamics.encoding import Encoding
from mbrl_ros.dynamics.regression import Classification, HeadsFitting, Regression
from mbrl_ros.dynamics.segments import Batch
from mbrl_ros.spaces import Space

_HIDDEN = [64, 64]


class Outcomes(nn.Module):
    """Learned heads beside the dynamics: reward and termination of a step.

    They are told the observation before, the action and the observation after, whatever the
    dynamics are told.

    Attributes:
        paid: 1 once a reward has been learned, else 0.
        ended: 1 once an end of the task has been learned, else 0.
    """

    paid: Tensor
    ended: Tensor

    def __init__(
        self, observation: Space, action: Space, generator: torch.Generator | None = None
    ) -> None:
        """Make heads with random weights.

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
        """Whether an end of the task has been learned."""
        return bool(self.ended)

    def reward(self, before: Tensor, action: Tensor, after: Tensor) -> Tensor:
        """Return the reward of steps; differentiable.

        Args:
            before: shape ``(..., O)``, SI units.
            action: shape ``(..., A)``, broadcasting against the observations.
            after: shape ``(..., O)``, SI units.

        Returns:
            shape ``(...)``.
        """
        return self.reward_head(self.inputs_of(before, action, after))[..., 0]

    def termination(self, before: Tensor, action: Tensor, after: Tensor) -> Tensor:
        """Return the probability that steps end the task; arguments as for `reward`."""
        return self.termination_head(self.inputs_of(before, action, after))[..., 0]

    def inputs_of(self, before: Tensor, action: Tensor, after: Tensor) -> Tensor:
        """Return what the heads are told; arguments as for `reward`."""
        nothing = action.new_empty(*after.shape[:-1], 0)
        acted = action.expand(*after.shape[:-1], -1)
        first = self._encoding.encode(before, acted)
        return torch.cat([first, self._encoding.encode(after, nothing)], dim=-1)


class OutcomesFitting(HeadsFitting):
    """Fits both heads, as far as there is something to learn."""

    def __init__(self, outcomes: Outcomes) -> None:
        super().__init__(outcomes.reward_head, outcomes.termination_head)
        self._outcomes = outcomes

    def normalize_from(self, data: Batch) -> None:
        """See `HeadsFitting.normalize_from`."""
        outcomes, o = self._outcomes, data.following.shape[-1]
        inputs = outcomes.inputs_of(data.state[:, :o], data.action, data.following)
        rewarded = data.reward.isfinite()
        if rewarded.any():
            outcomes.paid.fill_(1.0)
            outcomes.reward_head.normalize_from(inputs[rewarded], data.reward[rewarded][:, None])
        if data.terminated.any():
            outcomes.ended.fill_(1.0)
        outcomes.termination_head.normalize_from(inputs)

    def update(self, data: Batch) -> None:
        """See `HeadsFitting.update`."""
        outcomes, o = self._outcomes, data.following.shape[-1]
        inputs = outcomes.inputs_of(data.state[:, :o], data.action, data.following)
        rewarded = data.reward.isfinite()
        if outcomes.has_reward and rewarded.any():
            outcomes.reward_head.update(
                self.optimizers[0], inputs[rewarded], data.reward[rewarded][:, None]
            )
        if outcomes.has_termination:
            outcomes.termination_head.update(
                self.optimizers[1], inputs, data.terminated.float()[:, None]
            )
