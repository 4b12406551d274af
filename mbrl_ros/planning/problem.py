"""The planning problem: belief, world model and objective."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from mbrl_ros.models.heads import Value
from mbrl_ros.models.imagined import Imagined
from mbrl_ros.models.world_model import Belief, WorldModel
from mbrl_ros.objectives.forbidden import Forbidden
from mbrl_ros.objectives.objective import Objective


class NoPlanError(RuntimeError):
    """Planning is impossible: no candidate's return is finite, or the model lacks an output."""


@dataclass(frozen=True)
class Problem:
    """The planning problem of one decision; constant while planning.

    Attributes:
        belief: when the first action takes effect, of a batch of one.
        model: imagines trajectories from there.
        objective: evaluates them.
        sent: commands sent so far, newest last; shape ``(P, A)``, P may be 0.
        proposals: additional candidates, within the limits; shape ``(Q, H, A)``.
        expected: observations predicted by the last plan, from now on; shape
            ``(H + 1, O)``, or ``(0, O)`` without a last plan.
        value: expected return after the horizon; None: 0.
        forbidden: states that no plan should lead to; None: there are none.
    """

    belief: Belief
    model: WorldModel
    objective: Objective
    sent: Tensor
    proposals: Tensor = field(default_factory=lambda: torch.empty(0, 0, 0))
    expected: Tensor = field(default_factory=lambda: torch.empty(0, 0))
    value: Value | None = None
    forbidden: Forbidden | None = None

    def score(self, imagined: Imagined) -> Tensor:
        """Return the value of each candidate: `Objective.score`, as `Forbidden.rank` ranks it."""
        worth = self.objective.score(imagined, self.value)
        return self.forbidden.rank(worth, imagined) if self.forbidden else worth

    def returns(self, candidates: Tensor) -> Tensor:
        """Return the return of each candidate; minus infinity if not finite.

        Args:
            candidates: shape ``(N, H, A)``.

        Returns:
            shape ``(N,)``.

        Raises:
            NoPlanError: if no return is finite.
        """
        imagined = self.model.imagine(self.belief, candidates)
        return ranked(self.score(imagined).cpu())


def ranked(returns: Tensor) -> Tensor:
    """Replace non-finite returns by minus infinity.

    Raises:
        NoPlanError: if none is finite.
    """
    finite = returns.isfinite()
    if not finite.any():
        raise NoPlanError("no candidate has a finite return")
    return torch.where(finite, returns, -torch.inf)
