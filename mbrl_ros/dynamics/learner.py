"""Online learning: takes transitions as they come, fits the ensemble, judges the result."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from mbrl_ros.data.transitions import Transitions
from mbrl_ros.dynamics.checkpoint import PackedModel, pack, unpack
from mbrl_ros.dynamics.holdout import Holdout
from mbrl_ros.dynamics.model import EnsembleModel
from mbrl_ros.dynamics.network import gaussian_nll
from mbrl_ros.dynamics.settings import TrainerSettings
from mbrl_ros.spaces import Space

# The normalisation is taken anew whenever the data has grown by this factor.
_NORMALIZE_GROWTH = 1.05
# From at most so many transitions: more would tell nothing new, and take time and memory.
_NORMALIZE_ROWS = 20_000


@dataclass(frozen=True)
class GateDecision:
    """Whether a model may be published, and why.

    Attributes:
        model: the model, or None if it is held back.
        holdout_error: open-loop error on the hold-out, in standard deviations.
        one_step_error: error of the predicted changes there, in standard deviations of them.
        reason: the decision in words.
    """

    model: PackedModel | None
    holdout_error: float
    one_step_error: float
    reason: str


class Learner:
    """Fits an ensemble to a growing log, a gradient step at a time.

    The caller owns the time: it calls `append` for each transition, `update` while
    `owed_updates` is at least one, and `judge` when `is_due` says so.

    Attributes:
        transitions: everything it was given.
        holdout: what of it is kept back.
        model: the ensemble being fitted.
        updates: gradient steps so far.
    """

    def __init__(
        self, observation: Space, action: Space, settings: TrainerSettings, seed: int
    ) -> None:
        self.settings = settings
        self.transitions = Transitions(observation, action)
        self.holdout = Holdout(self.transitions, settings.gate)
        generator = torch.Generator().manual_seed(seed)
        self._rng = np.random.default_rng(seed)
        self.model = EnsembleModel(observation, action, settings.model, generator)
        self._optimizer = torch.optim.AdamW(
            self.model.network.parameters(),
            lr=settings.optimizer.learning_rate,
            weight_decay=settings.optimizer.weight_decay,
            fused=True,
        )
        self.updates = 0
        self._training = np.empty(0, dtype=np.int64)
        self._trained = 0
        self._normalized_at = 0
        self._judged_at = 0
        self._judged_at_update = 0
        self._best: EnsembleModel | None = None
        self._losses: list[float] = []

    def restore(self, model: EnsembleModel) -> None:
        """Continue from a model that was published earlier.

        Raises:
            ValueError: if its spaces or sizes are others.
        """
        if _layout(self.model) != _layout(model):
            raise ValueError("the checkpoint is of a model with other spaces or settings")
        self.model.load_state_dict(model.state_dict())
        self._best = model

    def append(
        self,
        observation: ArrayLike,
        action: ArrayLike,
        next_observation: ArrayLike,
        episode: int,
        step: int,
    ) -> None:
        """Take in one transition.

        Args:
            observation: shape ``(O,)``, SI units.
            action: shape ``(A,)``, SI units.
            next_observation: shape ``(O,)``, SI units.
            episode: counts resets.
            step: of ``observation``, within its episode.

        Raises:
            ValueError: for a wrong size or a number that is not finite, with nothing changed.
        """
        self.transitions.append(
            observation, action, next_observation, float("nan"), False, False, episode, step
        )
        row = len(self.transitions) - 1
        if not self.holdout.claim(row):
            if self._trained == len(self._training):
                self._training = np.resize(self._training, max(1024, 2 * self._trained))
            self._training[self._trained] = row
            self._trained += 1

    @property
    def owed_updates(self) -> float:
        """Gradient steps that the data received so far still calls for."""
        if len(self.transitions) < self.settings.gate.first_transitions // 2:
            return 0.0
        return self.settings.optimizer.updates_per_transition * len(self.transitions) - self.updates

    @property
    def is_due(self) -> bool:
        """Whether enough has come in or been fitted since the last decision for another one."""
        total, gate = len(self.transitions), self.settings.gate
        if self.updates == 0 or total < gate.first_transitions:
            return False
        # After many transitions at once, the updates that go with them count instead.
        fitted = self.updates - self._judged_at_update
        return (
            total - self._judged_at >= gate.interval
            or fitted >= gate.interval * self.settings.optimizer.updates_per_transition
        )

    def update(self) -> None:
        """Make one gradient step on a random batch, each member on its own."""
        if len(self.transitions) >= _NORMALIZE_GROWTH * self._normalized_at:
            spread = np.linspace(0, self._trained - 1, min(self._trained, _NORMALIZE_ROWS))
            rows = self._training[spread.astype(np.int64)]
            self.model.normalize_from(*self._rows(rows))
            self._normalized_at = len(self.transitions)
        o = self.settings.optimizer
        chosen = self._rng.integers(self._trained, size=(self.model.members, o.batch_size))
        observation, action, following = self._rows(self._training[chosen])
        mean, log_variance = self.model(observation, action)
        target = self.model.normalized_delta(observation, following)
        loss = gaussian_nll(mean, log_variance, target, o.beta)
        self._optimizer.zero_grad()
        loss.backward()
        self._optimizer.step()
        self.updates += 1
        self._losses.append(loss.item() / self.model.members)

    def take_loss(self) -> float:
        """Return the mean loss since the last call, NaN if there was no update."""
        losses, self._losses = self._losses, []
        return float(np.mean(losses)) if losses else float("nan")

    def judge(self) -> GateDecision:
        """Decide whether the present model may be published.

        It is compared with the best one so far, on the same hold-out, which no model has
        been trained on: with the last one, each could be a little worse than the one before.
        """
        self._judged_at, self._judged_at_update = len(self.transitions), self.updates
        gate = self.settings.gate
        packed = pack(self.model)
        try:
            candidate = unpack(packed)
        except ValueError as damage:
            return GateDecision(None, float("nan"), float("nan"), f"held back: {damage}")
        error = self.holdout.open_loop_error(candidate, candidate.observation_std)
        one_step = self.holdout.one_step_error(candidate)
        best, of_best = self._best, math.inf
        if best is None:
            bound, against = gate.first_error, "allowed of a first model"
        else:
            # A small hold-out makes small errors jump about: below some size, it is not worse.
            of_best = self.holdout.open_loop_error(best, candidate.observation_std)
            bound = max(gate.good_error, gate.factor * of_best)
            against = f"allowed (the best model's: {of_best:.3f})"
        if not math.isfinite(error) or not error <= bound:
            reason = f"held back: hold-out error {error:.3f}, at most {bound:.3f} {against}"
            return GateDecision(None, error, one_step, reason)
        if error <= of_best:
            self._best = candidate
        reason = f"published: hold-out error {error:.3f}, at most {bound:.3f} {against}"
        return GateDecision(packed, error, one_step, reason)

    def _rows(self, rows: NDArray[np.int64]) -> tuple[Tensor, Tensor, Tensor]:
        log = self.transitions
        return (
            torch.from_numpy(log.observation[rows]).float(),
            torch.from_numpy(log.action[rows]).float(),
            torch.from_numpy(log.next_observation[rows]).float(),
        )


def _layout(model: EnsembleModel) -> tuple[object, ...]:
    """Return what two models must share for one to take the other's weights."""
    return model.observation.names, model.observation.angles, model.action.names, model.settings
