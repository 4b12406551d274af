"""Conditions of an episode, drawn from their ranges."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from mbrl_ros.core.settings import build, flat
from mbrl_ros.core.spaces import FloatArray
from mbrl_ros.evaluation.graduation.settings import RangeSettings
from mbrl_ros.simulation.settings import DisturbanceSettings, PhysicsSettings
from mbrl_ros.system.rehearsal import Timing

#: When a push comes, as a share of the episode.
PUSHED = 0.6


@dataclass(frozen=True)
class Conditions:
    """What is different in an episode.

    Attributes:
        values: by the names of `RangeSettings`; those that are left out are as in the model.
        seed: of all that is at random in it.
    """

    values: dict[str, float]
    seed: int

    def physics(self) -> PhysicsSettings:
        """Return the physics."""
        return build(PhysicsSettings, self._of(PhysicsSettings))

    def disturbance(self, scale: list[float], push_time: float) -> DisturbanceSettings:
        """Return what is worse with messages and sensors.

        Args:
            scale: of each reading.
            push_time: when a push comes [s].
        """
        own = self._of(DisturbanceSettings)
        more = {"scale": scale, "push_time": push_time, "seed": self.seed}
        return build(DisturbanceSettings, {**own, **more})

    def timing(self) -> Timing:
        """Return how uneven the control steps are."""
        return Timing(**self._of(Timing), seed=self.seed)

    def _of(self, group: type) -> dict[str, float]:
        names = {field.name for field in fields(group)}
        return {name: value for name, value in self.values.items() if name in names}


class Ranges:
    """A box of conditions.

    Attributes:
        names: of those that are varied.
    """

    def __init__(self, settings: RangeSettings) -> None:
        """Take over from where to where.

        Args:
            settings: each two numbers.
        """
        every = flat(settings)
        self._fixed = {name: low for name, (low, high) in every.items() if low == high}
        varied = {name: span for name, span in every.items() if span[0] < span[1]}
        self.names = tuple(varied)
        self._low, self._high = np.array([*varied.values()]).reshape(-1, 2).T

    def at(self, place: FloatArray, seed: int) -> Conditions:
        """Return the conditions at a place of the unit cube.

        Args:
            place: shape ``(len(names),)``, each from 0 to 1.
            seed: of what is at random.
        """
        values = self._low + np.clip(place, 0.0, 1.0) * (self._high - self._low)
        named = dict(zip(self.names, values.tolist(), strict=True))
        return Conditions({**self._fixed, **named}, seed)

    def draw(self, seed: int) -> Conditions:
        """Return conditions drawn by a seed, which is also that of what is at random in them."""
        return self.at(np.random.default_rng(seed).random(len(self.names)), seed)

    def place(self, conditions: Conditions) -> FloatArray:
        """Return where conditions are in the unit cube; the inverse of `at`."""
        values = np.array([conditions.values[name] for name in self.names])
        place: FloatArray = (values - self._low) / (self._high - self._low)
        return place
