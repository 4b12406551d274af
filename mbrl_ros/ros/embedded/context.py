"""Life cycle of the runtime in this process, from `init()` to `shutdown()`."""

import atexit
import sys
import threading
import weakref
from collections.abc import Callable
from typing import Any

from mbrl_ros.ros.embedded import logging, signals
from mbrl_ros.ros.embedded.arguments import Arguments, parse
from mbrl_ros.ros.embedded.dds import Participant, domain_id
from mbrl_ros.ros.embedded.exceptions import NotInitializedException, RCLError
from mbrl_ros.ros.embedded.graph import Graph


class _Membership:
    """A DDS participant with its graph, and the nodes that use them."""

    def __init__(self, domain: int, enclave: str) -> None:
        self.participant = Participant(domain, enclave)
        self.graph = Graph(self.participant)
        self.nodes: weakref.WeakSet[Any] = weakref.WeakSet()


class Context:
    """Arguments and DDS participant that the nodes of a process share."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._ok = False
        self._initialized = False
        #: Number of `init()` calls, by which an executor detects that it is outdated.
        self.session = 0
        self._callbacks: list[Any] = []
        # Of the present session, and all: nodes may outlive their session.
        self._membership: _Membership | None = None
        self._memberships: list[_Membership] = []
        self._domain_id = 0
        self.arguments = Arguments()

    def init(self, args: list[str] | None = None, *, domain_id: int | None = None) -> None:
        """Initialize from the arguments; ``args`` default to the process's own.

        Raises:
            RuntimeError: if it is already initialized.
            RCLError: if an argument or the environment is wrong.
        """
        with self._lock:
            if self._ok:
                raise RuntimeError("Context.init() must only be called once")
            self._domain_id = _domain_id(domain_id)
            self.arguments = parse(sys.argv if args is None else args)
            for name, level in self.arguments.log_levels.items():
                try:
                    logging.set_logger_level(name, logging.severity(level))
                except ValueError as error:
                    raise RCLError(f"argument --log-level: {error}") from None
            logging.set_console(self.arguments.console)
            self._close_unused()
            self._membership = None
            self._ok = self._initialized = True
            self.session += 1
            _contexts.add(self)

    def ok(self) -> bool:
        """Return whether it is initialized and not shut down."""
        return self._ok

    def get_domain_id(self) -> int:
        """Return the DDS domain ID.

        Raises:
            NotInitializedException: before `init()`.
        """
        if not self._initialized:
            raise NotInitializedException()
        return self._domain_id

    def shutdown(self) -> None:
        """Stop executors; nodes stay until they are destroyed.

        Raises:
            RuntimeError: if it is not initialized or was shut down already.
        """
        if not self._shut_down():
            raise RuntimeError("Context must be initialized before it can be shutdown")

    def try_shutdown(self) -> None:
        """Shut down, unless already done."""
        self._shut_down()

    def _shut_down(self) -> bool:
        with self._lock:
            if not self._ok:
                return False
            self._ok = False
            callbacks, self._callbacks = self._callbacks, []
        for reference in callbacks:
            callback = reference()
            if callback is not None:
                callback()
        self._close_unused()
        return True

    def on_shutdown(self, callback: Callable[[], None]) -> None:
        """Call a method once when the context is shut down; keeps only a weak reference."""
        with self._lock:
            self._callbacks = [kept for kept in self._callbacks if kept() is not None]
            self._callbacks.append(weakref.WeakMethod(callback))

    # For nodes.

    def join(self, node: Any) -> tuple[Participant, Graph]:
        """Return participant and graph for a new node.

        Raises:
            NotInitializedException: unless initialized.
            RCLError: if the DDS domain cannot be joined.
        """
        with self._lock:
            if not self._ok:
                raise NotInitializedException("cannot create node")
            if self._membership is None:
                self._membership = _Membership(self._domain_id, self.arguments.enclave)
                self._memberships.append(self._membership)
            self._membership.nodes.add(node)
            return self._membership.participant, self._membership.graph

    def leave(self, node: Any) -> None:
        """Note that a node has been destroyed."""
        with self._lock:
            for membership in self._memberships:
                membership.nodes.discard(node)
            self._close_unused()

    def _close_unused(self) -> None:
        """Leave domains without nodes; in that of the present session there may be some yet."""
        with self._lock:
            for membership in tuple(self._memberships):
                if not membership.nodes and not (self._ok and membership is self._membership):
                    self._close(membership)

    def close(self) -> None:
        """Leave the DDS domain, so that other participants notice at once."""
        with self._lock:
            for membership in tuple(self._memberships):
                self._close(membership)

    def _close(self, membership: _Membership) -> None:
        self._memberships.remove(membership)
        if membership is self._membership:
            self._membership = None
        membership.participant.close()


def _domain_id(wish: int | None) -> int:
    if wish is None:
        return domain_id()
    if not 0 <= wish <= 232:
        raise RCLError(f"domain id is {wish}, but must be from 0 to 232")
    return wish


_contexts: weakref.WeakSet[Context] = weakref.WeakSet()
_default = Context()


@atexit.register
def _at_exit() -> None:
    for context in list(_contexts):
        context.try_shutdown()
        context.close()
    signals.uninstall()


def get_default_context() -> Context:
    """Return the default context."""
    return _default


def init(
    args: list[str] | None = None,
    *,
    context: Context | None = None,
    domain_id: int | None = None,
    signal_handler_options: signals.SignalHandlerOptions = signals.SignalHandlerOptions.ALL,
) -> None:
    """Initialize the runtime; ``args`` default to the process's own.

    With the default context, SIGINT and SIGTERM shut it down from then on, unless
    ``signal_handler_options`` leaves them to the caller.
    """
    context = _default if context is None else context
    context.init(args, domain_id=domain_id)
    if context is _default and signal_handler_options is signals.SignalHandlerOptions.ALL:
        signals.install(context.try_shutdown)


def shutdown(*, context: Context | None = None) -> None:
    """Shut the runtime down.

    Raises:
        RuntimeError: if it is not initialized or was shut down already.
    """
    context = _default if context is None else context
    context.shutdown()
    if context is _default:
        signals.uninstall()


def try_shutdown(*, context: Context | None = None) -> None:
    """Shut the runtime down, unless already done."""
    context = _default if context is None else context
    context.try_shutdown()
    if context is _default:
        signals.uninstall()


def ok(*, context: Context | None = None) -> bool:
    """Return whether the runtime is initialized and not shut down."""
    return (_default if context is None else context).ok()
