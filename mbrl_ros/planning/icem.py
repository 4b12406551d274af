"""iCEM: the cross-entropy method for real-time planning (Pinneri et al. 2020)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from mbrl_ros.planning.cem import CEM, GaussianSearch
from mbrl_ros.planning.noise import coloured_noise
from mbrl_ros.planning.planner import Search


class ICEM(CEM):
    """The cross-entropy method with coloured noise, a shrinking population and kept elites.

    The candidates' noise scales range from coarse, for exploration, to fine, for refinement. With
    one scale for all, a controller with few candidates jitters at rest.
    """

    def sample(self, search: Search, generator: torch.Generator) -> Tensor:
        """Sample candidates; previous elites and, in the last iteration, the mean compete, too."""
        assert isinstance(search, GaussianSearch)
        s = self.settings
        shrunk = int(s.candidates / s.icem.decay**search.iteration)
        n = max(shrunk, min(2 * s.elites, s.candidates))
        shape = (n, len(self.low), self.knots.count)
        noise = coloured_noise(shape, s.noise_beta, generator).transpose(1, 2)
        scale = torch.logspace(math.log10(s.icem.finest_scale), 0.0, n)[:, None, None]
        drawn = search.actions + self.knots.expand(self.knots.at(search.std) * scale * noise)
        extra = [search.elites[: int(s.keep_elites * len(search.elites))]]
        if search.iteration == s.iterations - 1:
            extra.append(search.actions[None])
        return self.clamp(torch.cat([drawn, *extra]))
