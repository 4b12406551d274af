"""SIGINT and SIGTERM shut the context down, even while a thread waits in DDS.

Python runs signal handlers in the main thread between bytecode instructions. A main
thread that waits in DDS never gets there, so a helper thread reads the signal's number
from Python's wake-up pipe and shuts down, which ends the wait.
"""

import os
import signal
import threading
from collections.abc import Callable
from enum import Enum
from types import FrameType
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class SignalHandlerOptions(Enum):
    """Which signals shut the context down."""

    NO = 0
    ALL = 3


class _Watcher:
    def __init__(self, on_signal: Callable[[], None]) -> None:
        self._on_signal = on_signal
        self._read, self._write = os.pipe()
        os.set_blocking(self._write, False)
        self._previous: dict[int, Any] = {}
        self._thread = threading.Thread(target=self._watch, name="signals", daemon=True)

    def start(self) -> None:
        for number in _SIGNALS:
            previous = signal.getsignal(number)
            self._previous[number] = previous
            # Python's own handler of SIGINT, or the user's, keeps working.
            if not callable(previous) or number == signal.SIGTERM:
                signal.signal(number, self._handle)
        self._previous_fd = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        self._thread.start()

    def _handle(self, number: int, frame: FrameType | None) -> None:
        previous = self._previous.get(number)
        if callable(previous):
            previous(number, frame)

    def _watch(self) -> None:
        while True:
            numbers = os.read(self._read, 64)
            if any(number in _SIGNALS for number in numbers):
                self._on_signal()
            if 0 in numbers:
                return

    def stop(self) -> None:
        if threading.current_thread() is threading.main_thread():
            signal.set_wakeup_fd(self._previous_fd)
            for number, previous in self._previous.items():
                if signal.getsignal(number) == self._handle:
                    signal.signal(number, previous)
        os.write(self._write, b"\0")
        if threading.current_thread() is not self._thread:
            self._thread.join()
        os.close(self._read)
        os.close(self._write)


_watcher: _Watcher | None = None


def install(on_signal: Callable[[], None]) -> None:
    """Call a function, from another thread, on SIGINT and SIGTERM.

    Does nothing outside the main thread, where Python cannot set signal handlers.
    """
    global _watcher
    if _watcher is None and threading.current_thread() is threading.main_thread():
        _watcher = _Watcher(on_signal)
        _watcher.start()


def uninstall() -> None:
    """Restore the previous signal handlers."""
    global _watcher
    watcher, _watcher = _watcher, None
    if watcher is not None:
        watcher.stop()
