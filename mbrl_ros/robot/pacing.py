"""Control steps at their times, on a thread of their own."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable

from mbrl_ros.core.extensions import describe
from mbrl_ros.core.realtime import LOOP, prioritize_thread
from mbrl_ros.robot.rhythm import Rhythm

# Time for which the end of a step is waited for [s].
_PATIENCE = 2.0


class Pacer:
    """Calls a function in the `Rhythm` of a period; a missed deadline is skipped.

    Attributes:
        failed: steps so far that an exception ended; the next one comes all the same.
        failure: the newest of these exceptions, in a line; empty: there was none.
    """

    def __init__(self, period: float, step: Callable[[float], None]) -> None:
        """Make a pacer, not yet started.

        Args:
            period: time between two calls [s].
            step: called with the time on ``time.monotonic`` [s].
        """
        self.failed = 0
        self.failure = ""
        self._rhythm = Rhythm(period, math.inf)
        self._step = step
        self._changed = threading.Condition()
        self._over = False
        self._thread = threading.Thread(target=self._run, name="pacer", daemon=True)

    @property
    def missed(self) -> int:
        """Deadlines skipped so far."""
        return self._rhythm.missed

    def start(self) -> None:
        """Start."""
        self._rhythm.begin(time.monotonic())
        self._thread.start()

    def stop(self) -> None:
        """Stop after the step in progress, which is waited for, if not long."""
        with self._changed:
            self._over = True
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join(_PATIENCE)

    def hear(self, now: float) -> None:
        """Note that a message has come that steps follow.

        Args:
            now: on ``time.monotonic`` [s].
        """
        with self._changed:
            self._rhythm.hear(now)
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
            with self._changed:
                self._rhythm.stepped(now, followed, time.monotonic())

    def _wait(self) -> bool:
        """Wait for the next step; return whether it begins with a message."""
        while not self._over:
            left, followed = self._rhythm.left(time.monotonic())
            if left <= 0:
                return followed
            self._changed.wait(left)
        return False
