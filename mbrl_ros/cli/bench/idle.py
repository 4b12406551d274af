"""Timing of a thread that only waits."""

from __future__ import annotations

import threading
import time


class IdleThread:
    """Wakes up once a period, as a control loop without work would.

    Attributes:
        intervals: times between wake-ups [s].
    """

    def __init__(self, period: float) -> None:
        self.intervals: list[float] = []
        self._period = period
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="idle", daemon=True)

    def start(self) -> None:
        """Start waiting."""
        self._thread.start()

    def stop(self) -> None:
        """Stop waiting."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        due = last = time.monotonic()
        while not self._stopped.is_set():
            due += self._period
            time.sleep(max(0.0, due - time.monotonic()))
            woke = time.monotonic()
            self.intervals.append(woke - last)
            last = woke
