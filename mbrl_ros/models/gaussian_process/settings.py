"""Settings of a Gaussian process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mbrl_ros.core.settings import setting
from mbrl_ros.models.settings import OneStepSettings


@dataclass(frozen=True)
class GaussianProcessSettings(OneStepSettings):
    """A Gaussian process for each output; a plan costs in proportion to what it remembers."""

    kind: ClassVar[str] = "gaussian_process"
    network: ClassVar[str] = "mbrl_ros.models.gaussian_process.process:make_network"
    trainer: ClassVar[str] = "mbrl_ros.models.gaussian_process.model:make_trainer"
    world_model: ClassVar[str] = "mbrl_ros.models.gaussian_process.model:GaussianProcessModel"

    exact: int = setting(
        1000, "transitions up to which the process holds every one", low=1, high=2000
    )
    inducing: int = setting(
        300, "points that stand for all transitions once there are more", low=1, high=2000
    )
