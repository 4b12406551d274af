"""An objective as a quadratic function around a trajectory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mbrl_ros.objectives.objective import Objective
from mbrl_ros.spaces import FloatArray


@dataclass(frozen=True)
class QuadraticCost:
    """First and second derivatives of the cost, which is the negative reward, of each step.

    Attributes:
        x: by the observation that the action leads to, shape ``(H, O)``.
        u: by the action, ``(H, A)``.
        xx: ``(H, O, O)``.
        ux: ``(H, A, O)``.
        uu: ``(H, A, A)``.
    """

    x: FloatArray
    u: FloatArray
    xx: FloatArray
    ux: FloatArray
    uu: FloatArray


def quadratic_cost(objective: Objective, states: Tensor, actions: Tensor) -> QuadraticCost:
    """Differentiate an objective twice; what is not convex is left out.

    Args:
        objective: of O observations and A actions.
        states: shape ``(H + 1, O)``.
        actions: shape ``(H, A)``.
    """
    with torch.enable_grad():
        x = states[1:].detach().clone().requires_grad_()
        u = actions.detach().clone().requires_grad_()
        cost = -objective.rewards(x, u, states[:1].detach()).sum()
        first = torch.cat(_gradient(cost, x, u, create_graph=True), dim=-1)
        second = torch.stack(
            [torch.cat(_gradient(column.sum(), x, u), dim=-1) for column in first.unbind(-1)], dim=1
        )
    o = x.shape[-1]
    gradient, curvature = first.detach().double().numpy(), _convex(second.double().numpy())
    return QuadraticCost(
        gradient[:, :o],
        gradient[:, o:],
        curvature[:, :o, :o],
        curvature[:, o:, :o],
        curvature[:, o:, o:],
    )


def _gradient(value: Tensor, x: Tensor, u: Tensor, create_graph: bool = False) -> list[Tensor]:
    if not value.requires_grad:
        return [torch.zeros_like(x), torch.zeros_like(u)]
    return list(
        torch.autograd.grad(
            value,
            (x, u),
            retain_graph=True,
            create_graph=create_graph,
            allow_unused=True,
            materialize_grads=True,
        )
    )


def _convex(matrices: FloatArray) -> FloatArray:
    """Return the nearest positive semidefinite matrices; NaN everywhere if any is not finite."""
    symmetric = (matrices + matrices.transpose(0, 2, 1)) / 2
    if not np.isfinite(symmetric).all():
        return np.full_like(symmetric, np.nan)
    values, vectors = np.linalg.eigh(symmetric)
    return (vectors * np.maximum(values, 0.0)[:, None, :]) @ vectors.transpose(0, 2, 1)
