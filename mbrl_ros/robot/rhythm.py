"""When control steps begin: once a period, with the messages that come about then."""

from __future__ import annotations

import math

# Share of a message's deviation from its expected time by which the rhythm follows, and share of a
# new interval in the mean of all.
_FOLLOW, _LEARN = 0.1, 0.05
# Messages are followed that come at this share of the control rate or faster.
_OFTEN = 0.8
# Messages that may fail to come until their source counts as silent.
_SILENT = 3


class Rhythm:
    """Absolute deadlines, a period apart; one that is missed is skipped.

    Where messages are heard that come often enough, a step begins with the one that comes nearest
    to its deadline, and the deadlines slowly follow. So there are as many messages between any two
    steps, although they do not come quite evenly, and none has waited for its step.

    Attributes:
        missed: deadlines skipped so far.
    """

    def __init__(self, period: float, now: float) -> None:
        """Make a rhythm; see `begin`.

        Args:
            period: time between two steps [s].
            now: on any clock that never jumps [s].
        """
        self.missed = 0
        self._period = period
        self._heard = -math.inf
        self._interval = math.nan
        self.begin(now)

    def begin(self, now: float) -> None:
        """Have the first step a period from now."""
        self._target = now + self._period

    def hear(self, now: float) -> None:
        """Note that a message has come that steps follow."""
        since, self._heard = now - self._heard, now
        if math.isnan(self._interval) or since > _SILENT * self._interval:
            self._interval = since if math.isfinite(since) else math.nan
        else:
            self._interval += _LEARN * (since - self._interval)

    def left(self, now: float) -> tuple[float, bool]:
        """Return how long the next step has time unless a message comes before [s].

        Returns:
            0 or less: it begins now; and whether it does so with a message.
        """
        latest = self._target
        if self._follows(now):
            if self._heard >= self._target - 0.5 * self._interval:
                return 0.0, True
            latest += min(self._interval, 0.5 * self._period)
        return latest - now, False

    def stepped(self, began: float, followed: bool, now: float) -> None:
        """Go on to the next step.

        Args:
            began: when the last one began.
            followed: whether it began with a message.
            now: when it ended.
        """
        if followed:
            self._target += _FOLLOW * (began - self._target)
        self._target += self._period
        behind = math.floor((now - self._target) / self._period) + 1
        if behind > 0:
            self.missed += behind
            self._target += behind * self._period

    def _follows(self, now: float) -> bool:
        often = self._interval * _OFTEN <= self._period
        return often and now - self._heard <= _SILENT * self._interval
