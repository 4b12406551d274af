"""Settings of the dynamics model and of its training."""

from __future__ import annotations

from dataclasses import dataclass

from mbrl_ros.settings import group, setting


@dataclass(frozen=True)
class ModelSettings:
    """The probabilistic ensemble."""

    members: int = setting(5, "networks in the ensemble", low=1, high=50)
    hidden: list[int] = setting([128, 128], "units of each hidden layer", low=1, high=4096)
    log_variance_low: float = setting(-10.0, "lower soft bound of the log-variance, normalised")
    log_variance_high: float = setting(0.5, "upper soft bound of the log-variance, normalised")


@dataclass(frozen=True)
class OptimizerSettings:
    """How the weights are fitted."""

    batch_size: int = setting(256, "transitions per gradient step and member", low=1, high=65536)
    learning_rate: float = setting(1e-3, "step size of AdamW", low=1e-7, high=1.0)
    weight_decay: float = setting(1e-4, "weight decay of AdamW", low=0.0, high=1.0)
    beta: float = setting(0.5, "variance weighting of the likelihood, 0 for none", low=0, high=1)
    updates_per_transition: float = setting(
        6.0, "gradient steps per transition received, on average; the rest of the time it waits",
        low=0.01, high=1000.0,
    )  # fmt: skip


@dataclass(frozen=True)
class GateSettings:
    """When a model may be published."""

    holdout_fraction: float = setting(0.1, "share of the data kept back", low=0.01, high=0.5)
    segment: int = setting(10, "consecutive steps per hold-out piece", low=2, high=1000)
    horizon: int = setting(8, "open-loop steps on the hold-out", low=1, high=1000)
    first_transitions: int = setting(100, "no model before so many transitions", low=10)
    first_error: float = setting(
        0.7, "largest open-loop error of the first model, in standard deviations", low=0.0
    )
    good_error: float = setting(
        0.15, "an open-loop error that always passes, in standard deviations", low=0.0
    )
    factor: float = setting(
        1.3, "allowed open-loop error, relative to the best model's on the same data", low=1.0
    )
    interval: int = setting(25, "transitions between two tries to publish", low=1)


@dataclass(frozen=True)
class TrainerSettings:
    """All of the above, as the trainer's parameters."""

    model: ModelSettings = group(ModelSettings)
    optimizer: OptimizerSettings = group(OptimizerSettings)
    gate: GateSettings = group(GateSettings)
