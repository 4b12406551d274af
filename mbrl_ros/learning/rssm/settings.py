"""What is other in the trainer's settings for recurrent state-space models."""

from __future__ import annotations

from dataclasses import dataclass

from mbrl_ros.core.settings import setting


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
