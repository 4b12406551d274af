"""What is other in the trainer's settings for models that imagine in a latent state."""

from __future__ import annotations

from dataclasses import dataclass

from mbrl_ros.core.settings import setting
from mbrl_ros.learning.settings import GateSettings
from mbrl_ros.models.settings import OptimizerSettings


@dataclass(frozen=True)
class LatentOptimizerSettings(OptimizerSettings):
    """How the weights are trained."""

    batch_size: int = setting(
        512, "control steps per gradient step, in sequences of model.sequence", low=1, high=65536
    )
    updates_per_transition: float = setting(
        0.5, "gradient steps per transition received, on average; the trainer idles in between",
        low=0.01, high=1000.0,
    )  # fmt: skip


@dataclass(frozen=True)
class LatentGateSettings(GateSettings):
    """When a model may be published."""

    segment: int = setting(32, "consecutive steps per hold-out segment", low=2, high=1000)
    first_transitions: int = setting(200, "transitions before the first model", low=1)
    interval: int = setting(100, "transitions between two gate decisions", low=1)
    first_error: float = setting(
        0.9, "maximum open-loop error of the first model, in standard deviations", low=0.0
    )
