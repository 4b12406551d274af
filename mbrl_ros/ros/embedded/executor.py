"""The executor: waits in DDS and runs callbacks, one at a time."""

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from mbrl_ros.ros.embedded.context import Context, get_default_context
from mbrl_ros.ros.embedded.exceptions import ExternalShutdownException, RCLError
from mbrl_ros.ros.embedded.host import Host
from mbrl_ros.ros.embedded.task import Future
from mbrl_ros.ros.embedded.waitset import WaitSet


class ReentrantCallbackGroup:
    """Needed by rclpy alone: here a coroutine that waits keeps no other callback from running."""


class SingleThreadedExecutor:
    """Runs the callbacks of its nodes in the thread that spins it."""

    def __init__(self, *, context: Context | None = None) -> None:
        self._context = get_default_context() if context is None else context
        if not self._context.ok():
            raise RCLError("failed to create an executor: the context is invalid")
        self._session = self._context.session
        self._lock = threading.RLock()
        self._nodes: list[Host] = []
        self._wait_set: WaitSet | None = None
        self._attached: dict[int, Any] = {}  # by id of the entity
        self._stale = True
        self._is_shutdown = False
        self._woken = threading.Event()
        self._ready: deque[Any] = deque()
        self._context.on_shutdown(self.wake)

    @property
    def context(self) -> Context:
        """The context whose shutdown ends spinning."""
        return self._context

    def usable(self) -> bool:
        """Return whether its context is still valid, without a later `init()`."""
        return self._context.ok() and self._context.session == self._session

    def __del__(self) -> None:
        wait_set = getattr(self, "_wait_set", None)
        if wait_set is not None:
            wait_set.close()

    def add_node(self, node: Host) -> bool:
        """Add a node, to run its callbacks; returns whether it was new."""
        with self._lock:
            if node in self._nodes:
                return False
            other: SingleThreadedExecutor | None = node._executor
            if other is not None:
                other.remove_node(node)
            self._nodes.append(node)
            if self._wait_set is None:
                self._wait_set = WaitSet(node.participant)
            node._executor = self
            self.entities_changed()
            return True

    def remove_node(self, node: Host) -> None:
        """Stop running a node's callbacks."""
        with self._lock:
            if node in self._nodes:
                self._nodes.remove(node)
                if node._executor is self:
                    node._executor = None
                self.entities_changed()

    def get_nodes(self) -> list[Host]:
        """Return the nodes."""
        with self._lock:
            return list(self._nodes)

    def entities_changed(self) -> None:
        """Note that nodes or their entities were added or removed."""
        self._stale = True
        self.wake()

    def wake(self) -> None:
        """Make the spinning thread check for changes."""
        self._woken.set()
        wait_set = self._wait_set
        if wait_set is not None:
            wait_set.wake()

    def _refresh(self) -> None:
        """Update the wait set to the nodes' current entities."""
        with self._lock:
            wait_set = self._wait_set
            if not self._stale or wait_set is None:
                return
            self._stale = False
            wanted = {id(entity): entity for node in self._nodes for entity in node.entities()}
            for key in self._attached.keys() - wanted.keys():
                wait_set.detach(self._attached.pop(key).condition)
            for key in wanted.keys() - self._attached.keys():
                entity = self._attached[key] = wanted[key]
                wait_set.attach(entity.condition, entity)
                if getattr(entity, "has_more", False):  # of what another executor took
                    self._ready.append(entity)
                    wait_set.wake()

    def _timers(self) -> list[Any]:
        return [timer for node in self.get_nodes() for timer in node.timers]

    def _collect(self, timeout: int | None) -> None:
        """Wait for work, at most ``timeout`` nanoseconds, and queue it."""
        self._refresh()
        timers = self._timers()
        waits = [wait for timer in timers if (wait := timer.wait_time()) is not None]
        if any(timer.is_ready() for timer in timers):
            waits.append(0)
        if timeout is not None:
            waits.append(timeout)
        if self._wait_set is None:
            self._woken.wait(min(waits) / 1e9 if waits else None)
            self._woken.clear()
            ready = []
        else:
            try:
                ready = self._wait_set.wait(min(waits) if waits else None)
            except RCLError:
                if self._context.ok():
                    raise
                ready = []  # the last node is gone, and DDS with it
        if self._is_shutdown:
            return
        if not self._context.ok():
            raise ExternalShutdownException()
        self._ready.extend(timer for timer in timers if timer.is_ready())
        self._ready.extend(ready)

    def _spin_once(
        self, timeout: float | None, finished: Callable[[], bool] = lambda: False
    ) -> None:
        end = None if timeout is None or timeout < 0 else time.monotonic() + timeout
        while not self._ready:
            if self._is_shutdown or finished():
                return
            left = None if end is None else max(int((end - time.monotonic()) * 1e9), 0)
            self._collect(left)
            if not self._ready and end is not None and time.monotonic() >= end:
                return
        entity = self._ready.popleft()
        try:
            entity.execute()
        except RCLError:
            if self._context.ok():
                raise
            # The callback tried to publish just after the shutdown began.
            raise ExternalShutdownException() from None
        finally:
            if getattr(entity, "has_more", False):
                self._ready.append(entity)

    def spin_once(self, timeout_sec: float | None = None) -> None:
        """Wait for one callback and run it; its exceptions propagate.

        Raises:
            ExternalShutdownException: if the context is shut down meanwhile.
        """
        self._spin_once(timeout_sec)

    def spin(self) -> None:
        """Run callbacks until the context or this executor is shut down."""
        while self._context.ok() and not self._is_shutdown:
            self._spin_once(None)

    def spin_until_future_complete(self, future: Future, timeout_sec: float | None = None) -> None:
        """Run callbacks until a future is done, or the timeout expires."""
        future.add_done_callback(self._future_done)
        end = None if timeout_sec is None or timeout_sec < 0 else time.monotonic() + timeout_sec
        while self._context.ok() and not future.done() and not self._is_shutdown:
            left = None if end is None else end - time.monotonic()
            self._spin_once(None if left is None else max(left, 0.0), future.done)
            if left is not None and left <= 0:
                break
        future.remove_done_callback(self._future_done)

    def spin_once_until_future_complete(
        self, future: Future, timeout_sec: float | None = None
    ) -> None:
        """Run one callback, unless a future is done or the timeout expires first."""
        future.add_done_callback(self._future_done)
        self._spin_once(timeout_sec, future.done)
        future.remove_done_callback(self._future_done)

    def _future_done(self, future: Future) -> None:
        self.wake()

    def shutdown(self, timeout_sec: float | None = None) -> bool:
        """Stop spinning; returns True."""
        del timeout_sec  # callbacks run in the spinning thread: nothing to wait for
        self._is_shutdown = True
        self.wake()
        with self._lock:
            for node in self._nodes:
                if node._executor is self:
                    node._executor = None
            self._nodes.clear()
        return True

    def __enter__(self) -> "SingleThreadedExecutor":
        return self

    def __exit__(self, *exception: object) -> None:
        self.shutdown()


