"""An ensemble as a world model."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from mbrl_ros.models.ensemble.adaptation import Adaptation
from mbrl_ros.models.ensemble.engines import ENGINES, engines_of
from mbrl_ros.models.ensemble.folding import mean_function
from mbrl_ros.models.ensemble.inference import MeanNetwork
from mbrl_ros.models.one_step import OneStepModel
from mbrl_ros.models.world_model import Step


class EnsembleModel(OneStepModel):
    """M networks whose last layer can be corrected online."""

    fast: MeanNetwork

    def mean(self, members: int | None) -> MeanNetwork:
        """See `OneStepModel.mean`."""
        return ENGINES[self.engine](self.dynamics, members)

    @property
    def engines(self) -> tuple[str, ...]:
        """See `WorldModel.engines`."""
        return engines_of(self.dynamics)

    def mean_function(self) -> Callable[[Tensor], Tensor]:
        """See `OneStepModel.mean_function`."""
        return mean_function(self.dynamics, self.members)

    def correct(
        self, strength: float, memory: int, past: Sequence[Step]
    ) -> tuple[EnsembleModel, LastLayerCorrection]:
        """See `WorldModel.correct`."""
        # Corrections are made in place, and the uncorrected model may be needed again.
        model = EnsembleModel(copy.deepcopy(self.dynamics), self.members, self.engine)
        model.policy, model.value = self.policy, self.value
        return model, LastLayerCorrection(model, strength, memory, past)


class LastLayerCorrection:
    """An `Adaptation` of a model's dynamics, passed on to its fast predictor."""

    def __init__(
        self, model: EnsembleModel, strength: float, memory: int, past: Sequence[Step]
    ) -> None:
        self._model = model
        taken = self._taken(past) if past else None
        self._adaptation = Adaptation(model.dynamics, strength, memory, taken)
        self._renew()

    @property
    def size(self) -> float:
        """See `Correction.size`."""
        return self._adaptation.size

    def observe(self, step: Step) -> None:
        """See `Correction.observe`."""
        self._adaptation.observe(*(part[0] for part in self._taken([step])))
        self._renew()

    def _taken(self, steps: Sequence[Step]) -> tuple[Tensor, Tensor, Tensor]:
        """Return states ``(N, S)``, actions in effect ``(N, A)``, next observations ``(N, O)``."""
        states = torch.stack([step.belief[0] for step in steps])[:, 0, 0]
        acting = torch.stack([self._model.acting(step.belief, step.action) for step in steps])
        seen = torch.stack([step.observation for step in steps])
        return states, acting, self._model.dynamics.relative(seen)

    def _renew(self) -> None:
        self._model.fast.renew_last_layer(self._model.dynamics)
