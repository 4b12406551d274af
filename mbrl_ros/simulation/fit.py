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
    index = ", or an index instead: name it in observation.discrete" if plant.choices else ""
    _check_names("observation", plant.name, plant.observation_names, observation, index)
    _check_names("action", plant.name, plant.action_names, action)
    _check_discrete(plant, observation)
    _check_limits(plant, action)
    _check_period(plant, period)


def _check_names(
    what: str, environment: str, suggested: tuple[str, ...], space: Space, otherwise: str = ""
) -> None:
    if space.dim != len(suggested):
        raise ValueError(
            f"{what}.names: expected {len(suggested)} names for environment '{environment}', "
            f"such as {', '.join(suggested)}{otherwise}, got {space.dim}"
        )


def _check_discrete(plant: Plant, space: Space) -> None:
    low, high = plant.observation_space.low, plant.observation_space.high
    for name, i in zip(space.discrete, space.discrete_indices, strict=True):
        if not plant.observation_whole[i]:
            raise ValueError(
                f"observation.discrete: '{name}' of environment '{plant.name}' takes any number"
            )
        if not space.low[i] <= low[i] <= high[i] <= space.high[i]:
            raise ValueError(
                f"observation.low and observation.high: '{name}' is from {shown(low[i])} to "
                f"{shown(high[i])} in environment '{plant.name}', got {shown(space.low[i])} to "
                f"{shown(space.high[i])}"
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
