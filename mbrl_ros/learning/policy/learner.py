"""Learning a model together with a policy and a value."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from mbrl_ros.core.records import Transition
from mbrl_ros.core.spaces import Space
from mbrl_ros.data.segments import Batch, Indices
from mbrl_ros.learning.dynamics_learner import DynamicsLearner
from mbrl_ros.learning.learner import GateDecision, Learner
from mbrl_ros.learning.policy.steps import Steps, imagined_steps, real_steps
from mbrl_ros.learning.policy.training import ActorCriticTrainer
from mbrl_ros.learning.policy.vote import vote
from mbrl_ros.learning.pursuit import Pursuit
from mbrl_ros.learning.settings import TrainerSettings
from mbrl_ros.models.actor_critic.actor_critic import (
    NOTHING,
    ActorCritic,
    LearnedPolicy,
    LearnedValue,
)
from mbrl_ros.models.actor_critic.packing import (
    make_actor_critic,
    read_actor_critic,
    with_actor_critic,
)
from mbrl_ros.models.actor_critic.settings import ActorCriticSettings
from mbrl_ros.models.learner_state import count
from mbrl_ros.models.prior import Prior
from mbrl_ros.models.update import CheckpointError, ModelUpdate
from mbrl_ros.objectives.objective import Objective

# As for the dynamics: the units follow the data.
_NORMALIZE_GROWTH = 1.05
_NORMALIZE_ROWS = 20_000
# After a change of the objective, as many gradient steps are owed for each transition in the
# replay, but no more than these, before policy and value are said to be of the new one.
_CATCH_UP = 2000
# Starts of each member that votes, and the steps it imagines from each.
_VOTE_STARTS, _VOTE_STEPS = 20, 20


class PolicyLearner(Learner):
    """Learns dynamics, and a policy by soft actor-critic on real and imagined steps.

    The rewards are computed from the objective when they are drawn, so that after a change of it
    all that was seen counts for the new one.

    Attributes:
        dynamics: learns the model.
        policy: trains actor and critics.
    """

    pursues = True

    def __init__(
        self,
        observation: Space,
        action: Space,
        settings: TrainerSettings,
        seed: int,
        prior: Prior | None = None,
    ) -> None:
        """Create a learner.

        Args:
            observation: O dimensions.
            action: A dimensions.
            settings: of the learner.
            seed: of all randomness.
            prior: of the task, whose errors are learned; None: there is none.

        Raises:
            ValueError: as `DynamicsLearner`, or if no policy can be learned for these actions.
        """
        self.dynamics = DynamicsLearner(observation, action, settings, seed, prior)
        self._settings = s = settings.policy
        networks = ActorCriticSettings(s.hidden, s.critics, s.caution)
        made = make_actor_critic(observation, action, networks)
        self.policy = ActorCriticTrainer(made, s, seed)
        self._rng = np.random.default_rng(seed)
        self._generator = torch.Generator().manual_seed(seed)
        self._pursuit = Pursuit()
        self._normalized_at, self._normalized_for = 0, NOTHING
        self._published: ModelUpdate | None = None
        self._elected: ActorCritic | None = None

    def append(self, transition: Transition) -> None:
        """See `Learner.append`."""
        self.dynamics.append(transition)
        self.received = self.dynamics.received

    def pursue(self, objective: Objective) -> None:
        """See `Learner.pursue`."""
        owed = min(int(self._settings.updates_per_transition * self.received), _CATCH_UP)
        learned = self.policy.learned.objective
        self._pursuit.change(objective, learned, self.policy.updates, owed)

    @property
    def _imitates(self) -> bool:
        return self.received < self._settings.imitated

    @property
    def imagined_steps(self) -> int:
        """Steps imagined at present (MBPO, Janner et al. 2019, appendix C)."""
        s = self._settings
        share = min(1.0, self.received / s.imagined_growth) if s.imagined_growth else 1.0
        return 1 + int(share * (s.imagined_steps - 1))

    @property
    def updates(self) -> int:
        """Gradient steps of the dynamics and of the policy."""
        return self.dynamics.updates + self.policy.updates

    @property
    def owed_updates(self) -> float:
        """See `Learner.owed_updates`."""
        return max(self.dynamics.owed_updates, self._owed_by_policy)

    @property
    def _owed_by_policy(self) -> float:
        if self._pursuit.objective is None or self.dynamics.updates == 0:
            return 0.0
        each = self._settings.updates_per_transition
        return each * self.received + self._pursuit.extra_updates - self.policy.updates

    def update(self) -> None:
        """Make a gradient step with the dynamics or the policy.

        It is the turn of the one that has made the smaller share of what it owed so far, so that
        neither starves where there is no time for both.
        """
        of_dynamics, of_policy = self.dynamics.owed_updates, self._owed_by_policy
        made = self.policy.updates, self.dynamics.updates
        behind = of_dynamics < 1 or made[0] * of_dynamics <= made[1] * of_policy
        if of_policy >= 1 and behind:
            self._improve()
        else:
            self.dynamics.update()

    def _improve(self) -> None:
        objective, model = self._pursuit.objective, self.dynamics.model
        assert objective is not None  # nothing is owed without
        anew = objective.digest != self._normalized_for
        if anew or self.received >= _NORMALIZE_GROWTH * self._normalized_at:
            rows = self.dynamics.replay.spread(_NORMALIZE_ROWS)
            self.policy.normalize_from(self._real(rows, objective), anew)
            self._normalized_at, self._normalized_for = self.received, objective.digest
        s = self._settings
        replay = self.dynamics.replay
        only_real = self._imitates or self._published is None
        real = s.batch_size if only_real else round(s.real_share * s.batch_size)
        parts: list[Steps] = []
        if real:
            parts.append(self._real(replay.draw((real,), self._rng), objective))
        if real < s.batch_size:
            far = self.imagined_steps
            starts = model.members * max(1, round((s.batch_size - real) / (far * model.members)))
            start = self._batch(replay.draw((starts,), self._rng))
            parts.append(
                imagined_steps(
                    start.state, far, model, self.policy.draw, objective, self._generator,
                    start.before,
                )
            )  # fmt: skip
        self.policy.update(Steps.joined(parts), self._imitates)
        if self._pursuit.is_caught_up(self.policy.updates):
            self.policy.learned.objective = objective.digest

    def _real(self, rows: Indices, objective: Objective) -> Steps:
        return real_steps(self._batch(rows), self.dynamics.model, objective)

    def _batch(self, rows: Indices) -> Batch:
        """Return rows, every other one as its mirror image where there is a symmetry."""
        return self.dynamics.model.mirror.every_other(self.dynamics.batch(rows))

    @property
    def is_due(self) -> bool:
        """See `Learner.is_due`."""
        return self.dynamics.is_due

    def judge(self) -> GateDecision:
        """Judge the dynamics; policy and value are published with the newest that passed.

        What they are worth shows in use only: no hold-out tells it.
        """
        decision = self.dynamics.judge()
        self._published = decision.update or self._published
        if self._published is None or self._imitates:
            return decision
        update, of_policy = with_actor_critic(self._published, self.policy.learned), ""
        try:
            self._read(update)
            if (share := self._vote()) < self._settings.votes and self._elected is not None:
                update = with_actor_critic(self._published, self._elected)
                of_policy = f" held back: {share:.0%} of the members are for it"
            elif self._settings.votes:
                self._elected = copy.deepcopy(self.policy.learned)
        except CheckpointError as damage:
            return replace(decision, update=None, reason=f"held back: {damage}")
        reason = f"{decision.reason}; policy after {self.policy.updates} updates{of_policy}"
        return replace(decision, update=update, reason=reason)

    @torch.no_grad()
    def _vote(self) -> float:
        """Return the share of the members that are for the newest policy; 1: there is no other."""
        before, now, objective = self._elected, self.policy.learned, self._pursuit.objective
        if not self._settings.votes or before is None or objective is None:
            return 1.0
        if not before.objective == now.objective == objective.digest:
            return 1.0
        model = self.dynamics.model
        rows = self.dynamics.replay.draw((_VOTE_STARTS * model.members,), self._rng)
        policies = LearnedPolicy(now), LearnedPolicy(before)
        return vote(
            self._batch(rows).state, _VOTE_STEPS, model, policies, LearnedValue(now), objective,
            self.policy.updates,
        )  # fmt: skip

    @property
    def kept_back(self) -> int:
        """See `Learner.kept_back`."""
        return self.dynamics.kept_back

    def take_loss(self) -> float:
        """See `Learner.take_loss`: of the dynamics."""
        return self.dynamics.take_loss()

    def state(self) -> dict[str, Tensor]:
        """See `Learner.state`."""
        extra = {"policy.extra_updates": torch.tensor(self._pursuit.extra_updates)}
        return {**self.dynamics.state(), **self.policy.state(), **extra}

    def restore(self, update: ModelUpdate, state: dict[str, Tensor] | None = None) -> None:
        """See `Learner.restore`."""
        learned = self._read(update)
        if learned is not None and learned.settings != self.policy.learned.settings:
            raise ValueError("the checkpoint's policy has other settings")
        extra = count(state or {}, "policy.extra_updates", missing=0)
        if learned is not None:
            self.policy.check(state)
        self.dynamics.restore(update, state)
        if learned is not None:
            self.policy.load(learned, state)
            self._normalized_for, self._elected = learned.objective, learned
            self._pursuit.extra_updates = extra
        self._published = update

    def _read(self, update: ModelUpdate) -> ActorCritic | None:
        """Return the actor and critics of an update as who receives it does."""
        made = self.policy.learned
        return read_actor_critic(update, made.features, made.action)
