"""Online learning of one-step dynamics, gated by a hold-out."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from mbrl_ros.core.records import Transition
from mbrl_ros.core.spaces import Space
from mbrl_ros.data.row_replay import RowReplay
from mbrl_ros.data.segments import Batch, Indices, Segments
from mbrl_ros.data.stacking import Stacking
from mbrl_ros.learning.delay import identify
from mbrl_ros.learning.gate import judged
from mbrl_ros.learning.holdout import Holdout, is_kept_back
from mbrl_ros.learning.learner import GateDecision, Learner
from mbrl_ros.learning.settings import TrainerSettings
from mbrl_ros.models.dynamics_model import DynamicsModel
from mbrl_ros.models.inverses import InversesTrainer
from mbrl_ros.models.learner_state import found, saved
from mbrl_ros.models.packing import pack, unpack
from mbrl_ros.models.prior import Prior
from mbrl_ros.models.regression import HeadsTrainer
from mbrl_ros.models.reward_model import RewardModelTrainer
from mbrl_ros.models.settings import OneStepSettings
from mbrl_ros.models.trainer import make_trainer
from mbrl_ros.models.update import ModelUpdate

# The normalisation is recomputed whenever the data has grown by this factor.
_NORMALIZE_GROWTH = 1.05
# Maximum number of transitions for it: more would only cost time and memory.
_NORMALIZE_ROWS = 20_000
# The delay is identified again whenever the data has doubled, up to this number of transitions:
# later data comes from the controller and adds little information.
_IDENTIFY_UNTIL = 2000


class DynamicsLearner(Learner):
    """Trains one-step dynamics on a growing log, one gradient step at a time.

    Attributes:
        settings: of the learner.
        received: transitions so far.
        replay: training transitions.
        holdout: hold-out transitions.
        model: being trained.
    """

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
            ValueError: if a setting names an unknown dimension, or the optimiser's settings do not
                suit the model.
        """
        self.settings = settings
        self.received = 0
        # Those of them that are in the replay or the hold-out.
        self._whole = 0
        model, segment = settings.model, settings.gate.segment
        longest = model.delay if model.delay >= 0 else model.max_delay
        # Rewards of a policy's steps may count changes of the action.
        actions = max(model.history, 1 + settings.policy.learn) + longest
        self._stacking = Stacking(observation, action, model.history, actions)
        dims = observation.dim, action.dim, actions
        foresee = None if prior is None else prior.foresee
        rows = Segments(model.history, dims, segment, foresee)
        self.replay = RowReplay(rows, settings.replay, seed)
        self.holdout = Holdout(
            Segments(model.history, dims, segment), settings.replay.holdout, settings.gate, seed
        )
        self._generator = torch.Generator().manual_seed(seed)
        self._rng = np.random.default_rng(seed)
        self.model = DynamicsModel(observation, action, model, self._generator, prior)
        self._trainer = make_trainer(self.model, settings.optimizer)
        self._beside: dict[str, HeadsTrainer] = {}
        if self.model.reward_model is not None:
            self._beside["reward_model"] = RewardModelTrainer(self.model.reward_model)
        if self.model.inverses is not None:
            self._beside["inverses"] = InversesTrainer(self.model.inverses)
        self._normalized_at = 0
        self._delay_told = ""
        self._identify_at = settings.gate.first_transitions // 2 if model.delay < 0 else math.inf
        self._restart_at = math.inf
        self._extra_updates = 0.0
        self._judged_at = 0
        self._judged_at_update = 0
        self._best: DynamicsModel | None = None
        self._losses: list[float] = []

    @property
    def updates(self) -> int:
        """Gradient steps so far."""
        return self._trainer.updates

    def restore(self, update: ModelUpdate, state: dict[str, Tensor] | None = None) -> None:
        """See `Learner.restore`; the state holds optimisers and counters."""
        model = unpack(update, type(self.settings.model), self.model.prior)
        configured = self.settings.model
        # An identified delay may change, as far as the actions in a row reach.
        fits = (
            model.delay == configured.delay
            if configured.delay >= 0
            else model.delay <= configured.max_delay
        )
        if _layout(self.model) != _layout(model) or not fits:
            raise ValueError("the checkpoint's model has other spaces or settings")
        if state is not None:
            extra = state.get("extra_updates")
            if extra is None or extra.shape != () or not 0 <= extra < math.inf:
                raise ValueError("learner's state: 'extra_updates': expected a number >= 0")
            beside = [
                (optimizer, found(name, optimizer, state))
                for name, optimizer in self._optimizers_beside()
                # A head without training data has made no step.
                if any(key.startswith(f"{name}.") for key in state)
            ]
            self._trainer.load_state(state)
            for optimizer, loaded in beside:
                optimizer.state.update(loaded)
            self._extra_updates = float(extra)
        state_dict = model.state_dict()
        self.model.make_room(state_dict)
        self.model.load_state_dict(state_dict)
        self.model.delay = model.delay
        self._best = model

    def state(self) -> dict[str, Tensor]:
        """See `Learner.state`."""
        state = {**self._trainer.state(), "extra_updates": torch.tensor(self._extra_updates)}
        for name, optimizer in self._optimizers_beside():
            state |= saved(name, optimizer)
        return state

    def _optimizers_beside(self) -> Iterator[tuple[str, torch.optim.Optimizer]]:
        for name, fitting in self._beside.items():
            for i, optimizer in enumerate(fitting.optimizers):
                yield f"{name}.{i}", optimizer

    def append(self, transition: Transition) -> None:
        """See `Learner.append`.

        A transition after a gap is counted but not learned from, if the model has a history.
        """
        row = self._stacking.push(transition)
        self.received += 1
        if not row.whole:
            return
        kept_back = is_kept_back(self._whole, self.settings.gate)
        (self.holdout if kept_back else self.replay).append(row)
        self._whole += 1

    @property
    def owed_updates(self) -> float:
        """See `Learner.owed_updates`."""
        if self._whole < self.settings.gate.first_transitions // 2:
            return 0.0
        each = self._trainer.updates_per_transition
        return each * self._whole + self._extra_updates - self.updates

    @property
    def is_due(self) -> bool:
        """See `Learner.is_due`."""
        total, gate = self.received, self.settings.gate
        if self.updates == 0 or total < gate.first_transitions:
            return False
        # After many transitions at once, the updates owed for them count instead.
        fitted = self.updates - self._judged_at_update
        return (
            total - self._judged_at >= gate.interval
            or fitted >= gate.interval * self._trainer.updates_per_transition
        )

    def update(self) -> None:
        """Make one gradient step on a random batch."""
        grown = self.received >= _NORMALIZE_GROWTH * self._normalized_at
        if grown:
            self.model.move_origin(self.replay.rows.observed(self.replay.spread(_NORMALIZE_ROWS)))
        if self.received >= self._identify_at:
            self._identify_delay()
        if grown:
            b = self.batch(self.replay.spread(_NORMALIZE_ROWS))
            for fitting in self._beside.values():
                fitting.normalize_from(b)
            b = self.model.mirror.every_other(b)
            first = self.updates == 0 and self._best is None
            self.model.normalize_from(
                b.state, b.action, b.next_observation, first=first, foreseen=b.foreseen
            )
            self._normalized_at = self.received
        if self.settings.optimizer.restart_growth:
            self._restart_if_due()
        chosen = self.replay.draw(self._trainer.shape, self._rng)
        self._losses.append(self._trainer.update(self.replay.rows, chosen))
        if self._beside:
            rows = self.replay.draw((self.settings.optimizer.batch_size,), self._rng)
            b = self.batch(rows)
            for fitting in self._beside.values():
                fitting.update(b)

    def batch(self, rows: Indices) -> Batch:
        """Return training transitions, observations told from the model's origin."""
        return self.replay.rows.batch(rows, self.model.delay, self.model.origin)

    @property
    def kept_back(self) -> int:
        """See `Learner.kept_back`."""
        return len(self.holdout)

    def take_loss(self) -> float:
        """See `Learner.take_loss`."""
        losses, self._losses = self._losses, []
        return float(np.mean(losses)) if losses else float("nan")

    def judge(self) -> GateDecision:
        """Decide whether the present model may be published.

        It is compared with the best one so far, on the same hold-out, which no model was trained
        on; see `gate.judged`.
        """
        self._judged_at, self._judged_at_update = self.received, self.updates
        gate = self.settings.gate
        self._trainer.finalize(self.replay)
        try:
            candidate = unpack(pack(self.model), type(self.settings.model), self.model.prior)
        except ValueError as damage:
            return GateDecision(None, float("nan"), float("nan"), f"held back: {damage}")
        error = self.holdout.open_loop_error(candidate, candidate.observation_std)
        one_step = self.holdout.one_step_error(candidate)
        best, of_best = self._best, None
        if best is not None:
            of_best = self.holdout.open_loop_error(best, candidate.observation_std)
        of_prior = None
        if candidate.prior is not None:
            alone = candidate.prior_alone()
            of_prior = self.holdout.open_loop_error(alone, candidate.observation_std)
        passed, reason = judged(error, of_best, gate, of_prior)
        reason += self._delay_told
        if not passed:
            return GateDecision(None, error, one_step, reason)
        if of_best is None or error <= of_best:
            self._best = candidate
        self.holdout.calibrate(candidate, gate.horizon)
        return GateDecision(pack(candidate), error, one_step, reason)

    def _identify_delay(self) -> None:
        """Identify the action delay; the weights learned so far are kept."""
        found = identify(self.model, self.replay)
        self.model.delay, self._delay_told = found.delay, f"; {found.told}"
        self._identify_at = 2 * self.received if self.received < _IDENTIFY_UNTIL else math.inf

    def _restart_if_due(self) -> None:
        """Reinitialise the weights when the data has grown, and owe the updates to catch up."""
        settings = self.settings.optimizer
        if math.isinf(self._restart_at):
            self._restart_at = settings.restart_growth * self.received
        if self.received >= self._restart_at:
            self._trainer.restart(self._generator)
            # As many as were owed for the transitions in the replay.
            self._extra_updates += self._trainer.updates_per_transition * len(self.replay)
            self._restart_at = settings.restart_growth * self.received


def _layout(model: DynamicsModel) -> tuple[object, ...]:
    """Return what two models must have in common to exchange weights."""
    # Neither the delay nor the data augmentation affects the weights' shapes.
    settings: OneStepSettings = replace(model.settings, delay=0, mirrored=[])
    return model.observation.names, model.observation.angles, model.action.names, settings
