"""Online learning of models that imagine in a latent state, gated by a hold-out."""

from __future__ import annotations

import contextlib
import math
from abc import abstractmethod
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from mbrl_ros.core.records import Frame, Transition
from mbrl_ros.core.spaces import Space
from mbrl_ros.data.episodes import EpisodeStore
from mbrl_ros.data.frames import smaller
from mbrl_ros.data.transitions import checked
from mbrl_ros.learning.gate import judged
from mbrl_ros.learning.holdout import is_kept_back
from mbrl_ros.learning.latent.dreamer import Dreamer
from mbrl_ros.learning.latent.holdout import SequenceHoldout
from mbrl_ros.learning.latent.training import Filtered, LatentTrainer, Steps
from mbrl_ros.learning.learner import GateDecision, Learner
from mbrl_ros.learning.pursuit import Pursuit
from mbrl_ros.learning.settings import TrainerSettings
from mbrl_ros.models.latent.network import LatentNetwork
from mbrl_ros.models.latent.packing import pack, unpack, unpack_behaviour
from mbrl_ros.models.latent.settings import LatentSettings
from mbrl_ros.models.learner_state import count
from mbrl_ros.models.mirror import Mirror
from mbrl_ros.models.update import ModelUpdate
from mbrl_ros.models.world_model import UnlearnedError
from mbrl_ros.objectives.objective import Objective

# The units of observations are set again whenever the data has grown by this factor; the networks
# have to get used to them.
_NORMALIZE_GROWTH = 1.5
_NORMALIZE_ROWS = 20_000
# Gradient steps after a change of the objective, before policy and value are said to be of it.
_CATCH_UP = 500


