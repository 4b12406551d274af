"""Settings of a table and of what is solved for with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mbrl_ros.core.settings import setting


@dataclass(frozen=True)
class TabularSettings:
    """A table of what followed each observation and action, its values and its policy."""

    kind: ClassVar[str] = "tabular"

    method: str = setting(
        "value_iteration",
        "how values are learned: value_iteration (solved for, from the counts); dyna_q "
        "(Q-learning, also from imagined steps); prioritized_sweeping",
        choices=("value_iteration", "dyna_q", "prioritized_sweeping"),
    )
    discount: float = setting(0.99, "weight of the next step's rewards", low=0.0, high=0.9999)
    unvisited: str = setting(
        "optimistic",
        "pairs of observation and action that were not tried yet: optimistic (worth optimism while "
        "exploring, as in R-max); self_loop (lead back to where they began, for nothing)",
        choices=("optimistic", "self_loop"),
    )
    optimism: float = setting(1.0, "most return that is hoped for, with unvisited: optimistic")
    known: int = setting(
        1,
        "value_iteration: visits from which on a pair no longer counts as unvisited",
        low=1,
        high=1_000_000,
    )
    retention: float = setting(
        1.0,
        "share of a pair's earlier outcomes that still counts when another one comes; 1: all count "
        "alike; 0: only the newest counts, for a plant that changes",
        low=0.0,
        high=1.0,
    )
    epsilon: float = setting(
        0.1, "probability of a random action while exploring", low=0.0, high=1.0
    )
    tolerance: float = setting(
        1e-4,
        "value_iteration, prioritized_sweeping: changes of a value that no longer matter [reward]",
        low=1e-12,
    )
    planning_steps: int = setting(
        5, "dyna_q, prioritized_sweeping: imagined steps for each real one", low=0, high=100_000
    )
    learning_rate: float = setting(
        0.1, "dyna_q: step size towards a sampled return", low=1e-6, high=1.0
    )
    bonus: float = setting(
        0.0,
        "what is paid for curiosity [reward]. value_iteration, optimistic: for a pair, over the "
        "root of its visits (MBIE-EB); dyna_q: in imagined steps, times the root of the steps "
        "since the pair was last tried (Dyna-Q+)",
        low=0.0,
    )
    members: int = setting(
        8, "particles that imagine; 1 is enough where outcomes are certain", low=1, high=1000
    )
