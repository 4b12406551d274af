"""A person's commands from the page: for as long as a button is held."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

# Without a word for so long, the button was let go, the tab closed or the line cut [s]. Less than
# the guard's takeover.timeout, to which this would be a person who fell silent.
_SILENCE = 0.2
# A hand-back is said so many times, since one message may be lost.
_FAREWELLS = 3


class TakeOver:
    """Passes on the commands of one person at a time, and hands back when they are silent."""

    def __init__(
        self,
        publish: Callable[[list[float]], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Command nothing yet.

        Args:
            publish: sends a command, on any thread; an empty one hands back.
            clock: never jumps [s].
        """
        self._publish, self._clock = publish, clock
        self._lock = threading.Lock()
        self._who: int | None = None
        self._heard = 0.0
        self._farewells = 0

    def hold(self, who: int, values: Sequence[float]) -> bool:
        """Command, while the button is held: to be called several times within 0.2 s.

        Args:
            who: number of the viewer; whoever comes first has it until they let go.
            values: shape ``(A,)``, SI units.

        Returns:
            whether it is theirs.
        """
        with self._lock:
            if self._who not in (None, who):
                return False
            self._who, self._heard, self._farewells = who, self._clock(), _FAREWELLS
            self._publish([float(value) for value in values])
            return True

    def update(self) -> None:
        """Hand back if the person is silent; to be called several times within 0.2 s."""
        with self._lock:
            if self._who is not None and self._clock() - self._heard > _SILENCE:
                self._who = None
            if self._who is None and self._farewells:
                self._farewells -= 1
                self._publish([])

    def close(self) -> None:
        """Hand back, if a person commands."""
        with self._lock:
            if self._who is not None:
                self._who = None
                self._publish([])
