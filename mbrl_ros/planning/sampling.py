"""Base class of sampling-based planners."""

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
    """Samples candidates, evaluates them, and updates its distribution towards the better ones.

    Attributes:
        knots: parametrisation of candidates.
    """

    def __init__(self, action: Space, settings: PlannerSettings) -> None:
        super().__init__(action, settings)
        # Discrete choices cannot be interpolated.
        interpolation = "zero" if action.discrete else settings.interpolation
        self.knots = Knots(settings.horizon, settings.knots, interpolation)

    @abstractmethod
    def sample(self, search: Search, generator: torch.Generator) -> Tensor:
        """Sample candidates within the limits, shape ``(N, H, A)``."""

    @abstractmethod
    def update(self, search: Search, candidates: Tensor, returns: Tensor) -> Search:
        """Update the search towards the better candidates.

        Args:
            search: its present state.
            candidates: shape ``(N, H, A)``.
            returns: shape ``(N,)``, at least one finite; minus infinity ranks last.
        """

    def improve(self, search: Search, problem: Problem, generator: torch.Generator) -> Search:
        """Sample, evaluate and update; in the first iteration together with the proposals."""
        candidates = self.sample(search, generator)
        if search.iteration == 0 and len(problem.proposals):
            candidates = torch.cat([candidates, problem.proposals])
        return self.update(search, candidates, problem.returns(candidates))


def best(candidates: Tensor, returns: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Return the best candidates and their returns, best first.

    Args:
        candidates: shape ``(N, H, A)``.
        returns: shape ``(N,)``; candidates at minus infinity are omitted.
        count: maximum number.
    """
    top = returns.topk(min(count, int(returns.isfinite().sum())))
    return candidates[top.indices], top.values
