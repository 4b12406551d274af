"""The cross-entropy method (Rubinstein 1999; for planning, Chua et al. 2018)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mbrl_ros.core.spaces import Space
from mbrl_ros.planning.planner import Search
from mbrl_ros.planning.sampling import SamplingPlanner, best
from mbrl_ros.planning.settings import PlannerSettings


@dataclass(frozen=True)
class GaussianSearch(Search):
    """A normal distribution around the plan.

    Attributes:
        std: shape ``(H, A)``.
    """

    std: Tensor


class CEM(SamplingPlanner):
    """Fits a normal distribution to the elites, with the same initial deviation for each plan.

    The elites' mean is executed, not the best sample: with a learned model, the best sample is the
    one that exploits the model's errors most (mbrl-lib, pull request 70).
    """

    def __init__(self, action: Space, settings: PlannerSettings) -> None:
        super().__init__(action, settings)
        self._std = settings.noise_std * (self.high - self.low) / 2

    def initial(self, warm_start: Search | None, elapsed: int = 1) -> GaussianSearch:
        """Return the distribution around the rest of the last plan."""
        start = self.continued(warm_start, elapsed) if warm_start else self.resting()
        mean = self.clamp(self.knots.project(start.actions))
        return GaussianSearch(mean, start.elites, start.returns, 0, self._std.expand_as(mean))

    def sample(self, search: Search, generator: torch.Generator) -> Tensor:
        """Sample candidates with independent noise at every knot."""
        assert isinstance(search, GaussianSearch)
        shape = (self.settings.candidates, self.knots.count, len(self.low))
        noise = torch.randn(shape, generator=generator)
        drawn = search.actions + self.knots.expand(self.knots.at(search.std) * noise)
        return self.clamp(drawn)

    def update(self, search: Search, candidates: Tensor, returns: Tensor) -> GaussianSearch:
        """Fit the distribution to the elites."""
        assert isinstance(search, GaussianSearch)
        elites, theirs = best(candidates, returns, self.settings.elites)
        kept = self.settings.momentum
        mean = kept * search.actions + (1 - kept) * elites.mean(dim=0)
        std = kept * search.std + (1 - kept) * elites.std(dim=0, correction=0)
        return GaussianSearch(mean, elites, theirs, search.iteration + 1, std)
