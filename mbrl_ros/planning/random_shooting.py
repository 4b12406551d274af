"""Random shooting: the baseline (Nagabandi et al. 2018, section IV.B)."""

from __future__ import annotations

import torch
from torch import Tensor

from mbrl_ros.planning.planner import Search
from mbrl_ros.planning.sampling import SamplingPlanner, best


class RandomShooting(SamplingPlanner):
    """Samples sequences uniformly and executes the best; no warm start."""

    discrete = True

    def initial(self, warm_start: Search | None, elapsed: int = 1) -> Search:
        """Start without the last plan."""
        return self.resting()

    def sample(self, search: Search, generator: torch.Generator) -> Tensor:
        """Sample from the whole range; the best of previous iterations competes again."""
        shape = (self.settings.candidates, self.knots.count, len(self.low))
        # Makes the first and last whole number as likely as the others.
        edge = torch.zeros_like(self.low)
        edge[self.discrete_indices] = 0.5
        low, high = self.low - edge, self.high + edge
        drawn = low + torch.rand(shape, generator=generator) * (high - low)
        return self.clamp(torch.cat([self.knots.expand(drawn), search.elites[:1]]))

    def update(self, search: Search, candidates: Tensor, returns: Tensor) -> Search:
        """Take the best."""
        elites, theirs = best(candidates, returns, self.settings.elites)
        return Search(elites[0], elites, theirs, search.iteration + 1)
