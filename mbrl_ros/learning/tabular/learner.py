"""Learning of a table, its values and its policy."""

from __future__ import annotations

import math
from collections import deque

import numpy as np
import torch
from torch import Tensor

from mbrl_ros.core.records import Transition
from mbrl_ros.core.spaces import Space
from mbrl_ros.data.transitions import checked
from mbrl_ros.learning.learner import GateDecision, Learner
from mbrl_ros.learning.settings import TrainerSettings
from mbrl_ros.learning.tabular.dyna_q import DynaQ
from mbrl_ros.learning.tabular.method import Method
from mbrl_ros.learning.tabular.prioritized_sweeping import PrioritizedSweeping
from mbrl_ros.learning.tabular.value_iteration import ValueIteration
from mbrl_ros.models.learner_state import count
from mbrl_ros.models.tabular.numbering import Numbering
from mbrl_ros.models.tabular.packing import count_pairs, pack, read_q
from mbrl_ros.models.tabular.settings import TabularSettings
from mbrl_ros.models.tabular.table import Table
from mbrl_ros.models.update import ModelUpdate, read_told

_METHODS: dict[str, type[Method]] = {
    "value_iteration": ValueIteration,
    "dyna_q": DynaQ,
    "prioritized_sweeping": PrioritizedSweeping,
}
# Steps whose surprise is the error that is told.
_RECENT = 100


class TabularLearner(Learner):
    """Counts every step, and publishes whenever the policy has changed.

    There is no hold-out: each step is predicted before it is counted (prequential, Dawid 1984), and
    the error is the root mean square of the z-scores of the newest (see `surprise`): about 1 for
    counts that are right, 0 where nothing is left to chance.
    """

    def __init__(
        self, observation: Space, action: Space, settings: TrainerSettings, seed: int
    ) -> None:
        """Create a learner.

        Args:
            observation: O dimensions, all discrete.
            action: A dimensions, all discrete.
            settings: of the learner, with `TabularSettings`.
            seed: of imagined steps.

        Raises:
            ValueError: if a dimension takes any number, there are too many pairs, or another policy
                than the table's is to be learned.
        """
        if settings.policy.learn:
            raise ValueError("policy.learn: expected false, since a table has a policy of its own")
        assert isinstance(settings.model, TabularSettings)
        self._model: TabularSettings = settings.model
        self._gate = settings.gate
        self._observation, self._action = observation, action
        sizes = count_pairs(observation, action)
        self._rows, self._choices = Numbering(observation, ""), Numbering(action, "")
        self.table = Table(*sizes, self._model.retention)
        self.method = _METHODS[self._model.method](
            self.table, self._model, np.random.default_rng(seed)
        )
        self._surprises: deque[float] = deque(maxlen=_RECENT)
        self._judged_at = 0
        self._published: bytes | None = None
        # Steps of the log that an earlier process has learned from.
        self._learned_before = 0

    def append(self, transition: Transition) -> None:
        """See `Learner.append`."""
        t = checked(transition, self._observation, self._action)
        row, after = self._rows.number(t.observation), self._rows.number(t.next_observation)
        pair = row * self.table.choices + self._choices.number(t.action)
        self._surprises.append(self.table.surprise(pair, after))
        self.table.add(pair, t.reward, after, t.terminated)
        self.received += 1
        if self.received > self._learned_before:
            reward = 0.0 if math.isnan(t.reward) else t.reward
            self.method.learn(pair, reward, after, t.terminated)

    @property
    def _best(self) -> bytes:
        """Which choices are best in each row: what the policy depends on."""
        every = (self.method.q, self.method.drawn_to)
        return b"".join((q == q.max(axis=1, keepdims=True)).tobytes() for q in every)

    @property
    def updates(self) -> int:
        """See `Learner.updates`."""
        return self.method.updates

    @property
    def owed_updates(self) -> float:
        """See `Learner.owed_updates`."""
        return self.method.owed

    def update(self) -> None:
        """See `Learner.update`."""
        self.method.plan()

    @property
    def is_due(self) -> bool:
        """See `Learner.is_due`: at once if other actions are best than in the last model."""
        new = self.received - self._judged_at
        if not new or self.received < self._gate.first_transitions:
            return False
        if new >= self._gate.interval:
            return True
        if self.method.owed >= 1:
            return False
        return self._published is None or self._best != self._published

    def judge(self) -> GateDecision:
        """See `Learner.judge`; only values that are not finite are held back."""
        self._judged_at = self.received
        q, drawn_to = self.method.q, self.method.drawn_to
        error = math.sqrt(float(np.mean(np.square(self._surprises))))
        if not np.isfinite([q, drawn_to]).all():
            reason = "held back: a value is not finite: expected finite rewards, or less of a bonus"
            return GateDecision(None, error, error, reason)
        self._published = self._best
        update = pack(
            self.kind, self._observation, self._action, self._model, self.table, q, drawn_to
        )
        visited = int((self.table.visits > 0).sum())
        reason = f"published: {visited} of {q.size} pairs visited; {self.method.told}"
        return GateDecision(update, error, error, reason)

    def state(self) -> dict[str, Tensor]:
        """See `Learner.state`."""
        return {
            "received": torch.tensor(self.received),
            "updates": torch.tensor(self.method.updates),
        }

    def restore(self, update: ModelUpdate, state: dict[str, Tensor] | None = None) -> None:
        """See `Learner.restore`; counts come with the log, which is appended anew."""
        observation, action, settings = read_told(update, TabularSettings)
        if (observation, action, settings) != (self._observation, self._action, self._model):
            raise ValueError("the checkpoint's model has other spaces or settings")
        q = read_q(update, (self.table.rows, self.table.choices))[0].numpy()
        received = updates = 0
        if state is not None:
            received, updates = count(state, "received"), count(state, "updates")
        self.method.q = q
        self.method.resume(updates)
        self._learned_before = received
