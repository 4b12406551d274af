"""Settings common to all one-step models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mbrl_ros.core.settings import setting


@dataclass(frozen=True)
class OneStepSettings:
    """Settings of a model that predicts one step at a time, in named dimensions.

    Attributes:
        kind: name in the parameter ``learner``.
        network: creates the `Predictor`, as ``module:function``.
        trainer: the `Trainer`, as ``module:class``.
        world_model: the `OneStepModel`, as ``module:class``.
    """

    kind: ClassVar[str]
    network: ClassVar[str]
    trainer: ClassVar[str]
    world_model: ClassVar[str]

    members: int = setting(
        5, "ensemble members: networks, or functions sampled from the posterior", low=1, high=50
    )
    ignored: list[str] = setting(
        [],
        "observation dimensions that the dynamics do not depend on, such as the position on a flat "
        "floor; predicted, but not in the input",
    )
    absolute: list[str] = setting(
        [], "observation dimensions whose next value is predicted instead of its change"
    )
    mirrored: list[str] = setting(
        [],
        "observation and action dimensions that change sign together under the plant's mirror "
        "symmetry; each transition is also learned as its mirror image",
    )
    history: int = setting(
        1, "observations in the input, together with the actions between them", low=1, high=20
    )
    delay: int = setting(
        0,
        "control steps by which actions take effect later than the plant reports; -1: estimated "
        "from the data, up to max_delay",
        low=-1,
        high=20,
    )
    max_delay: int = setting(5, "longest delay considered [control steps]", low=1, high=20)
    reward_model: bool = setting(
        False,
        "also learn the plant's reward and termination, for the objective terms learned_reward "
        "and learned_survival",
    )
    inverses: bool = setting(
        False,
        "also learn an inverse model (action from two observations), for the planner's proposal "
        "inverse_model, and a backward model (previous observation)",
    )

    def check_size(self, tensors: int) -> None:
        """Check that a model with these settings can have ``tensors`` tensors, before building it.

        Raises:
            ValueError: if it cannot.
        """


@dataclass(frozen=True)
class OptimizerSettings:
    """How the weights are trained."""

    batch_size: int = setting(256, "transitions per gradient step and member", low=1, high=65536)
    learning_rate: float = setting(1e-3, "learning rate of AdamW", low=1e-7, high=1.0)
    final_learning_rate: float = setting(
        1e-3, "learning rate from decay_updates on, after an exponential decay", low=1e-7, high=1
    )
    decay_updates: int = setting(50_000, "gradient steps until final_learning_rate", low=1)
    weight_decay: float = setting(1e-4, "weight decay of AdamW", low=0.0, high=1.0)
    steps: int = setting(
        1, "open-loop steps in the loss; the cost is proportional", low=1,
        high=50,
    )  # fmt: skip
    updates_per_transition: float = setting(
        6.0, "gradient steps per transition received, on average; the trainer idles in between",
        low=0.01, high=1000.0,
    )  # fmt: skip
    restart_growth: float = setting(
        0.0,
        "reinitialise the weights whenever the data has grown by this factor (PDDM); 0: never",
        low=1.01,
        off=0.0,
    )
