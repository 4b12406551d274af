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


# For a user's code to return after the first signal [s].
_PATIENCE = 10.0


class StopRequest:
    """Counts the signals that request a stop, while entered as a context."""

    def __init__(self, insistent: bool = False) -> None:
        """Count from 0.

        Args:
            insistent: whether KeyboardInterrupt is raised, for a user's code that does not return,
                with a second signal or where `check` is not called in the 10 s after the first.
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

    @property
    def ending(self) -> EndedEarlyError:
        """What a command that was requested to stop ends with."""
        return EndedEarlyError(f"ended by {self._number.name}", 128 + self._number)

    def check(self) -> None:
        """Raise `ending` if a stop was requested."""
        if self.asked:
            self._wait_no_longer()
            raise self.ending

    def wait(self, timeout: float) -> None:
        """Wait until a stop is requested, for at most ``timeout`` [s]."""
        self._asked.wait(timeout)

    def __enter__(self) -> StopRequest:
        for number in _SIGNALS:
            self._before[number] = signal.signal(number, self._on_signal)
        if self._insistent:
            self._before[signal.SIGALRM] = signal.signal(signal.SIGALRM, self._on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        self._wait_no_longer()
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._insistent and self.asked:
            self._wait_no_longer()
            raise KeyboardInterrupt
        if self._insistent:
            signal.setitimer(signal.ITIMER_REAL, _PATIENCE)
        self.count += 1
        self._number = signal.Signals(number)
        self._asked.set()

    def _wait_no_longer(self) -> None:
        if self._insistent:
            signal.setitimer(signal.ITIMER_REAL, 0.0)
