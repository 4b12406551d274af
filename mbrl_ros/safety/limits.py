"""The safety rules of a task's limits."""

from __future__ import annotations

import math

from mbrl_ros.core.limits import POSITION, LimitSettings, per_name
from mbrl_ros.core.spaces import Space
from mbrl_ros.safety.changes import ChangesSlowly, Sent, StaysNear
from mbrl_ros.safety.effects import command_kinds, moved
from mbrl_ros.safety.within import KeepsWithin


def limit_rules(
    settings: LimitSettings,
    observation: Space,
    action: Space,
    period: float,
    sent: Sent,
    interval: float | None = None,
) -> list[StaysNear | ChangesSlowly | KeepsWithin]:
    """Return the rules of the settings; those that let everything pass are left out.

    Barriers come last: to keep to them a command may change faster than it should otherwise.

    Args:
        settings: of the task.
        observation: O dimensions.
        action: A dimensions.
        period: for which a command may act [s].
        sent: what was sent.
        interval: between two commands [s]; None: the period.

    Raises:
        ValueError: naming the parameter that does not fit.
    """
    rules: list[StaysNear | ChangesSlowly | KeepsWithin] = []
    kinds, moves = command_kinds(settings, action), moved(settings, observation, action)
    within = KeepsWithin(settings, observation, action, period)
    if settings.reach:
        reach = per_name("limits.reach", settings.reach, action.names, math.inf)
        if POSITION not in kinds:
            raise ValueError("limits.reach: expected limits.command: position, got none")
        targets = [d if k == POSITION else None for k, d in zip(kinds, moves, strict=True)]
        rules.append(StaysNear(action, reach, targets))
    if settings.rate or settings.jerk:
        if action.discrete:
            raise ValueError(
                f"limits.rate and limits.jerk: expected none, since '{action.discrete[0]}' takes "
                "integers only"
            )
        rate = per_name("limits.rate", settings.rate, action.names, math.inf)
        jerk = per_name("limits.jerk", settings.jerk, action.names, math.inf)
        rules.append(ChangesSlowly(action, rate, jerk, interval or period, sent))
    if within.barriers:
        rules.append(within)
    return rules
