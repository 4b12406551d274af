"""Control steps at their times, on a thread of their own."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable

from mbrl_ros.core.realtime import LOOP, prioritize_thread


class Pacer:
    """Calls a function once a period, by absolute deadlines; a missed one is skipped.

    Attributes:
        missed: deadlines skipped so far.
    """

    def __init__(self, period: float, step: Callable[[float], None]) -> None:
        """Make a pacer, not yet started.

        Args:
            period: time between two calls [s].
            step: called with the time on ``time.monotonic`` [s]; raises nothing.
        """
        self.missed = 0
        self._period = period
        self._step = step
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pacer", daemon=True)

    def start(self) -> None:
        """Start."""
        self._thread.start()

    def stop(self) -> None:
        """Stop after the step in progress."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        prioritize_thread(LOOP)
        deadline = time.monotonic() + self._period
        while not self._over.wait(max(0.0, deadline - time.monotonic())):
            now = time.monotonic()
            self._step(now)
            deadline += self._period
            behind = math.floor((time.monotonic() - deadline) / self._period) + 1
            if behind > 0:
                self.missed += behind
                deadline += behind * self._period
