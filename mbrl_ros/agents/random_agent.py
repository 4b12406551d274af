"""Random actions: the baseline."""

from __future__ import annotations

import numpy as np
import torch

from mbrl_ros.agents.agent import Agent
from mbrl_ros.core.spaces import Space
from mbrl_ros.planning.loop import PlanResult
from mbrl_ros.planning.problem import Problem


class RandomAgent(Agent):
    """Uniformly random actions; needs no model."""

    needs_model = False
    effort = "random"

    def __init__(self, action: Space, seed: int) -> None:
        self._action = action
        self._rng = np.random.default_rng(seed)

    def act(
        self,
        problem: Problem | None,
        deadline: float | None = None,
        elapsed: int = 1,
        reach: float = 1.0,
    ) -> PlanResult | None:
        """See `Agent.act`."""
        space = self._action
        drawn = self._rng.uniform(space.lower, space.upper)
        for i in space.discrete_indices:
            drawn[i] = self._rng.integers(int(space.low[i]), int(space.high[i]), endpoint=True)
        actions = torch.from_numpy(drawn).float()[None]
        return PlanResult(actions, actions[None], torch.tensor([torch.nan]), 1, complete=True)