_global_executor: SingleThreadedExecutor | None = None


def _executor(executor: SingleThreadedExecutor | None) -> SingleThreadedExecutor:
    global _global_executor
    if executor is not None:
        return executor
    if _global_executor is None or not _global_executor.usable():
        _global_executor = SingleThreadedExecutor()
    return _global_executor


def spin(node: Host, executor: SingleThreadedExecutor | None = None) -> None:
    """Run a node's callbacks until the context is shut down.

    Raises:
        ExternalShutdownException: if that happens while waiting.
    """
    executor = _executor(executor)
    executor.add_node(node)
    try:
        executor.spin()
    finally:
        executor.remove_node(node)


def spin_once(
    node: Host,
    *,
    executor: SingleThreadedExecutor | None = None,
    timeout_sec: float | None = None,
) -> None:
    """Wait for one callback of a node and run it."""
    executor = _executor(executor)
    executor.add_node(node)
    try:
        executor.spin_once(timeout_sec)
    finally:
        executor.remove_node(node)


def spin_until_future_complete(
    node: Host,
    future: Future,
    executor: SingleThreadedExecutor | None = None,
    timeout_sec: float | None = None,
) -> None:
    """Run a node's callbacks until a future is done, or the timeout expires."""
    executor = _executor(executor)
    added = executor.add_node(node)
    try:
        executor.spin_until_future_complete(future, timeout_sec)
    finally:
        if added:
            executor.remove_node(node)
