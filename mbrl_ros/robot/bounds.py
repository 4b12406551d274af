"""When an episode of a robot may begin, and when it ends."""

from __future__ import annotations

import numpy as np

from mbrl_ros.core.numbers import shown
from mbrl_ros.core.spaces import FloatArray, Space
from mbrl_ros.robot.formulas import Formula, formula_alone
from mbrl_ros.robot.settings import BridgeSettings

# How far an action may be beyond its limits as an episode begins, as a share of their range.
_TOLERANCE = 0.05


class EpisodeBounds:
    """Judges observations by the formulas of the settings."""

    def __init__(self, settings: BridgeSettings, observation: Space, action: Space) -> None:
        """Check the formulas.

        Args:
            settings: the bridge's.
            observation: O dimensions.
            action: A dimensions.

        Raises:
            ValueError: naming the formula that does not fit.
        """
        self._names, self._action = observation.names, action
        self._ends = formula_alone(settings.ends, "ends", observation.names)
        self._begins = formula_alone(settings.begins, "begins", observation.names)

    def ends(self, values: FloatArray) -> bool:
        """Return whether an episode ends with an observation, shape ``(O,)``."""
        return self._ends is not None and self._holds(self._ends, values)

    def check_place(self, values: FloatArray) -> None:
        """Check that an episode may begin where the robot is.

        Args:
            values: observed, shape ``(O,)``.

        Raises:
            ValueError: if it may not.
        """
        if self._begins is not None and not self._holds(self._begins, values):
            raise ValueError(f"waiting for an episode to begin: {self._begins.text}")

    def check_jump(self, resting: FloatArray) -> None:
        """Check that the robot need not jump into the limits of its actions.

        Args:
            resting: in effect as the episode begins, shape ``(A,)``.

        Raises:
            ValueError: naming the action that would.
        """
        action = self._action
        margin = _TOLERANCE * (action.upper - action.lower)
        for i in np.flatnonzero(
            (resting < action.lower - margin) | (resting > action.upper + margin)
        ):
            limits = f"[{shown(action.low[i])}, {shown(action.high[i])}]"
            raise ValueError(
                f"waiting for an episode to begin: {action.names[i]} would jump from "
                f"{resting[i]:.4g} into its limits {limits}"
            )

    def _holds(self, condition: Formula, values: FloatArray) -> bool:
        named = dict(zip(self._names, values.tolist(), strict=True))
        return bool(condition.value(named))
