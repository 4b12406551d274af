"""Control steps at their times, on a thread of their own."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable

from mbrl_ros.core.extensions import describe
from mbrl_ros.core.realtime import LOOP, prioritize_thread

# Share of a message's deviation from its expected time by which the rhythm follows, and share of a
# new interval in the mean of all.
_FOLLOW, _LEARN = 0.1, 0.05
# Messages are followed that come at this share of the control rate or faster.
_OFTEN = 0.8
# Messages that may fail to come until their source counts as silent.
_SILENT = 3


class Pacer:
    """Calls a function once a period, by absolute deadlines; a missed one is skipped.

    Where messages are heard that come often enough, a step begins with the one that comes nearest
    to its deadline, and the deadlines slowly follow. So there are as many messages between any two
    steps, although they do not come quite evenly, and none has waited for its step.

    Attributes:
        missed: deadlines skipped so far.
        failed: steps so far that an exception ended; the next one comes all the same.
        failure: the newest of these exceptions, in a line; empty: there was none.
    """

    def __init__(self, period: float, step: Callable[[float], None]) -> None:
        """Make a pacer, not yet started.

        Args:
            period: time between two calls [s].
            step: called with the time on ``time.monotonic`` [s].
        """
        self.missed = self.failed = 0
        self.failure = ""
        self._period = period
        self._step = step
        self._changed = threading.Condition()
        self._over = False
        self._heard = -math.inf
        self._interval = math.nan
        self._target = math.inf
        self._thread = threading.Thread(target=self._run, name="pacer", daemon=True)

    def start(self) -> None:
        """Start."""
        self._target = time.monotonic() + self._period
        self._thread.start()

    def stop(self) -> None:
        """Stop after the step in progress."""
        with self._changed:
            self._over = True
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join()

    def hear(self, now: float) -> None:
        """Note that a message has come that steps follow.

        Args:
            now: on ``time.monotonic`` [s].
        """
        with self._changed:
            since, self._heard = now - self._heard, now
            if math.isnan(self._interval) or since > _SILENT * self._interval:
                self._interval = since if math.isfinite(since) else math.nan
            else:
                self._interval += _LEARN * (since - self._interval)
            self._changed.notify()

    def _run(self) -> None:
        prioritize_thread(LOOP)
        while True:
            with self._changed:
                followed = self._wait()
                if self._over:
                    return
            now = time.monotonic()
            try:
                self._step(now)
            except Exception as error:  # the loop must not die, nor of a middleware going down
                self.failed, self.failure = self.failed + 1, describe(error)
            if followed:
                self._target += _FOLLOW * (now - self._target)
            self._target += self._period
            behind = math.floor((time.monotonic() - self._target) / self._period) + 1
            if behind > 0:
                self.missed += behind
                self._target += behind * self._period

    def _wait(self) -> bool:
        """Wait for the next step; return whether it begins with a message."""
        while not self._over:
            now, latest = time.monotonic(), self._target
            if self._follows(now):
                if self._heard >= self._target - 0.5 * self._interval:
                    return True
                latest += min(self._interval, 0.5 * self._period)
            if now >= latest:
                return False
            self._changed.wait(latest - now)
        return False

    def _follows(self, now: float) -> bool:
        often = self._interval * _OFTEN <= self._period
        return often and now - self._heard <= _SILENT * self._interval
