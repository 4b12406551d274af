"""What planners that try out many candidates have in common."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor

from mbrl_ros.core.spaces import Space
from mbrl_ros.planning.knots import Knots
from mbrl_ros.planning.planner import Planner, Search
from mbrl_ros.planning.problem import Problem
from mbrl_ros.planning.settings import PlannerSettings


class SamplingPlanner(Planner):
    """Draws candidates, has them judged, and moves on to the better ones.

    Attributes:
        knots: what candidates can look like.
    """

    def __init__(self, action: Space, settings: PlannerSettings) -> None:
        super().__init__(action, settings)
        # Between two choices there is no third.
        interpolation = "zero" if action.discrete else settings.interpolation
        self.knots = Knots(settings.horizon, settings.knots, interpolation)

    @abstractmethod
    def sample(self, search: Search, generator: torch.Generator) -> Tensor:
        """Draw candidates within the limits, shape ``(N, H, A)``."""

    @abstractmethod
    def update(self, search: Search, candidates: Tensor, returns: Tensor) -> Search:
        """Move to the better candidates.

        Args:
            search: where the search stands.
            candidates: shape ``(N, H, A)``.
            returns: shape ``(N,)``, at least one of them finite; minus infinity ranks last.
        """

    def improve(self, search: Search, problem: Problem, generator: torch.Generator) -> Search:
        """Draw, judge and move on; in the first iteration the proposals compete, too."""
        candidates = self.sample(search, generator)
        if search.iteration == 0 and len(problem.proposals):
            candidates = torch.cat([candidates, problem.proposals])
        return self.update(search, candidates, problem.returns(candidates))


def best(candidates: Tensor, returns: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Return the best candidates and their returns, best first.

    Args:
        candidates: shape ``(N, H, A)``.
        returns: shape ``(N,)``; what is minus infinity is left out.
        count: how many at most.
    """
    top = returns.topk(min(count, int(returns.isfinite().sum())))
    return candidates[top.indices], top.values
