"""Additional candidates: from a policy, an inverse model, the previous plan."""

from __future__ import annotations

from collections.abc import Callable, Collection

import torch
from torch import Tensor

from mbrl_ros.core.extensions import load
from mbrl_ros.models.heads import is_for
from mbrl_ros.models.world_model import WorldModel
from mbrl_ros.planning.problem import NoPlanError, Problem

# From the problem and the rest of the last plan, shape (H, A), to sequences (Q, H, A).
Proposal = Callable[[Problem, Tensor], Tensor]

_NO_INVERSE = (
    "planner.proposals: inverse_model: the model has learned none; "
    "set model.inverses of model_trainer to true"
)
_NO_POLICY = "planner.proposals: policy: the model has learned no policy"


def previous_plan(_: Problem, plan: Tensor) -> Tensor:
    """Propose the previous plan's rest: a plan is then never worse than its predecessor."""
    return plan[None]


def inverse_model(problem: Problem, plan: Tensor) -> Tensor:
    """Propose actions of the inverse model that return to the plan's predicted trajectory.

    If the plant has deviated from it, the plan's own actions lead elsewhere.

    Raises:
        NoPlanError: if the model has no inverse model.
    """
    model = problem.model
    if model.inverses is None:
        raise NoPlanError(_NO_INVERSE)
    if not len(problem.expected):
        return plan.new_empty(0, *plan.shape)
    low = torch.tensor(model.action.low, dtype=torch.float32)
    high = torch.tensor(model.action.high, dtype=torch.float32)
    belief = problem.belief
    actions: list[Tensor] = []
    for k, expected in enumerate(problem.expected[1:]):
        imagined = model.imagine(belief, (actions[-1] if actions else plan[0])[None, None])
        assert imagined.observations is not None  # with an inverse model
        # The belief's observation first, then the one after the last action.
        seen = imagined.observations[:, 0, min(k, 1)].mean(dim=0).to(plan.device)
        if actions:
            belief = model.ahead(belief, actions[-1][None])
        actions.append(model.inverses.action(seen, expected).clamp(low, high))
    return torch.stack(actions)[None]


def policy(problem: Problem, plan: Tensor) -> Tensor:
    """Propose the policy's actions along each member's imagined trajectory.

    None, if it was learned for another objective.

    Raises:
        NoPlanError: if the model has no policy.
    """
    chosen = problem.model.policy
    if chosen is None:
        raise NoPlanError(_NO_POLICY)
    if not is_for(chosen, problem.objective.digest):
        return plan.new_empty(0, *plan.shape)
    imagined = problem.model.imagine_policy(problem.belief, chosen, len(plan))
    return imagined.actions.reshape(-1, *plan.shape).to(plan.device)


PROPOSALS: dict[str, Proposal] = {
    "previous_plan": previous_plan,
    "inverse_model": inverse_model,
    "policy": policy,
}


def find_proposal(name: str) -> Proposal:
    """Return a built-in proposal by name, or a user-defined one by ``module:attribute``.

    Raises:
        ValueError: if it is unknown.
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


def check_proposals(names: Collection[str], model: WorldModel) -> None:
    """Check that a model has the outputs that proposals need.

    Raises:
        ValueError: if it lacks one.
    """
    if inverse_model.__name__ in names and model.inverses is None:
        raise ValueError(_NO_INVERSE)
    if policy.__name__ in names and model.policy is None:
        raise ValueError(_NO_POLICY)


def collect(proposals: list[Proposal], problem: Problem, plan: Tensor) -> Tensor:
    """Return the sequences of all proposals, shape ``(Q, H, A)``.

    Args:
        proposals: called in turn.
        problem: to plan for; its own proposals are ignored.
        plan: the rest of the last plan, shape ``(H, A)``.

    Raises:
        ValueError: if one returns anything else.
    """
    found = [plan.new_empty(0, *plan.shape)]
    for proposal in proposals:
        sequences = proposal(problem, plan)
        shape = tuple(getattr(sequences, "shape", ()))
        if not isinstance(sequences, Tensor) or len(shape) != 3 or shape[1:] != plan.shape:
            name = getattr(proposal, "__name__", type(proposal).__name__)
            raise ValueError(
                f"planner.proposals: {name}: expected a tensor of shape (Q, {plan.shape[0]}, "
                f"{plan.shape[1]}), got {type(sequences).__name__} of shape {shape}"
            )
        found.append(sequences.to(plan.dtype))
    return torch.cat(found)
