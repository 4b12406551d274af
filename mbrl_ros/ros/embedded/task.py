"""Futures under rclpy's names."""

import threading
from collections.abc import Callable, Generator
from typing import Any


class Future:
    """The result of an operation in progress."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._done = False
        self._cancelled = False
        self._result: Any = None
        self._exception: BaseException | None = None
        self._callbacks: list[Callable[[Future], Any]] = []

    def done(self) -> bool:
        """Return whether it has completed or was cancelled."""
        return self._done or self._cancelled

    def cancelled(self) -> bool:
        """Return whether it was cancelled."""
        return self._cancelled

    def cancel(self) -> None:
        """Cancel it, unless it is done."""
        with self._lock:
            if self._done:
                return
            self._cancelled = True
        self._call_back()

    def result(self) -> Any:
        """Return the result, None before completion; raises the exception if one was set."""
        if self._exception is not None:
            raise self._exception
        return self._result

    def exception(self) -> BaseException | None:
        """Return the exception that was set, or None."""
        return self._exception

    def set_result(self, result: Any) -> None:
        """Complete it with a result."""
        with self._lock:
            self._result, self._done, self._cancelled = result, True, False
        self._call_back()

    def set_exception(self, exception: BaseException) -> None:
        """Complete it with an exception."""
        with self._lock:
            self._exception, self._done, self._cancelled = exception, True, False
        self._call_back()

    def add_done_callback(self, callback: Callable[["Future"], Any]) -> None:
        """Call a function when it is done, at once if it is already."""
        with self._lock:
            if not self.done():
                self._callbacks.append(callback)
                return
        callback(self)

    def remove_done_callback(self, callback: Callable[["Future"], Any]) -> bool:
        """Undo `add_done_callback()`; returns whether it was there."""
        with self._lock:
            try:
                self._callbacks.remove(callback)
            except ValueError:
                return False
            return True

    def __await__(self) -> Generator["Future", None, Any]:
        """Let a coroutine wait for the result."""
        while not self.done():
            yield self
        return self.result()

    def _call_back(self) -> None:
        with self._lock:
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback(self)
