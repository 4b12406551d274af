"""Training of a model by gradient steps."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property

import torch
from torch import Tensor

from mbrl_ros.core.extensions import load
from mbrl_ros.data.row_replay import RowReplay
from mbrl_ros.data.segments import Indices, Segments
from mbrl_ros.models.dynamics_model import DynamicsModel
from mbrl_ros.models.learner_state import count, found, saved
from mbrl_ros.models.settings import OptimizerSettings


class Trainer(ABC):
    """Trains a model's parameters, one gradient step at a time.

    Attributes:
        model: being trained.
        updates: gradient steps so far.
    """

    # Factors on the settings' learning rate and number of gradient steps.
    _pace = 1.0
    _share = 1.0

    def __init__(self, model: DynamicsModel, settings: OptimizerSettings) -> None:
        self.model = model
        self.updates = 0
        self._settings = settings

    @cached_property
    def _optimizer(self) -> torch.optim.AdamW:
        # Made when it is needed: with the first one torch imports its compiler, for a second or
        # more, and a node that starts has no data to train with yet.
        s = self._settings
        return torch.optim.AdamW(
            self.model.network.parameters(),
            lr=s.learning_rate,
            weight_decay=s.weight_decay,
            fused=True,
        )

    @property
    def updates_per_transition(self) -> float:
        """Gradient steps owed per transition."""
        return self._share * self._settings.updates_per_transition

    @property
    def learning_rate(self) -> float:
        """Learning rate of the next step: exponential decay, then constant."""
        s = self._settings
        share = min(1.0, self.updates / s.decay_updates)
        return float(
            self._pace * s.learning_rate * (s.final_learning_rate / s.learning_rate) ** share
        )

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]:
        """Shape of a gradient step's batch of rows."""

    def finalize(self, replay: RowReplay) -> None:  # noqa: B027
        """Complete training, where gradient steps alone do not (an ensemble needs nothing).

        Args:
            replay: the training data.
        """

    def restart(self, generator: torch.Generator) -> None:
        """Restart with new weights; the normalisation stays."""
        self.model.network.initialize(generator)
        self.__dict__.pop("_optimizer", None)

    def update(self, data: Segments, rows: Indices) -> float:
        """Make one gradient step.

        Args:
            data: containing the rows.
            rows: of the trainer's `shape`.

        Returns:
            the mean loss per predicted number.
        """
        loss = self._loss(data, rows)
        self._optimizer.zero_grad()
        # Members do not share weights: undo the mean over members, so that each gets its own
        # gradient.
        (loss * self.model.members).backward()
        for group in self._optimizer.param_groups:
            group["lr"] = self.learning_rate
        self._optimizer.step()
        self.updates += 1
        return float(loss.item())

    @abstractmethod
    def _loss(self, data: Segments, rows: Indices) -> Tensor:
        """Return the loss; arguments as for `update`."""

    def state(self) -> dict[str, Tensor]:
        """Return the state needed to resume training exactly."""
        return {"updates": torch.tensor(self.updates), **saved("optimizer", self._optimizer)}

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Resume from a state, with the weights that belong to it.

        Raises:
            ValueError: if it belongs to another network; nothing is changed then.
        """
        loaded = found("optimizer", self._optimizer, state)
        updates = count(state, "updates")
        self._optimizer.state.update(loaded)
        self.updates = updates


def make_trainer(model: DynamicsModel, settings: OptimizerSettings) -> Trainer:
    """Return the trainer of a model.

    Raises:
        ValueError: if the settings do not suit the model, or a package is not installed.
    """
    prior, steps = model.prior, settings.steps
    if prior is not None and not prior.differentiable and steps > 1:
        raise ValueError(
            f"optimizer.steps: expected 1 with a prior that has no derivatives, got {steps}"
        )
    made: Trainer = load(model.settings.trainer, "learner")(model, settings)
    return made
