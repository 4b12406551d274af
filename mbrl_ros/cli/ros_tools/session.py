"""A short-lived node, and methods that wait with it."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, TypeVar

from mbrl_ros import ros
from mbrl_ros.cli.ros_tools.verbs import CommandError, Interrupted

#: Discovery timeout for something requested by name [s].
PATIENCE = 3.0
#: Lists wait at least this long, then until nothing has changed for a while; maximum [s].
_SETTLE, _QUIET, _AT_MOST = 1.0, 0.4, 5.0
#: Polling period for signals and the graph [s].
_POLL = 0.03
_SIGNALS = (signal.SIGINT, signal.SIGTERM)

_Found = TypeVar("_Found")


class Session:
    """A node for the duration of a command; a context manager.

    Signals are only recorded; the methods that wait raise `Interrupted`.
    """

    def __init__(self, spin_time: float | None = None) -> None:
        """Prepare; ``spin_time`` replaces all waiting times for discovery [s]."""
        self._spin_time = spin_time
        self._signal = 0
        self._stopped = threading.Event()
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> Session:
        for number in _SIGNALS:
            self._previous[number] = signal.signal(number, self._note)
        ros.init(args=[], signal_handler_options=ros.SignalHandlerOptions.NO)
        # The underscore hides it from lists of nodes.
        self.node = ros.Node(
            f"_mbrl_ros_cli_{os.getpid()}",
            use_global_arguments=False,
            enable_rosout=False,
            start_parameter_services=False,
        )
        self._executor = ros.SingleThreadedExecutor()
        self._executor.add_node(self.node)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._executor.shutdown()
        self.node.destroy_node()
        ros.try_shutdown()
        for number, previous in self._previous.items():
            signal.signal(number, previous)

    def _note(self, number: int, frame: object) -> None:
        self._signal = number
        self._stopped.set()

    def _check(self) -> None:
        if self._stopped.is_set():
            raise Interrupted(self._signal)

    def sleep(self, seconds: float) -> None:
        """Wait without running callbacks."""
        self._stopped.wait(max(seconds, 0.0))
        self._check()

    def spin(self, seconds: float) -> None:
        """Wait for a callback, at most ``seconds``, and run it."""
        self._executor.spin_once(timeout_sec=max(seconds, 0.0))
        self._check()

    def spin_until(self, condition: Callable[[], bool], timeout: float | None = None) -> bool:
        """Run callbacks until a condition holds; return whether it does."""
        end = float("inf") if timeout is None else time.monotonic() + timeout
        while not condition():
            left = end - time.monotonic()
            if left <= 0:
                return False
            self.spin(min(left, 0.1))
        return True

    def find(self, look: Callable[[], _Found | None], patience: float = PATIENCE) -> _Found | None:
        """Look repeatedly until something is found, for at most ``patience`` [s]."""
        if self._spin_time is not None:
            patience = self._spin_time
        end = time.monotonic() + patience
        while True:
            found = look()
            if found or time.monotonic() > end:
                return found
            self.sleep(_POLL)

    def settled(self, look: Callable[[], _Found], at_least: float = _SETTLE) -> _Found:
        """Return what is found once it no longer changes."""
        begin = changed = time.monotonic()
        found = look()
        while True:
            self.sleep(_POLL)
            now, before, found = time.monotonic(), found, look()
            if found != before:
                changed = now
            if self._spin_time is not None:
                if now - begin > self._spin_time:
                    return found
            elif now - begin > _AT_MOST or (now - begin > at_least and now - changed > _QUIET):
                return found

    def call(self, client: Any, request: Any, timeout: float | None = None) -> Any:
        """Call an available service and return the response.

        Raises:
            CommandError: if there is no response in time, or the service goes away.
        """
        future = client.call_async(request)
        end = float("inf") if timeout is None else time.monotonic() + timeout
        while not future.done():
            if not self.spin_until(future.done, 0.5) and not client.service_is_ready():
                raise CommandError(f"service '{client.srv_name}' went away before it answered")
            if time.monotonic() > end and not future.done():
                raise CommandError(f"no answer from service '{client.srv_name}' in {timeout:g} s")
        return future.result()