class LatentLearner(Learner):
    """Trains a model that imagines in a latent state on sequences of a growing log.

    Attributes:
        network_type: of the kind.
        network: being trained.
        replay: training sequences.
        holdout: hold-out sequences.
        dreamer: learns what to do; None: nothing does.
    """

    network_type: ClassVar[type[LatentNetwork]]

    def __init__(
        self, observation: Space, action: Space, settings: TrainerSettings, seed: int
    ) -> None:
        """Create a learner.

        Args:
            observation: O dimensions.
            action: A dimensions.
            settings: of the learner, with `LatentSettings`.
            seed: of all randomness.

        Raises:
            ValueError: if a setting does not suit the spaces or the kind.
        """
        assert isinstance(settings.model, LatentSettings)
        if settings.optimizer.steps != 1 or settings.optimizer.restart_growth:
            given = f"{settings.optimizer.steps} and {settings.optimizer.restart_growth}"
            raise ValueError(
                f"optimizer: learner {settings.model.kind} has neither steps nor restart_growth, "
                f"expected 1 and 0, got {given}"
            )
        if settings.model.mirrored and observation.images:
            raise ValueError(
                "model.mirrored: expected none with observation.images, which are not mirrored, "
                f"got {', '.join(settings.model.mirrored)}"
            )
        self.settings, self._length = settings, settings.model.sequence
        self._observation, self._action = observation, action
        self.network = self.network_type(observation, action, settings.model)
        self._mirror = Mirror(observation, action, 1, settings.model.mirrored)
        self._trainer = LatentTrainer(self.network, self.loss, settings.optimizer, seed)
        self.dreamer: Dreamer | None = None
        if settings.policy.learn:
            self.dreamer = self.make_dreamer(self.network.behaviour(), settings.policy, seed)
        self.pursues = settings.policy.learn
        self._pursuit = Pursuit()
        capacity = settings.replay.recent + settings.replay.old
        self.replay = EpisodeStore(observation, action, capacity)
        self.holdout = SequenceHoldout(observation, action, settings)
        self._rng = np.random.default_rng(seed)
        self._normalized_at = 0
        # Sequences that can be drawn are counted once for all updates between two transitions.
        self._ready_at, self._ready = -1, False
        self._judged_at = self._judged_at_update = 0
        self._best: LatentNetwork | None = None
        self._losses: list[float] = []

    @staticmethod
    @abstractmethod
    def loss(network: Any, steps: Steps, generator: torch.Generator) -> tuple[Tensor, Filtered]:
        """Return what is minimised; see `training.Loss`."""

    @staticmethod
    @abstractmethod
    def make_dreamer(learned: Any, settings: Any, seed: int) -> Dreamer:
        """Return what learns what to do.

        Args:
            learned: of the network, for it to train.
            settings: of the policy.
            seed: of its randomness.
        """

    def append(self, transition: Transition) -> None:
        """See `Learner.append`."""
        new = checked(transition, self._observation, self._action)
        kept_back = is_kept_back(self.received, self.settings.gate)
        (self.holdout.store if kept_back else self.replay).append(new)
        self.received += 1
        network = self.network
        if math.isfinite(new.reward):
            network.paid.fill_(1.0)
        if new.terminated:
            network.ended.fill_(1.0)

    def see(self, frame: Frame) -> None:
        """See `Learner.see`; the image is kept as small as it is read."""
        if frame.camera in self._observation.images:
            small = smaller(frame, self._observation.image_size)
            # Whether its step is held out is not known before its transition.
            self.replay.add_frame(small)
            self.holdout.store.add_frame(small)

    @property
    def updates(self) -> int:
        """See `Learner.updates`."""
        return self._trainer.updates

    @property
    def owed_updates(self) -> float:
        """See `Learner.owed_updates`."""
        if self.received < self.settings.gate.first_transitions // 2 or not self._has_sequences:
            return 0.0
        each = self.settings.optimizer.updates_per_transition
        return each * self.received + self._pursuit.extra_updates - self.updates

    @property
    def _has_sequences(self) -> bool:
        if not self._ready and self._ready_at != self.received:
            self._ready, self._ready_at = self._count() > 0, self.received
        return self._ready

    def _count(self) -> int:
        """Return the number of sequences that can be drawn."""
        return self.replay.sequences(self._length, self._observation.images)

    def update(self) -> None:
        """See `Learner.update`."""
        if self.received >= _NORMALIZE_GROWTH * self._normalized_at:
            self._normalize()
        batch = max(1, self.settings.optimizer.batch_size // self._length)
        drawn = self.replay.sample(batch, self._length, self._rng, self._observation.images)
        steps = Steps.of(drawn, self.network.settings.grey)
        seen, acted = self._mirror.every_other_sequence(steps.observations, steps.actions)
        steps = replace(steps, observations=seen, actions=acted)
        loss, states = self._trainer.update(steps)
        self._losses.append(loss)
        objective = self._pursuit.objective
        if self.dreamer is not None and objective is not None:
            self._improve(self.dreamer, objective, steps, states)

    def _improve(
        self, trainer: Dreamer, objective: Objective, steps: Steps, states: Filtered
    ) -> None:
        """Make a step of the policy, from some of the states that were just filtered."""
        memory, z = (each.detach().flatten(0, 1) for each in (states.memory, states.z))
        seen = steps.observations.transpose(0, 1).flatten(0, 1)
        count = min(self.settings.policy.batch_size, len(z))
        rows = torch.from_numpy(self._rng.choice(len(z), count, replace=False))
        memory, z, seen = memory[rows], z[rows], seen[rows]
        features = torch.cat([self.network.read(memory), z], dim=-1)
        told = self.network.told(seen, features).detach()
        # What the model has not learned yet is not to be pursued yet.
        with contextlib.suppress(UnlearnedError):
            trainer.update(self.network, memory, z, told, objective)
            if self._pursuit.is_caught_up(self.updates):
                trainer.learned.objective = objective.digest

    def pursue(self, objective: Objective) -> None:
        """See `Learner.pursue`."""
        if self.dreamer is not None:
            owed = min(self.updates, _CATCH_UP)
            learned = self.dreamer.learned.objective
            self._pursuit.change(objective, learned, self.updates, owed)

    def _normalize(self) -> None:
        seen, follows = self.replay.newest(_NORMALIZE_ROWS)
        observations = torch.from_numpy(seen)
        then = np.flatnonzero(follows)
        changes = self.network.encoding.difference(observations[then - 1], observations[then])
        self.network.normalize_from(observations, changes)
        self._normalized_at = self.received

    @property
    def is_due(self) -> bool:
        """See `Learner.is_due`."""
        gate = self.settings.gate
        if self.updates == 0 or self.received < gate.first_transitions:
            return False
        fitted = self.updates - self._judged_at_update
        return (
            self.received - self._judged_at >= gate.interval
            or fitted >= gate.interval * self.settings.optimizer.updates_per_transition
        )

    def judge(self) -> GateDecision:
        """See `Learner.judge`; as for one-step dynamics, the best so far is the measure.

        It is judged by what it expects of observations and rewards without seeing them: how well
        they are reconstructed once seen says nothing of control.
        """
        self._judged_at, self._judged_at_update = self.received, self.updates
        try:
            candidate = unpack(pack(self.network), self.network_type)
        except ValueError as damage:
            return GateDecision(None, math.nan, math.nan, f"held back: {damage}")
        error, one_step = self.holdout.measure(candidate)
        best, of_best = self._best, None
        if best is not None:
            of_best, _ = self.holdout.measure(best, candidate.observation_std)
        passed, reason = judged(error, of_best, self.settings.gate)
        if not passed:
            return GateDecision(None, error, one_step, reason)
        if of_best is None or error <= of_best:
            self._best = candidate
        learned = None if self.dreamer is None else self.dreamer.learned
        update = pack(candidate, self.kind, learned)
        try:
            unpack_behaviour(update, candidate)
        except ValueError as damage:
            return GateDecision(None, error, one_step, f"held back: {damage}")
        return GateDecision(update, error, one_step, reason)

    @property
    def kept_back(self) -> int:
        """See `Learner.kept_back`."""
        return len(self.holdout.store)

    def take_loss(self) -> float:
        """See `Learner.take_loss`."""
        losses, self._losses = self._losses, []
        return float(np.mean(losses)) if losses else math.nan

    def state(self) -> dict[str, Tensor]:
        """See `Learner.state`."""
        extra = torch.tensor(self._pursuit.extra_updates)
        state = {**self._trainer.state(), "extra_updates": extra}
        return state if self.dreamer is None else {**state, **self.dreamer.state()}

    def restore(self, update: ModelUpdate, state: dict[str, Tensor] | None = None) -> None:
        """See `Learner.restore`."""
        network = unpack(update, self.network_type)
        told = network.observation, network.action, network.settings
        if told != (self._observation, self._action, self.settings.model):
            raise ValueError("the checkpoint's model has other spaces or settings")
        learned = unpack_behaviour(update, network)
        extra = count(state or {}, "extra_updates", missing=0)
        restored = self.dreamer if learned is not None else None
        if restored is not None:
            restored.check(state)
        self._trainer.load(network, state)
        if restored is not None and learned is not None:
            restored.load(learned, state)
        self._pursuit.extra_updates = extra
        self._best = network
