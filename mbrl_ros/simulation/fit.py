"""Checks of the parameters against the environment."""

from __future__ import annotations

import math

import numpy as np

from mbrl_ros.core.numbers import shown
from mbrl_ros.core.spaces import Space
from mbrl_ros.simulation.plant import Plant

# Six digits of a period are enough.
_PERIOD_TOLERANCE = 1e-5
# Environments keep their limits in float32.
_LIMIT_TOLERANCE = float(np.finfo(np.float32).eps)


def check_fit(plant: Plant, observation: Space, action: Space, period: float) -> None:
    """Check spaces and control period [s] against a plant.

    Raises:
        ValueError: naming the invalid parameter, and the expected value.
    """
    _check_names("observation", plant.name, plant.observation_names, observation)
    _check_names("action", plant.name, plant.action_names, action)
    _check_limits(plant, action)
    _check_period(plant, period)


def _check_names(what: str, environment: str, suggested: tuple[str, ...], space: Space) -> None:
    if space.dim != len(suggested):
        raise ValueError(
            f"{what}.names: expected {len(suggested)} names for environment '{environment}', "
            f"such as {', '.join(suggested)}, got {space.dim}"
        )


def _check_limits(plant: Plant, space: Space) -> None:
    low, high = plant.action_space.low, plant.action_space.high
    least, most = low - _LIMIT_TOLERANCE * abs(low), high + _LIMIT_TOLERANCE * abs(high)
    for i, name in enumerate(space.names):
        if not least[i] <= space.low[i] < space.high[i] <= most[i]:
            raise ValueError(
                f"action.low and action.high: '{name}' may be from {shown(space.low[i])} to "
                f"{shown(space.high[i])}, but environment '{plant.name}' takes "
                f"{shown(low[i])} to {shown(high[i])}"
            )


def _check_period(plant: Plant, period: float) -> None:
    if not math.isclose(plant.period, period, rel_tol=_PERIOD_TOLERANCE):
        raise ValueError(
            f"period: environment '{plant.name}' has steps of {shown(plant.time_step)} s, which "
            f"with action_repeat make {shown(plant.period)} s, got {shown(period)}"
        )
