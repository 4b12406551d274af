"""What a plant does when nobody tells it anything fresh."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mbrl_ros.plants.plant import Plant
from mbrl_ros.spaces import FloatArray, Space

SafeCommand = Callable[[FloatArray], FloatArray]


def safe_command(mode: str, plant: Plant, space: Space, damping: float) -> SafeCommand:
    """Return the function from the last applied action to the safe command.

    - ``zero``: no force or velocity.
    - ``hold``: the last applied action, for as long as it takes. It is for actions that are
      positions, where zero would be a jump; a force held would accelerate for ever.
    - ``damp``: minus ``damping`` times each actuator's velocity, brakes a plant that is
      driven by forces.

    All stay within the limits. Actions have shape ``(action_dim,)``.

    Raises:
        ValueError: for ``damp`` where the actions are not the actuators of a MuJoCo model.
    """
    if mode == "zero":
        return lambda last: space.clip(np.zeros(space.dim))
    if mode == "hold":
        return lambda last: last
    physics = plant.physics
    if physics is None or physics.actuator_velocities().size != space.dim:
        raise ValueError(
            f"safe_command: damp needs a MuJoCo model with one actuator per action, which "
            f"environment '{plant.name}' has not; use zero or hold"
        )
    return lambda last: space.clip(-damping * physics.actuator_velocities())
