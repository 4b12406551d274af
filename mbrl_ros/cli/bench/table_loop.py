"""A discrete environment and a learner of its table, in the plainest of loops."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, cast

import gymnasium
import numpy as np
import torch
from gymnasium.spaces import Discrete

from mbrl_ros.core.records import Transition
from mbrl_ros.core.settings import build, flatten
from mbrl_ros.core.spaces import Space
from mbrl_ros.learning.settings import trainer_settings
from mbrl_ros.learning.tabular.learner import TabularLearner
from mbrl_ros.models.tabular.heads import TabularPolicy
from mbrl_ros.models.tabular.kind import KIND
from mbrl_ros.models.tabular.numbering import Indices
from mbrl_ros.models.tabular.settings import TabularSettings


class TableLoop:
    """Acts by the learner's newest values; what the nodes do in lock-step, without them.

    Attributes:
        learner: of the table.
        steps: so far.
        lengths: of the episodes so far, the present one included [steps].
        total: sum of all rewards.
    """

    def __init__(
        self, environment: gymnasium.Env[Any, Any], settings: TabularSettings, seed: int
    ) -> None:
        """Begin the first episode.

        Args:
            environment: whose observation and action are one choice each.
            settings: of the learner.
            seed: of everything random.
        """
        self.environment = environment
        seen, action = (
            Space.of([name], [0.0], [float(space.n - 1)], discrete=[name])
            for name, space in (
                ("observation", cast(Discrete, environment.observation_space)),
                ("action", cast(Discrete, environment.action_space)),
            )
        )
        made = build(trainer_settings(KIND), flatten({"model": asdict(settings)}))
        self.learner = TabularLearner(seen, action, made, seed)
        actions = torch.arange(action.high[0] + 1)[:, None]
        self._policy = TabularPolicy(*self._q, actions, settings.epsilon)
        self._generator = torch.Generator().manual_seed(seed)
        self._seen, _ = environment.reset(seed=seed)
        self.steps, self.total, self.lengths = 0, 0.0, [0]

    @property
    def greedy(self) -> Indices:
        """The best known choice at each row, shape ``(S,)``."""
        best: Indices = self.learner.method.q.argmax(axis=1)
        return best

    def step(self, action: int | None = None) -> int:
        """Take one step, learn from it, and return the action.

        Args:
            action: to take; None: the policy's.
        """
        if action is None:
            features = torch.tensor([[float(self._seen)]])
            action = int(self._policy.sample(features, self._generator))
        after, reward, terminated, truncated, _ = self.environment.step(action)
        self.learner.append(
            Transition(
                np.array([float(self._seen)]),
                np.array([float(action)]),
                np.array([float(after)]),
                len(self.lengths),
                self.lengths[-1],
                float(reward),
                terminated,
                truncated,
            )
        )
        while self.learner.owed_updates >= 1:
            self.learner.update()
        self._policy.q, self._policy.drawn_to = self._q
        self.steps += 1
        self.total += float(reward)
        self.lengths[-1] += 1
        self._seen = after
        if terminated or truncated:
            self._seen, _ = self.environment.reset()
            self.lengths.append(0)
        return action

    @property
    def _q(self) -> tuple[torch.Tensor, torch.Tensor]:
        method = self.learner.method
        return torch.from_numpy(method.q), torch.from_numpy(method.drawn_to)
