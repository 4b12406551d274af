"""What was heard of a robot's topic: the newest message, its age, the rate of messages."""

from __future__ import annotations

import math
from collections import deque
from typing import Any

from mbrl_ros.robot.settings import SourceSettings
from mbrl_ros.robot.writing import seconds_of

# Time over which a rate is measured [s], and the least number of messages for it.
_SPAN, _LEAST = 2.0, 4
# Relative deviation from which on a rate is another one.
_TOLERANCE = 0.2
_MOST = 4096
# Stamps that go ahead of the time of arrival by more are those of a clock that was set [s].
_SET = 2.0


class Source:
    """A topic of a robot.

    Attributes:
        name: of the source.
        settings: its own.
        message: the newest one; None before the first.
        count: of messages so far.
        heard: when the newest one came, on a clock that never jumps [s].
        time: of the newest one by its own stamp, or else when it came [s].
    """

    def __init__(self, name: str, settings: SourceSettings, period: float) -> None:
        """Make a source that has heard nothing.

        Args:
            name: of the source.
            settings: its own.
            period: control period [s].
        """
        self.name = name
        self.settings = settings
        self.message: Any = None
        self.count = 0
        self.heard = self.time = math.nan
        self._fresh = math.nan
        self._expected = settings.expected_rate(period)
        self._oldest = settings.oldest(period)
        self._period = period
        self._times: deque[float] = deque(maxlen=_MOST)

    def hear(self, message: Any, now: float) -> bool:
        """Take in a message, and return whether it goes on from the one before without a pause.

        Args:
            message: of the source's type.
            now: on a clock that never jumps [s].
        """
        stamp = seconds_of(message.header.stamp) if hasattr(message, "header") else math.nan
        elapsed = now - self.heard
        ahead = stamp - self.time - elapsed
        # Nor does it go on where the driver's clock was set.
        was_set = ahead < -self._oldest or ahead > _SET
        goes_on = elapsed <= self._oldest and not was_set
        self.message, self.heard = message, now
        self.count += 1
        self._times.append(now)
        # A driver may repeat what it last read, as when its bus is dead.
        if math.isnan(stamp) or stamp != self.time:
            self._fresh = now
        self.time = now if math.isnan(stamp) else stamp
        return goes_on

    def problem(self, now: float) -> str:
        """Return why it cannot be used; empty: it can.

        Args:
            now: on a clock that never jumps [s].
        """
        where = f"{self.name} ({self.settings.topic})"
        if self.message is None:
            return f"{where}: nothing heard yet"
        if now - self.heard > self._oldest:
            return f"{where}: nothing heard for {now - self.heard:.2f} s"
        if now - self._fresh > self._oldest:
            return f"{where}: the same stamp for {now - self._fresh:.2f} s"
        return ""

    def rate(self, now: float) -> float:
        """Return the present number of messages per second; NaN: too few to tell.

        Args:
            now: on a clock that never jumps [s].
        """
        while self._times and self._times[0] < now - _SPAN:
            self._times.popleft()
        if len(self._times) < _LEAST:
            return math.nan
        elapsed = self._times[-1] - self._times[0]
        return (len(self._times) - 1) / elapsed if elapsed > 0 else math.inf

    def rate_problem(self, now: float) -> str:
        """Return how its rate differs from the expected one; empty: it does not.

        Args:
            now: on a clock that never jumps [s].
        """
        rate = self.rate(now)
        where = f"{self.name} ({self.settings.topic})"
        if rate < (1.0 - _TOLERANCE) * self._expected:
            reason = "rate" if self.settings.rate else f"period {self._period:g} s"
            return f"{where}: {rate:.3g} Hz, expected {self._expected:.3g} Hz ({reason})"
        if self.settings.rate and rate > (1.0 + _TOLERANCE) * self._expected:
            return f"{where}: {rate:.3g} Hz, expected {self._expected:.3g} Hz (rate)"
        return ""
