"""How every node's process starts, spins and ends."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable

from mbrl_ros import ros

# How long a signal may wait for the executor to look up [s].
_LOOK_UP = 0.2


def run_node(factory: Callable[[], ros.Node], args: list[str] | None = None) -> int:
    """Run one node until SIGINT, SIGTERM or a shutdown.

    The signals are caught here, since the middleware's own handlers would take away the
    topics before the node could say its last word: the safe command, the end of a bag.

    Args:
        factory: makes the node; ValueError and OSError from it mean a bad configuration.
        args: the command line; None for the process's own.

    Returns:
        the process's exit code: 0 at the end, 2 for a bad configuration, which is told in
        one line on standard error.
    """
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        ros.init(args=args, signal_handler_options=ros.SignalHandlerOptions.NO)
        node = factory()
    except (ValueError, OSError, ros.RCLError) as error:
        print(f"error: {error}", file=sys.stderr)
        ros.try_shutdown()
        return 2
    executor = ros.SingleThreadedExecutor()
    executor.add_node(node)
    try:
        while ros.ok() and not stop.is_set():
            executor.spin_once(timeout_sec=_LOOK_UP)
    except ros.ExternalShutdownException:
        pass
    finally:
        node.destroy_node()
        executor.shutdown()
        ros.try_shutdown()
    return 0
