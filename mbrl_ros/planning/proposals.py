"""Candidates from elsewhere: a policy, an inverse model, a plan of before."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from mbrl_ros.extensions import load
from mbrl_ros.planning.problem import Problem

# From the problem and the rest of the last plan, shape (H, A), to sequences (Q, H, A).
Proposal = Callable[[Problem, Tensor], Tensor]


def previous_plan(_: Problem, plan: Tensor) -> Tensor:
    """Propose to go on as planned: a plan is then never worse than its predecessor."""
    return plan[None]


PROPOSALS: dict[str, Proposal] = {"previous_plan": previous_plan}


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
