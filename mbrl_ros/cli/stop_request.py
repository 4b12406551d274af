"""Signals that ask a command to stop, and how one ends that was not done."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class EndedEarlyError(Exception):
    """A command ended before it was done; the message is one line.

    Attributes:
        code: the process's exit code: 1, or 128 and a signal's number.
    """

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


class StopRequest:
    """Counts the signals that request a stop, while entered as a context."""

    def __init__(self, insistent: bool = False) -> None:
        """Count from 0.

        Args:
            insistent: whether a second signal raises KeyboardInterrupt, for a user's code that does
                not return.
        """
        self.count = 0
        self._insistent = insistent
        self._number = signal.SIGINT
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

    def check(self) -> None:
        """Raise EndedEarlyError if a stop was requested."""
        if self.asked:
            raise EndedEarlyError(f"ended by {self._number.name}", 128 + self._number)

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
        if self._insistent and self.asked:
            raise KeyboardInterrupt
        self.count += 1
        self._number = signal.Signals(number)
        self._asked.set()
