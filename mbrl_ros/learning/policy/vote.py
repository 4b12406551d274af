"""The members' vote on a policy: is it better in their imagination than another one?"""

from __future__ import annotations

import torch
from torch import Tensor

from mbrl_ros.learning.policy.steps import imagined_steps
from mbrl_ros.models.dynamics_model import DynamicsModel
from mbrl_ros.models.heads import Policy, Value
from mbrl_ros.objectives.objective import Objective


def vote(
    start: Tensor,
    steps: int,
    model: DynamicsModel,
    policies: tuple[Policy, Policy],
    value: Value,
    objective: Objective,
    seed: int,
) -> float:
    """Return the share of members that imagine more of the first policy than of the second.

    It is the test by which ME-TRPO stops to improve a policy (Kurutach et al. 2018, section 4.3):
    a policy that exploits one member's error is not better for the others. Each member compares
    both on the same starts with the same noise.

    Args:
        start: real states, shape ``(N, S)``, N a multiple of the members.
        steps: imagined.
        model: imagines.
        policies: the first, and the one it is compared with.
        value: of what comes after the last step.
        objective: judges.
        seed: of the noise.
    """
    first, second = (
        _returns(start, steps, model, policy, value, objective, seed) for policy in policies
    )
    return float((first > second).float().mean())


def _returns(
    start: Tensor,
    steps: int,
    model: DynamicsModel,
    policy: Policy,
    value: Value,
    objective: Objective,
    seed: int,
) -> Tensor:
    """Return each member's mean return, shape ``(M,)``."""
    generator = torch.Generator().manual_seed(seed)
    found = imagined_steps(start, steps, model, policy, objective, generator)
    last = slice(-len(start), None)
    then = found.weight[last] * found.continues[last] * value(found.next_features[last])
    paid = (found.reward * found.weight).view(steps, -1).sum(dim=0)
    return (paid + then).view(model.members, -1).mean(dim=-1)
