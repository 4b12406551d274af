"""Settings of actor and critics that travel with them."""

from __future__ import annotations

from dataclasses import dataclass

from mbrl_ros.core.settings import setting


@dataclass(frozen=True)
class ActorCriticSettings:
    """Sizes of the networks, and how their answers are read."""

    hidden: list[int] = setting(
        [128, 128], "units of each hidden layer of actor and critics", low=1, high=4096
    )
    critics: int = setting(2, "critics, whose disagreement is minded", low=1, high=20)
    caution: float = setting(
        1.0,
        "standard deviations between the critics by which their mean is reduced; with two critics, "
        "1 is their minimum",
        low=0.0,
        high=10.0,
    )
