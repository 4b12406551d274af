"""What is to be decided: where it starts, what would happen, and what that is worth."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from mbrl_ros.models.world_model import Belief, WorldModel
from mbrl_ros.objectives.objective import Objective


class NoPlanError(RuntimeError):
    """There is nothing to act on: no candidate's return is finite, or something is missing."""


@dataclass(frozen=True)
class Problem:
    """One decision's question; nothing of it changes while the decision is made.

    Attributes:
        belief: where the first action acts, of a batch of one.
        model: imagines trajectories from there.
        objective: judges them.
        sent: the commands sent so far, newest last; shape ``(P, A)``, P may be 0.
        proposals: sequences that others suggest, within the limits; shape ``(Q, H, A)``.
        expected: observations that the last plan led one to expect, from now on: shape
            ``(H + 1, O)``, or ``(0, O)`` without a last plan.
    """

    belief: Belief
    model: WorldModel
    objective: Objective
    sent: Tensor
    proposals: Tensor = field(default_factory=lambda: torch.empty(0, 0, 0))
    expected: Tensor = field(default_factory=lambda: torch.empty(0, 0))

    def returns(self, candidates: Tensor) -> Tensor:
        """Return what each candidate is worth; minus infinity where that is not finite.

        Args:
            candidates: shape ``(N, H, A)``.

        Returns:
            shape ``(N,)``.

        Raises:
            NoPlanError: if no return is finite.
        """
        imagined = self.model.imagine(self.belief, candidates)
        return ranked(self.objective.score(imagined).cpu())


def ranked(returns: Tensor) -> Tensor:
    """Return the returns with minus infinity for what is not finite.

    Raises:
        NoPlanError: if none is finite.
    """
    finite = returns.isfinite()
    if not finite.any():
        raise NoPlanError("no candidate has a finite return")
    return torch.where(finite, returns, -torch.inf)
