"""How long the next one of something will take."""

from __future__ import annotations


class DurationEstimate:
    """How long something takes, with an allowance for how much that varies.

    As TCP estimates its time-out (RFC 6298): smoothed mean plus a multiple of the smoothed
    deviation. One slow outlier is soon forgotten.

    Attributes:
        bound: the next one should not take longer [s].
    """

    def __init__(self) -> None:
        self._mean = 0.0
        self._deviation = 0.0
        self.bound = 0.0

    def add(self, duration: float) -> None:
        """Take in how long one took [s]."""
        if self.bound == 0.0:
            self._mean, self._deviation = duration, duration / 2
        else:
            self._deviation += 0.25 * (abs(duration - self._mean) - self._deviation)
            self._mean += 0.125 * (duration - self._mean)
        self.bound = self._mean + 2 * self._deviation

    def forget(self) -> None:
        """Expect a little less: without a try, nobody would know that it is fast again."""
        self._mean *= 0.9
        self._deviation *= 0.9
        self.bound *= 0.9
