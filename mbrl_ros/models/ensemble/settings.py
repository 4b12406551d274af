"""Settings of an ensemble."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mbrl_ros.core.settings import setting
from mbrl_ros.models.settings import OneStepSettings


@dataclass(frozen=True)
class EnsembleSettings(OneStepSettings):
    """An ensemble of neural networks."""

    kind: ClassVar[str] = "ensemble"
    network: ClassVar[str] = "mbrl_ros.models.ensemble.networks:make_network"
    trainer: ClassVar[str] = "mbrl_ros.models.ensemble.training:EnsembleTrainer"
    world_model: ClassVar[str] = "mbrl_ros.models.ensemble.model:EnsembleModel"

    likelihood: str = setting(
        "gaussian",
        "gaussian: networks predict mean and variance; deterministic: the mean only",
        choices=("gaussian", "deterministic"),
    )
    hidden: list[int] = setting([128, 128], "units of each hidden layer", low=1, high=4096)
    log_variance_low: float = setting(
        -10.0, "lower soft bound of the log-variance, normalised", at_most="log_variance_high"
    )
    log_variance_high: float = setting(0.5, "upper soft bound of the log-variance, normalised")
    beta: float = setting(0.5, "variance weighting of the likelihood; 0: none", low=0, high=1)

    def check_size(self, tensors: int) -> None:
        """See `OneStepSettings.check_size`."""
        if len(self.hidden) > tensors:
            raise ValueError(f"{len(self.hidden)} hidden layers, but only {tensors} tensors")
