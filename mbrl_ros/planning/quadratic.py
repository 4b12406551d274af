"""Quadratic approximation of an objective around a trajectory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mbrl_ros.core.spaces import FloatArray
from mbrl_ros.objectives.objective import Objective


@dataclass(frozen=True)
class QuadraticCost:
    """Derivatives of the cost (negative return) with respect to each step.

    Attributes:
        gradient: with respect to next observation and action, ``(H, O + A)``.
        curvature: positive semidefinite, ``(H, O + A, O + A)``.
    """

    gradient: FloatArray
    curvature: FloatArray

    @property
    def finite(self) -> bool:
        """Whether all derivatives are finite."""
        return bool(np.isfinite(self.gradient).all() and np.isfinite(self.curvature).all())


def quadratic_cost(objective: Objective, states: Tensor, actions: Tensor) -> QuadraticCost:
    """Differentiate an objective twice; non-convex parts and coupling between steps are dropped.

    Args:
        objective: of O observations and A actions.
        states: shape ``(H + 1, O)``.
        actions: shape ``(H, A)``.
    """
    (horizon, a), o = actions.shape, states.shape[-1]
    # Terms of changes couple a step with its neighbours: probing every other step separates them.
    # Each dimension is probed on its own copy of the trajectory, so one backward pass serves all.
    probes = torch.zeros(2, o + a, horizon, o + a)
    for first in range(2):
        probes[first, :, first::2] = torch.eye(o + a)[:, None]
    probes = probes.flatten(0, 1)
    with torch.enable_grad():
        x = states[1:].detach().repeat(len(probes), 1, 1).requires_grad_()
        u = actions.detach().repeat(len(probes), 1, 1).requires_grad_()
        # A sum of zeros, so that a derivative exists whatever the terms read.
        cost = 0.0 * (x.square().sum() + u.square().sum())
        cost = cost - objective.rewards(x, u, states[:1].detach()).sum()
        gradient = torch.cat(torch.autograd.grad(cost, (x, u), create_graph=True), dim=-1)
        found = torch.autograd.grad((gradient * probes).sum(), (x, u))
    steps = torch.arange(horizon)
    curvature = torch.cat(found, dim=-1).view(2, o + a, horizon, o + a)[steps % 2, :, steps]
    return QuadraticCost(gradient[0].detach().double().numpy(), _convex(curvature.double().numpy()))


def _convex(matrices: FloatArray) -> FloatArray:
    """Return the nearest positive semidefinite matrices; unchanged if any is not finite."""
    if not np.isfinite(matrices).all():
        return matrices
    values, vectors = np.linalg.eigh((matrices + matrices.transpose(0, 2, 1)) / 2)
    return (vectors * np.maximum(values, 0.0)[:, None, :]) @ vectors.transpose(0, 2, 1)
