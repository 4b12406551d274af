"""Settings of a Gaussian process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mbrl_ros.core.settings import setting
from mbrl_ros.models.settings import OneStepSettings


@dataclass(frozen=True)
class GaussianProcessSettings(OneStepSettings):
    """One Gaussian process per output; planning time is proportional to its number of points."""

    kind: ClassVar[str] = "gaussian_process"
    network: ClassVar[str] = "mbrl_ros.models.gaussian_process.process:make_network"
    trainer: ClassVar[str] = "mbrl_ros.models.gaussian_process.model:make_trainer"
    world_model: ClassVar[str] = "mbrl_ros.models.gaussian_process.model:GaussianProcessModel"

    exact: int = setting(1000, "transitions up to which the posterior is exact", low=1, high=2000)
    inducing: int = setting(
        300, "inducing points, once there are more transitions", low=1, high=2000
    )
