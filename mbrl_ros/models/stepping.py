"""Trajectories of a model that is a function from one state to the next."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor


def step_through(
    step: Callable[[Tensor, Tensor], Tensor],
    start: Tensor,
    act: Callable[[int, Tensor], Tensor],
    horizon: int,
) -> tuple[list[Tensor], list[Tensor]]:
    """Advance a state, in open or closed loop; differentiable if ``step`` and ``act`` are.

    Args:
        step: next states from states and actions, all of shape ``(M, N, ...)``.
        start: first states.
        act: actions from the number of the step and its states.
        horizon: H.

    Returns:
        H + 1 states, and the H actions between them.
    """
    states, actions = [start], []
    for k in range(horizon):
        actions.append(act(k, states[-1]))
        states.append(step(states[-1], actions[-1]))
    return states, actions
