"""An ensemble as a world model."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable

from torch import Tensor

from mbrl_ros.models.ensemble.adaptation import Adaptation
from mbrl_ros.models.ensemble.folding import mean_function
from mbrl_ros.models.ensemble.inference import MeanNetwork
from mbrl_ros.models.one_step import OneStepModel
from mbrl_ros.models.world_model import Step


class EnsembleModel(OneStepModel):
    """M networks whose last layer can be corrected online."""

    fast: MeanNetwork

    def mean(self, members: int | None) -> MeanNetwork:
        """See `OneStepModel.mean`."""
        return MeanNetwork(self.dynamics, members)

    def mean_function(self) -> Callable[[Tensor], Tensor]:
        """See `OneStepModel.mean_function`."""
        return mean_function(self.dynamics, self.members)

    def correct(
        self, strength: float, memory: int, past: Iterable[Step]
    ) -> tuple[EnsembleModel, LastLayerCorrection]:
        """See `WorldModel.correct`."""
        # Corrections are made in place, and the uncorrected model may be needed again.
        model = EnsembleModel(copy.deepcopy(self.dynamics), self.members)
        model.policy = self.policy
        return model, LastLayerCorrection(model, strength, memory, past)


class LastLayerCorrection:
    """An `Adaptation` of a model's dynamics, passed on to its fast predictor."""

    def __init__(
        self, model: EnsembleModel, strength: float, memory: int, past: Iterable[Step]
    ) -> None:
        self._model = model
        taken = [self._taken(step) for step in past]
        self._adaptation = Adaptation(model.dynamics, strength, memory, taken)
        self._renew()

    @property
    def size(self) -> float:
        """See `Correction.size`."""
        return self._adaptation.size

    def observe(self, step: Step) -> None:
        """See `Correction.observe`."""
        self._adaptation.observe(*self._taken(step))
        self._renew()

    def _taken(self, step: Step) -> tuple[Tensor, Tensor, Tensor]:
        """Return state ``(S,)``, action in effect ``(A,)`` and next observation ``(O,)``."""
        acting = self._model.acting(step.belief, step.action)
        return step.belief[0][0, 0], acting, step.observation

    def _renew(self) -> None:
        self._model.fast.renew_last_layer(self._model.dynamics)
