"""A Gaussian process as a world model."""

from __future__ import annotations

import warnings
from collections.abc import Callable

from torch import Tensor

from mbrl_ros.models.dynamics_model import DynamicsModel
from mbrl_ros.models.gaussian_process.folding import mean_function
from mbrl_ros.models.gaussian_process.inference import MeanProcess
from mbrl_ros.models.one_step import OneStepModel
from mbrl_ros.models.settings import OptimizerSettings
from mbrl_ros.models.trainer import Trainer


class GaussianProcessModel(OneStepModel):
    """M functions sampled from the posterior."""

    def mean(self, members: int | None) -> MeanProcess:
        """See `OneStepModel.mean`."""
        return MeanProcess(self.dynamics, members)

    def mean_function(self) -> Callable[[Tensor], Tensor]:
        """See `OneStepModel.mean_function`."""
        return mean_function(self.dynamics, self.members)


def make_trainer(model: DynamicsModel, settings: OptimizerSettings) -> Trainer:
    """Return the trainer of a Gaussian process.

    Raises:
        ValueError: if the settings do not suit it, or gpytorch is not installed.
    """
    try:
        with warnings.catch_warnings():
            # gpytorch's use of deprecated torch functions does not concern the user.
            warnings.simplefilter("ignore", DeprecationWarning)
            from mbrl_ros.models.gaussian_process.training import GaussianProcessTrainer
    except ModuleNotFoundError as error:
        raise ValueError(
            f"learner 'gaussian_process' needs the package {error.name}: pip install gpytorch"
        ) from None
    return GaussianProcessTrainer(model, settings)
