"""Which calls have not returned yet, so that one that hangs is told of by name."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator

# After this it is told of for the first time [s], then each time it has taken twice as long.
_PATIENCE = 10.0
# How often it is looked in that time.
_LOOKS = 20

#: Each thread's innermost call, and since when, on ``time.monotonic``.
_calls: dict[int, tuple[str, float]] = {}


@contextlib.contextmanager
def calling(what: str) -> Iterator[None]:
    """Note that this thread is in a call that may not return: a user's code, or what waits for it.

    Args:
        what: it is, such as ``environment 'Pendulum-v1': step``.
    """
    thread = threading.get_ident()
    outer = _calls.get(thread)
    _calls[thread] = what, time.monotonic()
    try:
        yield
    finally:
        if outer is None:
            del _calls[thread]
        else:
            _calls[thread] = outer


class Watch:
    """Tells of calls that have not returned for long, while entered as a context.

    It ends none of them: a long one may be right.
    """

    def __init__(self, tell: Callable[[str], object]) -> None:
        """Make a watch.

        Args:
            tell: called on a thread of its own, with one line.
        """
        self._tell = tell
        self._done = threading.Event()
        self._told: dict[tuple[int, float], int] = {}

    def __enter__(self) -> Watch:
        threading.Thread(target=self._run, name="watch", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()

    def _run(self) -> None:
        while not self._done.wait(_PATIENCE / _LOOKS):
            now, calls = time.monotonic(), _calls.copy()
            under_way = {(thread, since): what for thread, (what, since) in calls.items()}
            self._told = {call: self._told.get(call, 0) for call in under_way}
            for call, what in under_way.items():
                took = now - call[1]
                if took >= _PATIENCE * 2 ** self._told[call]:
                    self._told[call] += 1
                    self._tell(f"{what} has not returned for {took:.0f} s")
