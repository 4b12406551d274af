"""Predictions that can be differentiated, for planners that follow derivatives."""

from __future__ import annotations

import torch
from torch import Tensor

from mbrl_ros.dynamics.model import EnsembleModel


def rollout(model: EnsembleModel, start: Tensor, actions: Tensor) -> Tensor:
    """Predict trajectories with every member, as `Rollout` does.

    Args:
        model: M members.
        start: first observations, shape ``(O,)``, or ``(M, 1, O)`` with one per member.
        actions: shape ``(N, H, A)``.

    Returns:
        shape ``(M, N, H + 1, O)``, on the model's device.
    """
    members, candidates = model.members, len(actions)
    start, actions = start.to(model.low.device), actions.to(model.low.device)
    state = start.expand(members, candidates, -1)
    states = [state]
    for k in range(actions.shape[1]):
        state, _ = model.predict(state, actions[:, k].expand(members, -1, -1))
        states.append(state)
    return torch.stack(states, dim=2)


def mean_step(model: EnsembleModel, observation: Tensor, action: Tensor) -> Tensor:
    """Predict one step with the mean of all members.

    Args:
        model: M members.
        observation: shape ``(B, O)``.
        action: shape ``(B, A)``.

    Returns:
        shape ``(B, O)``.
    """
    members, device = model.members, model.low.device
    following, _ = model.predict(
        observation.to(device).expand(members, -1, -1), action.to(device).expand(members, -1, -1)
    )
    return following.mean(dim=0).to(observation.device)


def mean_jacobians(
    model: EnsembleModel, observation: Tensor, action: Tensor
) -> tuple[Tensor, Tensor]:
    """Differentiate `mean_step`.

    Args:
        model: M members.
        observation: shape ``(B, O)``.
        action: shape ``(B, A)``.

    Returns:
        by the observation ``(B, O, O)`` and by the action ``(B, O, A)``; the derivatives of
        the output's dimension i stand in row i.
    """
    with torch.enable_grad():
        x = observation.detach().clone().requires_grad_()
        u = action.detach().clone().requires_grad_()
        following = mean_step(model, x, u)
        # Rows of the batch do not depend on each other, so one pass serves them all.
        rows = [
            torch.autograd.grad(following[:, i].sum(), (x, u), retain_graph=True)
            for i in range(following.shape[1])
        ]
    return torch.stack([row[0] for row in rows], 1), torch.stack([row[1] for row in rows], 1)
