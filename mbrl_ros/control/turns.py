"""When a thread may compute beside a control loop, which comes first."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

# A gap has just begun, so that a computation of any length had better begin now [s].
_JUST = 0.002


class TuningStoppedError(RuntimeError):
    """It was not measured to the end."""


class Gap:
    """The time between two ticks of a loop; without any tick, all of it."""

    def __init__(self, period: float) -> None:
        """Begin with no tick under way.

        Args:
            period: from the begin of a tick to the next [s].
        """
        self._period = period
        self._condition = threading.Condition()
        self._closed = 0.0
        self._opened: float | None = 0.0

    def close(self) -> None:
        """Say that a tick begins."""
        self._closed, self._opened = time.monotonic(), None

    def open(self) -> None:
        """Say that it is over."""
        with self._condition:
            self._opened = time.monotonic()
            self._condition.notify_all()

    def wait(self, seconds: float) -> None:
        """Wait until the loop is likely to leave so much time, or has just become idle.

        Two periods without a tick are a loop that does not run. One that is never idle is not
        waited for longer than that either: whoever waits would never come to an end.
        """
        end = time.monotonic() + 2 * self._period
        with self._condition:
            while (now := time.monotonic()) < end:
                since, due = self._opened, self._closed + self._period
                if since is not None and (
                    now + seconds < due or now - since < _JUST or now > due + self._period
                ):
                    return
                self._condition.wait(end - now)


@dataclass(frozen=True)
class Turns:
    """What a measurement waits for before each of its computations.

    Attributes:
        stop: set by another thread, the measurement ends at its next turn.
        gap: of the loop; None: there is no loop beside it.
        rest: time to leave to all other threads after each computation, in its computing times.
    """

    stop: threading.Event = field(default_factory=threading.Event)
    gap: Gap | None = None
    rest: float = 0.0

    def wait(self, last: float) -> None:
        """Wait for the next turn.

        Args:
            last: computing time of the last computation, as long as which the next will take [s].

        Raises:
            TuningStoppedError: if it was stopped.
        """
        if self.stop.wait(self.rest * last):
            raise TuningStoppedError
        if self.gap is not None:
            self.gap.wait(last)
