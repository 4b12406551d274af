"""The page's e-stop: one that is pressed wins over an arming on its way."""

from __future__ import annotations

import threading
from collections.abc import Callable


class EStop:
    """Orders presses and releases, which come from several threads."""

    def __init__(self, publish: Callable[[bool], None]) -> None:
        """Create one that was not pressed.

        Args:
            publish: sends whether to stop, on any thread.
        """
        self._publish = publish
        self._lock = threading.Lock()
        self._presses = 0

    @property
    def presses(self) -> int:
        """How often it was pressed."""
        return self._presses

    def press(self) -> None:
        """Stop, at once."""
        with self._lock:
            self._presses += 1
            self._publish(True)

    def release(self, presses: int) -> bool:
        """Take the stop back, for who comes later, unless it was pressed since.

        Args:
            presses: how often it was, when somebody asked to arm.

        Returns:
            whether it was taken back.
        """
        with self._lock:
            if self._presses == presses:
                self._publish(False)
            return self._presses == presses

    def was_pressed_since(self, presses: int) -> bool:
        """Return whether it was pressed again; then it stops again, too.

        What has been armed meanwhile may have heard of the press before that.
        """
        with self._lock:
            if self._presses != presses:
                self._publish(True)
            return self._presses != presses
