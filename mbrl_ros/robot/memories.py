"""Parts of a formula that follow the messages of a source: rates of change and filters."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar


class Memory(ABC):
    """Follows a number from message to message.

    Attributes:
        source: whose messages.
        takes: what is given besides the number.
    """

    takes: ClassVar[tuple[str, ...]] = ()

    def __init__(self, source: str, number: Callable[[Mapping[str, Any]], float]) -> None:
        """Remember nothing yet.

        Args:
            source: whose messages it follows.
            number: its argument; finite, or raises ValueError.
        """
        self.source = source
        self._number = number
        self._time = math.nan
        self._value: float | None = None
        self._problem = "waiting for its first messages"

    @property
    def value(self) -> float:
        """The present value.

        Raises:
            ValueError: if there is none.
        """
        if self._value is None:
            raise ValueError(self._problem)
        return self._value

    def restart(self) -> None:
        """Forget what was, as after a pause."""
        self._time, self._value = math.nan, None

    def hear(self, values: Mapping[str, Any], time: float) -> None:
        """Take in a message.

        Args:
            values: the source's name to the message.
            time: of the message [s].
        """
        elapsed = time - self._time
        try:
            number = self._number(values)
            if math.isnan(elapsed):
                self._begin(number)
            elif elapsed > 0:
                self._go_on(number, elapsed)
            else:
                return
            if self._value is not None and not math.isfinite(self._value):
                raise ValueError(f"{self.source}: a change beyond all numbers")
        except ValueError as error:  # what it remembers may not be a number
            self.restart()
            self._problem = str(error)
            return
        self._time = time

    @abstractmethod
    def _begin(self, number: float) -> None:
        """Take in the first number."""

    @abstractmethod
    def _go_on(self, number: float, elapsed: float) -> None:
        """Take in a further number, some time after the one before [s]."""


class Rate(Memory):
    """Difference from the message before, per time [unit/s]."""

    def _begin(self, number: float) -> None:
        self._last = number

    def _go_on(self, number: float, elapsed: float) -> None:
        self._value = self._difference(number - self._last) / elapsed
        self._last = number

    def _difference(self, difference: float) -> float:
        return difference


class AngleRate(Rate):
    """The same of an angle that wraps [rad/s]."""

    def _difference(self, difference: float) -> float:
        return math.remainder(difference, math.tau)


class LowPass(Memory):
    """First-order low-pass filter, for whatever times between messages."""

    takes = ("the cut-off frequency [Hz]",)

    def __init__(
        self, source: str, number: Callable[[Mapping[str, Any]], float], cutoff: float
    ) -> None:
        """Remember nothing yet.

        Args:
            source: as for `Memory`.
            number: as for `Memory`.
            cutoff: frequency [Hz].
        """
        super().__init__(source, number)
        self._speed = math.tau * cutoff

    def _begin(self, number: float) -> None:
        self._value = number

    def _go_on(self, number: float, elapsed: float) -> None:
        assert self._value is not None
        self._value += (1.0 - math.exp(-self._speed * elapsed)) * (number - self._value)


#: Functions in formulas.
MEMORIES: dict[str, Any] = {"rate": Rate, "angle_rate": AngleRate, "lowpass": LowPass}
