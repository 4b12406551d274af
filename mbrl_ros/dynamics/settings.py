"""Settings of the dynamics model and of its training."""

from __future__ import annotations

from dataclasses import dataclass

from mbrl_ros.settings import group, setting


@dataclass(frozen=True)
class GaussianProcessSettings:
    """How much a Gaussian process remembers; a plan costs in proportion."""

    exact: int = setting(
        1000, "transitions up to which the process holds every one", low=1, high=2000
    )
    inducing: int = setting(
        300, "points that stand for all transitions once there are more", low=1, high=2000
    )


@dataclass(frozen=True)
class ModelSettings:
    """What predicts, and what it is told."""

    type: str = setting(
        "gaussian",
        "gaussian: networks that predict mean and variance; deterministic: the mean only; "
        "gaussian_process: functions drawn from one (needs gpytorch to learn)",
        choices=("gaussian", "deterministic", "gaussian_process"),
    )
    members: int = setting(5, "networks in the ensemble, or functions drawn", low=1, high=50)
    hidden: list[int] = setting([128, 128], "units of each hidden layer", low=1, high=4096)
    log_variance_low: float = setting(-10.0, "lower soft bound of the log-variance, normalised")
    log_variance_high: float = setting(0.5, "upper soft bound of the log-variance, normalised")
    beta: float = setting(0.5, "variance weighting of the likelihood, 0 for none", low=0, high=1)
    ignored: list[str] = setting(
        [],
        "observation dimensions that no change depends on, such as the place on an even floor; "
        "they are predicted, but the model is not told them",
    )
    absolute: list[str] = setting(
        [], "observation dimensions whose next value is predicted itself, and not its change"
    )
    mirrored: list[str] = setting(
        [],
        "observation and action dimensions that change sign together when the plant is seen in a "
        "mirror, where it behaves the same; every transition then tells of its mirror image, too",
    )
    history: int = setting(
        1, "observations the model is told, with the actions between them", low=1, high=20
    )
    delay: int = setting(
        0,
        "control steps by which actions act later than the plant tells; -1: found out from the "
        "data, up to max_delay",
        low=-1,
        high=20,
    )
    outcomes: bool = setting(
        False,
        "also learn the reward that the plant pays and where it ends the task, for the "
        "objective's terms learned_reward and learned_survival",
    )
    inverses: bool = setting(
        False,
        "also learn what action leads from one observation to another, for the planner's proposal "
        "inverse_model, and where a step began",
    )
    max_delay: int = setting(5, "longest delay looked for [control steps]", low=1, high=20)
    gaussian_process: GaussianProcessSettings = group(GaussianProcessSettings)


@dataclass(frozen=True)
class OptimizerSettings:
    """How the weights are fitted."""

    batch_size: int = setting(256, "transitions per gradient step and member", low=1, high=65536)
    learning_rate: float = setting(1e-3, "step size of AdamW", low=1e-7, high=1.0)
    final_learning_rate: float = setting(
        1e-3, "step size from decay_updates on; in between it falls exponentially", low=1e-7, high=1
    )
    decay_updates: int = setting(50_000, "gradient steps until the final step size", low=1)
    weight_decay: float = setting(1e-4, "weight decay of AdamW", low=0.0, high=1.0)
    steps: int = setting(
        1, "open-loop steps over which the loss is taken; more cost as many times more", low=1,
        high=50,
    )  # fmt: skip
    updates_per_transition: float = setting(
        6.0, "gradient steps per transition received, on average; the rest of the time it waits",
        low=0.01, high=1000.0,
    )  # fmt: skip
    restart_growth: float = setting(
        0.0,
        "new weights are drawn whenever the data has grown by this factor, as PDDM does; 0: never",
        low=0.0,
    )


@dataclass(frozen=True)
class ReplaySettings:
    """What is kept of the data; memory does not grow beyond it."""

    recent: int = setting(20_000, "newest transitions, all of which are kept", low=100)
    old: int = setting(
        80_000, "transitions kept of all those before, every one with the same chance", low=0
    )
    recent_share: float = setting(
        0.5,
        "least share of a batch that is drawn from the recent ones, however many are old",
        low=0.0,
        high=1.0,
    )
    holdout: int = setting(5_000, "transitions kept back of all, at most", low=100)


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
    replay: ReplaySettings = group(ReplaySettings)
    gate: GateSettings = group(GateSettings)
