"""Candidates from elsewhere: a policy, an inverse model, a plan of before."""

from __future__ import annotations

from collections.abc import Callable, Collection

import torch
from torch import Tensor

from mbrl_ros.dynamics.model import DynamicsModel
from mbrl_ros.extensions import load
from mbrl_ros.planning.problem import NoPlanError, Problem

# From the problem and the rest of the last plan, shape (H, A), to sequences (Q, H, A).
Proposal = Callable[[Problem, Tensor], Tensor]

_NO_INVERSE = (
    "planner.proposals: inverse_model: the model has learned none; "
    "set model.inverses of model_trainer to true"
)


def previous_plan(_: Problem, plan: Tensor) -> Tensor:
    """Propose to go on as planned: a plan is then never worse than its predecessor."""
    return plan[None]


def inverse_model(problem: Problem, plan: Tensor) -> Tensor:
    """Propose what leads back to where the plan was going, told by the inverse model.

    The plan's own actions lead elsewhere by now, if the plant is not where it was expected.

    Raises:
        NoPlanError: if the model learns no inverse.
    """
    model = problem.rollout.model
    if model.inverses is None:
        raise NoPlanError(_NO_INVERSE)
    if not len(problem.expected):
        return plan.new_empty(0, *plan.shape)
    low = torch.tensor(model.action.low, dtype=torch.float32)
    high = torch.tensor(model.action.high, dtype=torch.float32)
    state, actions = problem.start, []
    for following in problem.expected[1:]:
        seen = state[..., : model.observation.dim].reshape(-1, model.observation.dim).mean(dim=0)
        action = model.inverses.action(seen, following).clamp(low, high)
        state = problem.rollout.ahead(state, action[None]).to(plan.device)
        actions.append(action)
    return torch.stack(actions)[None]


PROPOSALS: dict[str, Proposal] = {"previous_plan": previous_plan, "inverse_model": inverse_model}


def find_proposal(name: str) -> Proposal:
    """Return a proposal of ours by its name, or a user's by ``module:attribute``.

    Raises:
        ValueError: if there is none.
    """
    if name in PROPOSALS:
        return PROPOSALS[name]
    if ":" not in name:
        raise ValueError(
            f"planner.proposals: expected one of {', '.join(PROPOSALS)} or module:attribute, "
            f"got '{name}'"
        )
    found: Proposal = load(name, "planner.proposals")
    if not callable(found):
        raise ValueError(
            f"planner.proposals: expected a function, '{name}' is a {type(found).__name__}"
        )
    return found


def check_proposals(names: Collection[str], model: DynamicsModel) -> None:
    """Check that a model has learned what proposals need.

    Raises:
        ValueError: if it has not.
    """
    if inverse_model.__name__ in names and model.inverses is None:
        raise ValueError(_NO_INVERSE)


def collect(proposals: list[Proposal], problem: Problem, plan: Tensor) -> Tensor:
    """Return what all of them propose, shape ``(Q, H, A)``.

    Args:
        proposals: asked in turn.
        problem: what is to be planned; its own proposals are left out.
        plan: the rest of the last plan, shape ``(H, A)``.

    Raises:
        ValueError: if one proposes something of another shape.
    """
    found = [plan.new_empty(0, *plan.shape)]
    for proposal in proposals:
        sequences = proposal(problem, plan)
        if sequences.ndim != 3 or sequences.shape[1:] != plan.shape:
            name = getattr(proposal, "__name__", type(proposal).__name__)
            raise ValueError(
                f"planner.proposals: {name}: expected shape (Q, {plan.shape[0]}, "
                f"{plan.shape[1]}), got {tuple(sequences.shape)}"
            )
        found.append(sequences.to(plan.dtype))
    return torch.cat(found)
