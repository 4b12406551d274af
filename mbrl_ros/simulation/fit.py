"""Checks of the parameters against the environment."""

from __future__ import annotations

import math

from mbrl_ros.core.spaces import Space
from mbrl_ros.simulation.plant import Plant


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
    # Environments keep their limits in float32.
    low, high = plant.action_space.low - 1e-6, plant.action_space.high + 1e-6
    for i, name in enumerate(space.names):
        if not low[i] <= space.low[i] < space.high[i] <= high[i]:
            raise ValueError(
                f"action.low and action.high: '{name}' may be from {space.low[i]:g} to "
                f"{space.high[i]:g}, but environment '{plant.name}' takes "
                f"{plant.action_space.low[i]:g} to {plant.action_space.high[i]:g}"
            )


def _check_period(plant: Plant, period: float) -> None:
    if not math.isclose(plant.period, period, rel_tol=1e-6):
        raise ValueError(
            f"period: environment '{plant.name}' has steps of {plant.time_step:g} s, which with "
            f"action_repeat make {plant.period:g} s, got {period:g}"
        )
