"""Settings of learning a policy."""

from __future__ import annotations

from dataclasses import dataclass

from mbrl_ros.core.settings import setting
from mbrl_ros.models.actor_critic.settings import ActorCriticSettings


@dataclass(frozen=True)
class PolicySettings(ActorCriticSettings):
    """A policy and a value beside the model, learned for the present objective."""

    learn: bool = setting(
        False, "also learn a policy and a value of the objective, for the other agents than planner"
    )
    real_share: float = setting(
        0.5,
        "share of real steps in a batch; the others are imagined. 1: model-free",
        low=0.0,
        high=1.0,
    )
    imagined_steps: int = setting(
        3, "steps imagined from each real state, by the policy", low=1, high=100
    )
    imagined_growth: int = setting(
        0,
        "transitions over which they grow to that number from one, as the model gets better; "
        "0: at once",
        low=0,
    )
    imitated: int = setting(
        0,
        "transitions during which the policy only learns to do what was done, such as what a "
        "planner has decided; it is published after them",
        low=0,
    )
    votes: float = setting(
        0.0,
        "share of the model's members that a policy must be better for than the last one to be "
        "published, in their imagination; 0: they are not asked",
        low=0.0,
        high=1.0,
    )
    discount: float = setting(0.99, "weight of a reward one control step later", low=0.0, high=1.0)
    batch_size: int = setting(256, "steps per gradient step", low=1, high=65536)
    learning_rate: float = setting(
        5e-4, "learning rate of actor, critics and temperature", low=1e-7, high=1.0
    )
    target_rate: float = setting(
        0.01, "share of the critics that their slow copies take over per step", low=1e-6, high=1.0
    )
    functions: list[str] = setting(
        [],
        "functions of your own (module:attribute) that the objective may consist of; the topic "
        "objective alone chooses no code",
    )
    updates_per_transition: float = setting(
        2.0, "gradient steps per transition received, on average", low=0.0, high=1000.0
    )
