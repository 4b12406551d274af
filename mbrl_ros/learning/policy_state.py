"""The state from which the training of an actor and its critics resumes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mbrl_ros.models.learner_state import Loaded, count, found, numbers, saved


@dataclass(frozen=True)
class PolicyState:
    """What was read of a state.

    Attributes:
        updates: gradient steps so far.
        number: the trainer's own.
        slow: weights of the slow critics.
        optimizers: name to an optimiser's state.
    """

    updates: int
    number: Tensor
    slow: Mapping[str, Tensor]
    optimizers: Mapping[str, Loaded]


def saved_policy(
    updates: int,
    number: tuple[str, Tensor],
    slow: nn.Module,
    optimizers: Mapping[str, torch.optim.Optimizer],
) -> dict[str, Tensor]:
    """Return a state.

    Args:
        updates: gradient steps so far.
        number: a scalar of the trainer's own, with its name.
        slow: critics that follow the others.
        optimizers: by name.
    """
    name, value = number
    state = {"policy.updates": torch.tensor(updates), f"policy.{name}": value.detach().clone()}
    state |= {f"policy.slow.{part}": t for part, t in slow.state_dict().items()}
    for part, optimizer in optimizers.items():
        state |= saved(f"policy.{part}", optimizer)
    return state


def read_policy(
    state: Mapping[str, Tensor] | None,
    number: str,
    slow: nn.Module,
    optimizers: Mapping[str, torch.optim.Optimizer],
) -> PolicyState | None:
    """Return a state from `saved_policy`; None: nothing is known of it.

    Raises:
        ValueError: if it does not fit.
    """
    if state is None or "policy.updates" not in state:
        return None
    updates = count(state, "policy.updates")
    # Without a step optimisers have no state.
    of_steps = optimizers if updates else {}
    return PolicyState(
        updates,
        numbers(state, f"policy.{number}"),
        {n: numbers(state, f"policy.slow.{n}", t.shape) for n, t in slow.state_dict().items()},
        {n: found(f"policy.{n}", optimizer, state) for n, optimizer in of_steps.items()},
    )
