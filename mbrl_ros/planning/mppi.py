"""MPPI: model predictive path integral control (Williams et al. 2017)."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from mbrl_ros.core.spaces import Space
from mbrl_ros.planning.noise import coloured_noise
from mbrl_ros.planning.planner import Search
from mbrl_ros.planning.problem import Problem
from mbrl_ros.planning.sampling import SamplingPlanner, best
from mbrl_ros.planning.settings import PlannerSettings

# Quadratic smoothing over nine points (Savitzky and Golay 1964, table I).
_SMOOTHING = torch.tensor([-21.0, 14.0, 39.0, 54.0, 59.0, 54.0, 39.0, 14.0, -21.0]) / 231.0
# Bisection steps for the logarithm of the temperature.
_BISECTIONS = 25


class MPPI(SamplingPlanner):
    """Averages all candidates, weighted by the exponential of their returns."""

    def __init__(self, action: Space, settings: PlannerSettings) -> None:
        super().__init__(action, settings)
        self._std = settings.noise_std * (self.high - self.low) / 2

    def initial(self, warm_start: Search | None, elapsed: int = 1) -> Search:
        """Start from the rest of the last plan."""
        start = self.continued(warm_start, elapsed) if warm_start else self.resting()
        return replace(start, actions=self.clamp(self.knots.project(start.actions)))

    def sample(self, search: Search, generator: torch.Generator) -> Tensor:
        """Sample noise around the plan; the plan itself is a candidate, too."""
        s = self.settings
        shape = (s.candidates - 1, len(self.low), self.knots.count)
        noise = coloured_noise(shape, s.noise_beta, generator).transpose(1, 2)
        drawn = search.actions + self.knots.expand(self._std * noise)
        return self.clamp(torch.cat([drawn, search.actions[None]]))

    def update(self, search: Search, candidates: Tensor, returns: Tensor) -> Search:
        """Average the candidates."""
        weights = torch.softmax(returns / self._temperature(returns), dim=0)
        actions = torch.einsum("n,nha->ha", weights, candidates)
        elites, theirs = best(candidates, returns, self.settings.elites)
        return Search(self.clamp(actions), elites, theirs, search.iteration + 1)

    def improve(self, search: Search, problem: Problem, generator: torch.Generator) -> Search:
        """Sample, evaluate, average and optionally smooth."""
        improved = super().improve(search, problem, generator)
        if not self.settings.mppi.smoothing:
            return improved
        return replace(improved, actions=self.clamp(smoothed(improved.actions, problem.sent)))

    def _temperature(self, returns: Tensor) -> float:
        """Return the temperature, in the unit of the returns."""
        finite = returns[returns.isfinite()]
        spread = float(finite.std(correction=0))
        if spread == 0.0:
            return 1.0
        share = self.settings.mppi.effective_share
        if share == 0.0:
            return self.settings.mppi.temperature * spread
        wanted = max(1.0, share * len(returns))
        low, high = -12.0, 12.0
        for _ in range(_BISECTIONS):
            middle = (low + high) / 2
            weights = torch.softmax(finite / (spread * 2.0**middle), dim=0)
            # The effective sample size (Kong 1992) grows with the temperature.
            if float(1.0 / weights.square().sum()) < wanted:
                low = middle
            else:
                high = middle
        return spread * 2.0**high


def smoothed(actions: Tensor, sent: Tensor) -> Tensor:
    """Smooth a plan as the continuation of the commands sent, as Nav2's controller does.

    Args:
        actions: shape ``(H, A)``.
        sent: previous commands, newest last; shape ``(P, A)``, P may be 0.
    """
    half = len(_SMOOTHING) // 2
    past = torch.cat(
        [sent[:1].expand(half, -1) if len(sent) else actions[:1].expand(half, -1), sent]
    )
    series = torch.cat([past[-half:], actions, actions[-1:].expand(half, -1)])
    return torch.einsum("haw,w->ha", series.unfold(0, len(_SMOOTHING), 1), _SMOOTHING)
