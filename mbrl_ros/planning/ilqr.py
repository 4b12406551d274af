"""iLQR with action limits, with the learned model's derivatives.

Tassa, Mansard and Todorov 2014, "Control-limited differential dynamic programming".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mbrl_ros.models.world_model import Linearization
from mbrl_ros.planning.backward import LocalPolicy, backward
from mbrl_ros.planning.planner import Planner, Search
from mbrl_ros.planning.problem import Problem
from mbrl_ros.planning.sampling import best

# Step sizes of the line search.
_STEPS = (1.0, 0.6, 0.35, 0.2, 0.1, 0.03, 0.01)
_FIRST_DAMPING, _LEAST_DAMPING, _MOST_DAMPING = 1e-3, 1e-6, 1e6
_DAMPING_FACTOR = 6.0


@dataclass(frozen=True)
class ILQRSearch(Search):
    """A plan and its regularisation.

    Attributes:
        damping: added to the curvature over a squared half of the action range, relative to the
            cost's own size there.
    """

    damping: float


class ILQR(Planner):
    """Iteratively solves a quadratic model of the problem around the plan.

    The derivatives are those of the members' mean; returns are evaluated with every member, as for
    all planners. A plan never gets worse.
    """

    needs_derivatives = True

    def initial(self, warm_start: Search | None, elapsed: int = 1) -> ILQRSearch:
        """Start from the rest of the last plan."""
        start = self.continued(warm_start, elapsed) if warm_start else self.resting()
        damping = warm_start.damping if isinstance(warm_start, ILQRSearch) else _FIRST_DAMPING
        actions = self.clamp(start.actions)
        return ILQRSearch(actions, start.elites[:0], start.returns[:0], 0, damping)

    def improve(self, search: Search, problem: Problem, generator: torch.Generator) -> ILQRSearch:
        """Take one step: derivatives, backward pass, and a line search on predictions."""
        assert isinstance(search, ILQRSearch)
        candidates = search.actions[None]
        if search.iteration == 0 and len(problem.proposals):
            candidates = torch.cat([candidates, problem.proposals])
            # The step starts from the best of them.
            candidates, _ = best(candidates, problem.returns(candidates), 1)
        plan = candidates[0]
        start, model = problem.model.linearized(problem.belief)
        states, _ = _forward(model, start, plan[None], self.clamp)
        policy = backward(
            model, problem.objective, states[0], plan, self.low, self.high, search.damping
        )
        if policy is not None:
            plans = plan.expand(len(_STEPS), -1, -1)
            _, stepped = _forward(model, start, plans, self.clamp, policy, states[0])
            candidates = torch.cat([candidates, stepped])
        returns = problem.returns(candidates)
        elites, theirs = best(candidates, returns, self.settings.elites)
        factor = 1 / _DAMPING_FACTOR if theirs[0] > returns[0] else _DAMPING_FACTOR
        damping = float(np.clip(search.damping * factor, _LEAST_DAMPING, _MOST_DAMPING))
        return ILQRSearch(elites[0], elites, theirs, search.iteration + 1, damping)


def _forward(
    model: Linearization,
    start: Tensor,
    plans: Tensor,
    clamp: Callable[[Tensor], Tensor],
    policy: LocalPolicy | None = None,
    reference: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Roll out the members' mean, with a policy's changes scaled by `_STEPS`.

    Args:
        model: to predict with.
        start: first state, shape ``(S,)``.
        plans: shape ``(B, H, A)``.
        clamp: keeps actions within the limits.
        policy: None: the plans as they are.
        reference: states around which the policy was computed, shape ``(H + 1, S)``.

    Returns:
        states ``(B, H + 1, S)`` and actions ``(B, H, A)``.
    """
    shares = torch.tensor(_STEPS)[:, None]
    state = start.expand(len(plans), -1)
    states, actions = [state], []
    for k in range(plans.shape[1]):
        action = plans[:, k]
        if policy is not None and reference is not None:
            deviation = state - reference[k]
            action = clamp(action + shares * policy.change[k] + deviation @ policy.feedback[k].T)
        state = model.mean_step(state, action)
        states.append(state)
        actions.append(action)
    return torch.stack(states, dim=1), torch.stack(actions, dim=1)
