"""iCEM: the cross-entropy method for real-time planning (Pinneri et al. 2020)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from mbrl_ros.planning.noise import coloured_noise
from mbrl_ros.planning.settings import PlannerSettings
from mbrl_ros.spaces import Space


@dataclass(frozen=True)
class Search:
    """Where a search stands.

    Attributes:
        mean: shape ``(H, A)``; what would be executed.
        std: shape ``(H, A)``.
        elites: the best sequences so far, best first; shape ``(K, H, A)``, K may be 0.
        iteration: updates done.
    """

    mean: Tensor
    std: Tensor
    elites: Tensor
    iteration: int


class ICEM:
    """Samples coloured noise around a mean and moves the mean to the elites.

    The candidates' noise has scales from coarse to fine: the coarse ones find another
    way, the fine ones make the present one exact. One scale for all leaves a controller
    with few candidates trembling where it should stand still.

    With a learned model the elites' mean is executed, not the best sample: the best
    sample is the one that exploits the model's errors best (mbrl-lib, pull request 70).
    """

    def __init__(self, action: Space, settings: PlannerSettings) -> None:
        self.settings = settings
        self.low = torch.tensor(action.low, dtype=torch.float32)
        self.high = torch.tensor(action.high, dtype=torch.float32)
        self._std = settings.initial_std * (self.high - self.low) / 2

    def initial(self, warm_start: Search | None, elapsed: int = 1) -> Search:
        """Return the distribution a plan starts from.

        Args:
            warm_start: the last plan's search; its mean and elites go on from there.
            elapsed: control steps since then, by which they are shifted.
        """
        horizon = self.settings.horizon
        std = self._std.expand(horizon, -1)
        if warm_start is None:
            mean = ((self.low + self.high) / 2).expand(horizon, -1)
            return Search(mean, std, mean.new_empty(0, *mean.shape), 0)
        mean = shifted(warm_start.mean, elapsed, horizon)
        return Search(mean, std, shifted(warm_start.elites, elapsed, horizon), 0)

    def sample(self, search: Search, generator: torch.Generator) -> Tensor:
        """Draw candidates, shape ``(N, H, A)``, within the limits."""
        s = self.settings
        shrunk = int(s.candidates / s.decay**search.iteration)
        n = max(shrunk, min(2 * s.elites, s.candidates))
        horizon, dim = search.mean.shape
        noise = coloured_noise((n, dim, horizon), s.noise_beta, generator).transpose(1, 2)
        scale = torch.logspace(math.log10(s.finest_scale), 0.0, n)[:, None, None]
        drawn = search.mean + search.std * scale * noise
        extra = [search.elites[: self._kept(len(search.elites))]]
        if search.iteration == s.iterations - 1:
            extra.append(search.mean[None])
        return torch.clamp(torch.cat([drawn, *extra]), self.low, self.high)

    def update(self, search: Search, candidates: Tensor, returns: Tensor) -> Search:
        """Move the distribution to the best candidates.

        Args:
            search: where the search stands.
            candidates: shape ``(N, H, A)``.
            returns: shape ``(N,)``; what is not finite ranks last.
        """
        worst = torch.where(returns.isfinite(), returns, -torch.inf)
        count = min(self.settings.elites, int(worst.isfinite().sum()))
        if count == 0:
            return Search(search.mean, search.std, search.elites[:0], search.iteration + 1)
        elites = candidates[worst.topk(count).indices]
        kept = self.settings.momentum
        mean = kept * search.mean + (1 - kept) * elites.mean(dim=0)
        std = kept * search.std + (1 - kept) * elites.std(dim=0, correction=0)
        return Search(mean, std, elites, search.iteration + 1)

    def _kept(self, elites: int) -> int:
        return int(self.settings.keep_elites * elites)


def shifted(sequences: Tensor, steps: int, horizon: int) -> Tensor:
    """Drop the first actions and repeat the last, so that the length is ``horizon``.

    Args:
        sequences: shape ``(..., H, A)``.
        steps: how many to drop; at least one action stays.
        horizon: the length wanted.
    """
    last = sequences.shape[-2] - 1
    index = torch.arange(steps, steps + horizon).clamp_max(last)
    return sequences[..., index, :]
