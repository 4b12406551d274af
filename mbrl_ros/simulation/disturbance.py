"""What is worse with a robot than in simulation: late and lost messages, bad readings, pushes."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np

from mbrl_ros.core.spaces import FloatArray
from mbrl_ros.simulation.settings import DisturbanceSettings

# Readings are stuck once in so long [s].
_STUCK_EVERY = 1.0


class Way:
    """The way that messages take, in order: each comes late, or never."""

    def __init__(
        self, delay: float, jitter: float, dropout: float, rng: np.random.Generator
    ) -> None:
        """Begin with nothing under way.

        Args:
            delay: of every message [s].
            jitter: further delay, at random up to this [s].
            dropout: probability that one is lost.
            rng: decides.
        """
        self._delay, self._jitter, self._dropout, self._rng = delay, jitter, dropout, rng
        self._under_way: deque[tuple[float, Any]] = deque()

    def put(self, message: Any, now: float) -> None:
        """Send a message.

        Args:
            message: any.
            now: on a clock that never jumps [s].
        """
        late, lost = self._rng.random(2)
        if lost < self._dropout:
            return
        due = now + self._delay + self._jitter * float(late)
        if self._under_way:
            due = max(due, self._under_way[-1][0])
        self._under_way.append((due, message))

    def arrived(self, now: float) -> list[tuple[float, Any]]:
        """Return the messages that have come since the last call, each with its time [s].

        Args:
            now: on a clock that never jumps [s].
        """
        found = []
        while self._under_way and self._under_way[0][0] <= now:
            found.append(self._under_way.popleft())
        return found

    def clear(self) -> None:
        """Lose all that is under way."""
        self._under_way.clear()


class Readings:
    """Makes of true numbers what sensors tell of them."""

    def __init__(self, settings: DisturbanceSettings, many: int, rng: np.random.Generator) -> None:
        """Draw what is wrong with each sensor.

        Args:
            settings: how much.
            many: numbers that are read.
            rng: decides.

        Raises:
            ValueError: naming the parameter that does not fit.
        """
        scale = np.array(settings.scale if settings.scale else [1.0] * many)
        if len(scale) != many:
            raise ValueError(
                f"disturbance.scale: expected {many} numbers, one for each reading, or none, got "
                f"{len(scale)}"
            )
        self._noise, self._stuck = settings.noise * scale, settings.stuck
        self._bias = settings.bias * scale * rng.choice([-1.0, 1.0], size=many)
        self._phase = _STUCK_EVERY * float(rng.random())
        self._rng = rng
        self._told: FloatArray | None = None

    def __call__(self, values: FloatArray, time: float) -> FloatArray:
        """Return what is told of true values.

        Args:
            values: shape as given at first.
            time: since the episode began [s].
        """
        is_stuck = (time - self._phase) % _STUCK_EVERY < self._stuck
        if self._told is None or not is_stuck:
            self._told = values + self._bias + self._noise * self._rng.normal(size=values.shape)
        return self._told

    def restart(self) -> None:
        """Forget what was told last."""
        self._told = None


class Gears:
    """Play between what a motor is told and what it does."""

    def __init__(self, gap: FloatArray) -> None:
        """Begin at zero.

        Args:
            gap: half the play of each motor, in the unit of its control.
        """
        self._gap = gap
        self._turned = np.zeros_like(gap)

    def restart(self, control: FloatArray) -> None:
        """Begin in the middle of the play, where motors are told to be."""
        self._turned = control

    def __call__(self, control: FloatArray) -> FloatArray:
        """Return what is done, shape as ``control``."""
        self._turned = np.clip(self._turned, control - self._gap, control + self._gap)
        return self._turned
