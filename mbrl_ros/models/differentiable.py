"""Differentiable predictions, for gradient-based planners."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from mbrl_ros.models.dynamics_model import DynamicsModel
from mbrl_ros.models.stepping import step_through


class DifferentiableModel:
    """A model's mean predictions, differentiable and with few operations.

    Attributes:
        members: M.
    """

    def __init__(
        self, model: DynamicsModel, mean: Callable[[Tensor], Tensor], members: int
    ) -> None:
        """Copy a model's present weights; cheap enough for every plan.

        Args:
            model: to predict with.
            mean: its mean function; see `OneStepModel.mean_function`.
            members: M.
        """
        self.members, self._mean = members, mean
        self._encoding = model.encoding
        self._base, self._bounded = model.base, model.bounded
        self._low, self._high = model.low, model.high
        self._device = model.low.device

    def step(self, state: Tensor, action: Tensor) -> Tensor:
        """Predict one step with every member.

        Args:
            state: shape ``(M, B, S)``.
            action: shape ``(M, B, A)``.

        Returns:
            the next states, shape ``(M, B, S)``.
        """
        target = self._bounded(self._mean(self._encoding.encode(state, action)))
        base = self._base(state, action)
        next_observation = self._encoding.next_observation(base, target).clamp(
            self._low, self._high
        )
        return self._encoding.advance(state, action, next_observation)

    def rollout(self, start: Tensor, actions: Tensor) -> Tensor:
        """Predict trajectories, as `Rollout` does.

        Args:
            start: first states, shape ``(M or 1, N or 1, S)``.
            actions: shape ``(N, H, A)``.

        Returns:
            shape ``(M, N, H + 1, O)``, on the model's device.
        """
        start, actions = start.to(self._device), actions.to(self._device)
        state = start.expand(self.members, len(actions), -1)
        each = actions.unbind(dim=1)
        states, _ = step_through(
            self.step, state, lambda k, _: each[k].expand(self.members, -1, -1), len(each)
        )
        return torch.stack([s[..., : self._encoding.observation_dim] for s in states], dim=2)

    def mean_step(self, state: Tensor, action: Tensor) -> Tensor:
        """Predict one step with the mean of all members.

        Args:
            state: shape ``(B, S)``.
            action: shape ``(B, A)``.

        Returns:
            shape ``(B, S)``.
        """
        next_observation = self.step(
            state.to(self._device).expand(self.members, -1, -1),
            action.to(self._device).expand(self.members, -1, -1),
        )
        return next_observation.mean(dim=0).to(state.device)

    def mean_jacobians(self, state: Tensor, action: Tensor) -> tuple[Tensor, Tensor]:
        """Differentiate `mean_step`.

        Args:
            state: shape ``(B, S)``.
            action: shape ``(B, A)``.

        Returns:
            with respect to the state ``(B, S, S)`` and to the action ``(B, S, A)``; row i holds the
            derivatives of output dimension i.
        """
        # Each output is differentiated on its own copy of the inputs, so one backward pass serves
        # all.
        copies = state.shape[-1]
        with torch.enable_grad():
            x = state.detach().repeat(copies, 1, 1).requires_grad_()
            u = action.detach().repeat(copies, 1, 1).requires_grad_()
            next_observation = self.mean_step(x.flatten(0, 1), u.flatten(0, 1)).view_as(x)
            diagonal = next_observation.diagonal(dim1=0, dim2=2)
            by_state, by_action = torch.autograd.grad(diagonal.sum(), (x, u))
        return by_state.transpose(0, 1), by_action.transpose(0, 1)
