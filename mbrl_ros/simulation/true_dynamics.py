"""A plant's true dynamics, as an upper bound for learned models."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np

from mbrl_ros.core.spaces import FloatArray
from mbrl_ros.simulation.mujoco_dynamics import MujocoDynamics
from mbrl_ros.simulation.plant import Plant

# Maps actions (N, H, A), from the plant's present state, to the resulting observations (N, H, O).
TrueDynamics = Callable[[FloatArray], FloatArray]


class NoTrueDynamicsError(ValueError):
    """The plant cannot be simulated without changing its state."""


def true_dynamics(plant: Plant, threads: int = 1) -> TrueDynamics:
    """Return the true dynamics of a plant, whose state does not change.

    Args:
        plant: after a reset.
        threads: maximum number of computing threads.

    Raises:
        NoTrueDynamicsError: if they are not available.
    """
    if plant.physics is not None:
        made = MujocoDynamics.of(plant, plant.physics, threads)
        if made is None:
            raise NoTrueDynamicsError(f"environment '{plant.name}': its observation is not known")
        return made
    try:
        copy.deepcopy(plant.environment.unwrapped)
    except Exception as error:
        # Copying an arbitrary environment may raise anything.
        reason = " ".join(str(error).split())
        raise NoTrueDynamicsError(f"environment '{plant.name}': no copy of it: {reason}") from None
    return CopiedDynamics(plant)


class CopiedDynamics:
    """Steps copies of an environment written in pure Python."""

    def __init__(self, plant: Plant) -> None:
        self._plant = plant

    def __call__(self, actions: FloatArray) -> FloatArray:
        """Return observations; after an episode's end, the last one is repeated."""
        return np.stack([self._followed(sequence) for sequence in actions])

    def _followed(self, actions: FloatArray) -> FloatArray:
        # Unwrapped: a time limit is not part of the dynamics.
        environment = copy.deepcopy(self._plant.environment.unwrapped)
        observations: list[FloatArray] = []
        ended = False
        for action in actions:
            if not ended:
                values, ended = self._step(environment, self._plant.decode(action))
            observations.append(values)
        return np.stack(observations)

    def _step(self, environment: gymnasium.Env[Any, Any], action: Any) -> tuple[FloatArray, bool]:
        for _ in range(self._plant.action_repeat):
            observation, _, terminated, _, _ = environment.step(action)
            if terminated:
                break
        return self._plant.encode(observation), bool(terminated)
