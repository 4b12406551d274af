"""Signals that ask a command to stop."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopRequest:
    """Counts the signals that request a stop, while entered as a context."""

    def __init__(self) -> None:
        self.count = 0
        self._asked = threading.Event()
        self._before: dict[signal.Signals, Any] = {}

    @property
    def asked(self) -> bool:
        """Whether a stop was requested."""
        return self.count > 0

    @property
    def hurried(self) -> bool:
        """Whether it was requested again."""
        return self.count > 1

    def wait(self, timeout: float) -> None:
        """Wait until a stop is requested, for at most ``timeout`` [s]."""
        self._asked.wait(timeout)

    def __enter__(self) -> StopRequest:
        for number in _SIGNALS:
            self._before[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.count += 1
        self._asked.set()
