"""Predictions that can be differentiated, for planners that follow derivatives."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from mbrl_ros.dynamics.folding import folded_layers
from mbrl_ros.dynamics.model import EnsembleModel


class DifferentiableModel:
    """A model's mean predictions, with few operations and with derivatives.

    Attributes:
        members: M.
    """

    def __init__(self, model: EnsembleModel, members: int | None = None) -> None:
        """Take over a model's present weights; cheap enough to be done for every plan.

        Args:
            model: to predict with.
            members: how many of its members to use, the first ones; None: all.
        """
        self._layers = folded_layers(model, members)
        self._encoding = model.encoding
        self._low, self._high = model.low, model.high
        self._device = model.low.device
        self.members = len(self._layers[0][0])

    def step(self, observation: Tensor, action: Tensor) -> Tensor:
        """Predict one step with every member.

        Args:
            observation: shape ``(M, B, O)``.
            action: shape ``(M, B, A)``.

        Returns:
            shape ``(M, B, O)``.
        """
        x = self._encoding.encode(observation, action)
        *hidden, (last_weight, last_bias) = self._layers
        for weight, bias in hidden:
            x = functional.silu(torch.baddbmm(bias, x, weight))
        following = observation + torch.baddbmm(last_bias, x, last_weight)
        return following.clamp(self._low, self._high)

    def rollout(self, start: Tensor, actions: Tensor) -> Tensor:
        """Predict trajectories, as `Rollout` does.

        Args:
            start: first observations, shape ``(O,)``, or ``(M, 1, O)`` with one per member.
            actions: shape ``(N, H, A)``.

        Returns:
            shape ``(M, N, H + 1, O)``, on the model's device.
        """
        start, actions = start.to(self._device), actions.to(self._device)
        state = start.expand(self.members, len(actions), -1)
        states = [state]
        for action in actions.unbind(dim=1):
            state = self.step(state, action.expand(self.members, -1, -1))
            states.append(state)
        return torch.stack(states, dim=2)

    def mean_step(self, observation: Tensor, action: Tensor) -> Tensor:
        """Predict one step with the mean of all members.

        Args:
            observation: shape ``(B, O)``.
            action: shape ``(B, A)``.

        Returns:
            shape ``(B, O)``.
        """
        following = self.step(
            observation.to(self._device).expand(self.members, -1, -1),
            action.to(self._device).expand(self.members, -1, -1),
        )
        return following.mean(dim=0).to(observation.device)

    def mean_jacobians(self, observation: Tensor, action: Tensor) -> tuple[Tensor, Tensor]:
        """Differentiate `mean_step`.

        Args:
            observation: shape ``(B, O)``.
            action: shape ``(B, A)``.

        Returns:
            by the observation ``(B, O, O)`` and by the action ``(B, O, A)``; the derivatives of
            the output's dimension i stand in row i.
        """
        # Each output is differentiated on a copy of the inputs of its own: one pass serves all.
        copies = observation.shape[-1]
        with torch.enable_grad():
            x = observation.detach().repeat(copies, 1, 1).requires_grad_()
            u = action.detach().repeat(copies, 1, 1).requires_grad_()
            following = self.mean_step(x.flatten(0, 1), u.flatten(0, 1)).view_as(x)
            diagonal = following.diagonal(dim1=0, dim2=2)
            by_state, by_action = torch.autograd.grad(diagonal.sum(), (x, u))
        return by_state.transpose(0, 1), by_action.transpose(0, 1)
