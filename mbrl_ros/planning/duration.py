"""Upper estimate of a duration."""

from __future__ import annotations


class DurationEstimate:
    """Upper estimate of a duration from previous ones.

    As TCP's retransmission time-out (RFC 6298): smoothed mean plus a multiple of the smoothed
    deviation. A single outlier is soon forgotten.

    Attributes:
        bound: upper estimate of the next duration [s].
    """

    def __init__(self) -> None:
        self._mean = 0.0
        self._deviation = 0.0
        self.bound = 0.0

    def add(self, duration: float) -> None:
        """Add a measured duration [s]."""
        if self.bound == 0.0:
            self._mean, self._deviation = duration, duration / 2
        else:
            self._deviation += 0.25 * (abs(duration - self._mean) - self._deviation)
            self._mean += 0.125 * (duration - self._mean)
        self.bound = self._mean + 2 * self._deviation

    def forget(self) -> None:
        """Lower the estimate slightly: otherwise no new attempt would ever be made."""
        self._mean *= 0.9
        self._deviation *= 0.9
        self.bound *= 0.9
