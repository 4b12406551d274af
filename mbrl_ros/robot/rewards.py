"""What is paid in an episode: by the robot's own word, and by a person."""

from __future__ import annotations

import math

from mbrl_ros.robot.formulas import formula_alone
from mbrl_ros.robot.listening import Listener
from mbrl_ros.robot.settings import BridgeSettings


class Rewards:
    """Sums what is given between two observations."""

    def __init__(self, settings: BridgeSettings, listener: Listener) -> None:
        """Check the reward's formula.

        Args:
            settings: the bridge's.
            listener: to the robot's topics.

        Raises:
            ValueError: naming the parameter that does not fit.
        """
        self._listener = listener
        self._formula = formula_alone(settings.reward, "reward", [*listener.sources])
        if self._formula is not None:
            listener.check(self._formula, "reward")
        self._feedback, self._given = settings.feedback, 0.0

    def begin(self) -> None:
        """Begin an episode; what was given before is none of it."""
        self._given = 0.0

    def give(self, reward: float) -> None:
        """Take in a reward that a person gives; not if it is not finite."""
        if self._feedback and math.isfinite(reward):
            self._given += reward

    def paid(self, now: float) -> float:
        """Return the reward since the last one: the robot's and a person's; NaN: unknown.

        Args:
            now: on a clock that never jumps [s].
        """
        paid = 0.0 if self._feedback else math.nan
        if self._formula is not None:
            try:
                paid = float(self._listener.read([self._formula], now)[0])
            except ValueError:
                return math.nan  # what a person gave counts with the next that is known
        given, self._given = self._given, 0.0
        return paid + given
