"""Starting, spinning and stopping a node's process."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable

from mbrl_ros import ros
from mbrl_ros.core.realtime import exempt_from_collection

# Maximum delay until the executor handles a signal [s].
_LOOK_UP = 0.2


def run_node(factory: Callable[[], ros.Node], args: list[str] | None = None) -> int:
    """Run one node until SIGINT, SIGTERM or a shutdown.

    The signals are caught here, since the middleware's own handlers would remove the topics before
    the node could finish: send the safe command, finish a bag.

    Args:
        factory: creates the node; ValueError and OSError from it mean an invalid configuration.
        args: the command line; None for the process's own.

    Returns:
        the process's exit code: 0, or 2 for an invalid configuration, reported in one line on
        standard error.
    """
    stop, built = threading.Event(), threading.Event()

    def end(*_: object) -> None:
        if not built.is_set():
            os._exit(0)  # there is nothing to finish yet, and building may take long
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    try:
        ros.init(args=args, signal_handler_options=ros.SignalHandlerOptions.NO)
        node = factory()
        built.set()
    except (ValueError, OSError, ros.RCLError) as error:
        print(f"error: {error}", file=sys.stderr)
        ros.try_shutdown()
        return 2
    executor = ros.SingleThreadedExecutor()
    executor.add_node(node)
    exempt_from_collection()
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
