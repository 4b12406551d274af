"""The cross-entropy method for discrete actions (Rubinstein 1999, section 4)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from mbrl_ros.core.spaces import Space
from mbrl_ros.planning.planner import Search, shifted
from mbrl_ros.planning.sampling import SamplingPlanner, best
from mbrl_ros.planning.settings import PlannerSettings

_MOST_CHOICES = 1000
# Uniform share of every distribution, so that no choice dies out.
_FLOOR = 0.05
# Uniform share of a new plan's distribution around the last plan.
_RENEWAL = 0.5


@dataclass(frozen=True)
class CategoricalSearch(Search):
    """A distribution over choices.

    Attributes:
        probabilities: shape ``(H, A, L)``; L is the largest number of choices of a dimension.
    """

    probabilities: Tensor


class CategoricalCEM(SamplingPlanner):
    """Fits independent categorical distributions to the elites; executes the most likely."""

    continuous = False
    discrete = True

    def __init__(self, action: Space, settings: PlannerSettings) -> None:
        super().__init__(action, settings)
        choices = (self.high - self.low).long() + 1
        for name, count in zip(action.names, choices.tolist(), strict=True):
            if count > _MOST_CHOICES:
                raise ValueError(
                    f"planner.type: categorical_cem plans at most {_MOST_CHOICES} choices, "
                    f"action '{name}' has {count}"
                )
        exists = torch.arange(int(choices.max())) < choices[:, None]
        self._chance = exists / choices[:, None]

    def initial(self, warm_start: Search | None, elapsed: int = 1) -> CategoricalSearch:
        """Start from the last plan's distribution, or its actions, mixed with a uniform one."""
        start = self.continued(warm_start, elapsed) if warm_start else self.resting()
        shape = (self.settings.horizon, *self._chance.shape)
        known = self._chance.expand(shape)
        if isinstance(warm_start, CategoricalSearch):
            last = warm_start.probabilities.flatten(1)
            known = shifted(last, elapsed, self.settings.horizon).reshape(shape)
        elif warm_start is not None:
            known = self._chosen(self.clamp(start.actions))
        probabilities = (1 - _RENEWAL) * known + _RENEWAL * self._chance
        actions, elites = self.clamp(start.actions), self.clamp(start.elites)
        return CategoricalSearch(actions, elites, start.returns, 0, probabilities)

    def sample(self, search: Search, generator: torch.Generator) -> Tensor:
        """Sample choices at every knot; good previous candidates compete again."""
        assert isinstance(search, CategoricalSearch)
        s = self.settings
        at = self.knots.at(search.probabilities.flatten(1)).reshape(-1, self._chance.shape[1])
        drawn = torch.multinomial(at, s.candidates, replacement=True, generator=generator)
        values = drawn.T.reshape(s.candidates, -1, len(self.low)) + self.low
        kept = search.elites[: int(s.keep_elites * len(search.elites))]
        return torch.cat([self.knots.expand(values), kept])

    def update(self, search: Search, candidates: Tensor, returns: Tensor) -> CategoricalSearch:
        """Count the elites' choices."""
        assert isinstance(search, CategoricalSearch)
        elites, theirs = best(candidates, returns, self.settings.elites)
        kept = self.settings.momentum
        counted = self._chosen(elites).mean(dim=0)
        fitted = kept * search.probabilities + (1 - kept) * counted
        probabilities = (1 - _FLOOR) * fitted + _FLOOR * self._chance
        actions = probabilities.argmax(dim=-1) + self.low
        return CategoricalSearch(actions, elites, theirs, search.iteration + 1, probabilities)

    def _chosen(self, actions: Tensor) -> Tensor:
        """Return actions ``(..., A)`` one-hot encoded, ``(..., A, L)``."""
        return functional.one_hot((actions - self.low).long(), self._chance.shape[1]).float()
