"""Settings that all kinds of one-step models have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mbrl_ros.core.settings import setting


@dataclass(frozen=True)
class OneStepSettings:
    """Settings of a model that predicts one step at a time, in named dimensions.

    Attributes:
        kind: as the parameter ``learner`` names it.
        network: makes the `Predictor`, as ``module:function``.
        trainer: the `Trainer` that fits it, as ``module:class``.
        world_model: the `OneStepModel` that steps it, as ``module:class``.
    """

    kind: ClassVar[str]
    network: ClassVar[str]
    trainer: ClassVar[str]
    world_model: ClassVar[str]

    members: int = setting(5, "networks in the ensemble, or functions drawn", low=1, high=50)
    ignored: list[str] = setting(
        [],
        "observation dimensions that no change depends on, such as the place on an even floor; "
        "they are predicted, but are no inputs",
    )
    absolute: list[str] = setting(
        [], "observation dimensions whose next value is predicted itself, and not its change"
    )
    mirrored: list[str] = setting(
        [],
        "observation and action dimensions that change sign together when the plant is seen in a "
        "mirror, where it behaves the same; each transition is learned as its mirror image, too",
    )
    history: int = setting(
        1, "observations in the input, with the actions between them", low=1, high=20
    )
    delay: int = setting(
        0,
        "control steps by which actions act later than the plant tells; -1: found out from the "
        "data, up to max_delay",
        low=-1,
        high=20,
    )
    max_delay: int = setting(5, "longest delay looked for [control steps]", low=1, high=20)
    reward_model: bool = setting(
        False,
        "also learn the reward that the plant pays and where it ends the task, for the "
        "objective's terms learned_reward and learned_survival",
    )
    inverses: bool = setting(
        False,
        "also learn what action leads from one observation to another, for the planner's proposal "
        "inverse_model, and where a step began",
    )

    def check_size(self, tensors: int) -> None:
        """Check that a model of these settings can be made of so many tensors, before it is.

        Raises:
            ValueError: if it cannot.
        """


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
