"""What is other in the trainer's settings for recurrent state-space models."""

from __future__ import annotations

from dataclasses import dataclass

from mbrl_ros.core.settings import setting
from mbrl_ros.learning.settings import GateSettings
from mbrl_ros.models.settings import OptimizerSettings


@dataclass(frozen=True)
class RssmOptimizerSettings(OptimizerSettings):
    """How the weights are trained."""

    batch_size: int = setting(
        512, "control steps per gradient step, in sequences of model.sequence", low=1, high=65536
    )
    updates_per_transition: float = setting(
        0.5, "gradient steps per transition received, on average; the trainer idles in between",
        low=0.01, high=1000.0,
    )  # fmt: skip


@dataclass(frozen=True)
class RssmPolicySettings:
    """A policy and a value, learned in imagination for the present objective."""

    learn: bool = setting(
        False, "also learn a policy and a value of the objective, for the other agents than planner"
    )
    imagined_steps: int = setting(15, "steps imagined from each start", low=1, high=100)
    batch_size: int = setting(
        128, "starts, among the states of the model's batch, per gradient step", low=1, high=65536
    )
    discount: float = setting(0.99, "weight of a reward one control step later", low=0.0, high=1.0)
    trace: float = setting(
        0.95, "share of longer returns in what the critic learns; 0: one step only", low=0, high=1
    )
    entropy: float = setting(3e-4, "weight of the actor's entropy", low=0.0, high=10.0)
    learning_rate: float = setting(3e-4, "learning rate of actor and critic", low=1e-7, high=1.0)
    target_rate: float = setting(
        0.02, "share of the critic that its slow copy takes over per step", low=1e-6, high=1.0
    )
    functions: list[str] = setting(
        [],
        "functions of your own (module:attribute) that the objective may consist of; the topic "
        "objective alone chooses no code",
    )


@dataclass(frozen=True)
class RssmGateSettings(GateSettings):
    """When a model may be published."""

    segment: int = setting(32, "consecutive steps per hold-out segment", low=2, high=1000)
    first_transitions: int = setting(200, "transitions before the first model", low=1)
    interval: int = setting(100, "transitions between two gate decisions", low=1)
    first_error: float = setting(
        0.9, "maximum open-loop error of the first model, in standard deviations", low=0.0
    )
