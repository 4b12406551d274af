"""The backward pass of differential dynamic programming along a plan, within limits of actions.

Tassa, Mansard and Todorov 2014, "Control-limited differential dynamic programming".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mbrl_ros.models.world_model import Linearization
from mbrl_ros.objectives.objective import Objective
from mbrl_ros.planning.box_qp import box_qp
from mbrl_ros.planning.quadratic import quadratic_cost


@dataclass(frozen=True)
class LocalPolicy:
    """Feedforward changes of the actions, ``(H, A)``, and state feedback gains, ``(H, A, S)``."""

    change: Tensor
    feedback: Tensor


def backward(
    model: Linearization,
    objective: Objective,
    states: Tensor,
    plan: Tensor,
    low: Tensor,
    high: Tensor,
    damping: float,
) -> LocalPolicy | None:
    """Return the optimal change within the limits; None if a derivative is not finite.

    Args:
        model: to differentiate.
        objective: to differentiate.
        states: along the plan, shape ``(H + 1, S)``; observations come first.
        plan: shape ``(H, A)``.
        low: lower limits of the actions, shape ``(A,)``.
        high: upper limits of the actions, shape ``(A,)``.
        damping: added to the curvature over a squared half of the action range, relative to the
            cost's own size there.
    """
    cost = quadratic_cost(objective, states, plan)
    by_state, by_action = (j.double().numpy() for j in model.mean_jacobians(states[:-1], plan))
    if not (cost.finite and np.isfinite(by_state).all() and np.isfinite(by_action).all()):
        return None
    lower, upper = (low - plan).double().numpy(), (high - plan).double().numpy()
    half = (high - low).double().numpy() / 2.0
    o = states.shape[-1]
    change = np.zeros(plan.shape)
    feedback = np.zeros((*plan.shape, o))
    vx, vxx = np.zeros(o), np.zeros((o, o))
    # Of the cost's changes over half of the action range; no unit of reward is any better.
    size = 0.0
    for k in reversed(range(len(plan))):
        a, b = by_state[k], by_action[k]
        gradient, curvature = cost.gradient[k], cost.curvature[k]
        # A step's cost depends on the next state, so it combines x after the step with u before it.
        ux = curvature[o:, :o]
        px, pxx = gradient[:o] + vx, curvature[:o, :o] + vxx
        qx, qu = a.T @ px, gradient[o:] + b.T @ px
        qxx, qux = a.T @ pxx @ a, b.T @ pxx @ a + ux @ a
        quu = curvature[o:, o:] + b.T @ pxx @ b + ux @ b + (ux @ b).T
        size = max(size, *(np.diag(quu) * half**2), *np.abs(qu * half))
        damped = damping * (size or 1.0) * np.diag(1.0 / half**2)
        step, free = box_qp(quu + damped, qu, lower[k], upper[k])
        gain = np.zeros_like(qux)
        if free.any():
            gain[free] = -np.linalg.solve((quu + damped)[np.ix_(free, free)], qux[free])
        change[k], feedback[k] = step, gain
        vx = qx + gain.T @ (quu @ step + qu) + qux.T @ step
        vxx = qxx + gain.T @ quu @ gain + gain.T @ qux + qux.T @ gain
        vxx = (vxx + vxx.T) / 2
    return LocalPolicy(torch.from_numpy(change).float(), torch.from_numpy(feedback).float())
