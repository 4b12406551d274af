"""Starting, spinning and stopping a node's process.

``--die-with PID`` on its command line ends a node, as SIGTERM does, when its parent is gone, which
is that process. So no node goes on commanding a robot after its launch was killed.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from mbrl_ros import ros
from mbrl_ros.core.claims import claim, domain
from mbrl_ros.core.pending import Watch
from mbrl_ros.core.realtime import exempt_from_collection

# Maximum delay until the executor handles a signal [s].
_LOOK_UP = 0.2
_DIE_WITH = "--die-with"
_PR_SET_PDEATHSIG = 1


def dying_with_this_process() -> list[str]:
    """Return the arguments for a node that this process starts, on the main thread."""
    return [_DIE_WITH, str(os.getpid())]


def obey_launch(arguments: list[str]) -> None:
    """Do as ``--die-with PID`` says, and remove it from the arguments; before anything slow."""
    if _DIE_WITH not in arguments:
        return
    place = arguments.index(_DIE_WITH)
    parent = int(arguments[place + 1])
    del arguments[place : place + 2]
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    # It may have died before the call. A launch prefix can be a process in between.
    if os.getppid() != parent and not _lives(parent):
        print(f"error: the parent process {parent} is gone", file=sys.stderr)
        leave(1)


def leave(code: int) -> NoReturn:
    """End the process of a node that has finished.

    Without Python's own finalization: that of torch takes up to 20 s on a busy machine.
    """
    for stream in (sys.stdout, sys.stderr):
        # Closed, or a pipe to a launch that is gone.
        with contextlib.suppress(AttributeError, OSError, ValueError):
            stream.flush()
    os._exit(code)


def run_node(factory: Callable[[], ros.Node], args: list[str] | None = None) -> int:
    """Run one node until SIGINT, SIGTERM or a shutdown.

    The signals are caught here, since the middleware's own handlers would remove the topics before
    the node could finish: send the safe command, finish a bag.

    Args:
        factory: creates the node; ValueError and OSError from it mean an invalid configuration, as
            does another process of this machine that runs a node of the same name.
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
    with Watch(lambda text: print(f"[WARN] {text}", file=sys.stderr)):
        return _run(factory, args, stop, built)


def _run(
    factory: Callable[[], ros.Node],
    args: list[str] | None,
    stop: threading.Event,
    built: threading.Event,
) -> int:
    try:
        ros.init(args=args, signal_handler_options=ros.SignalHandlerOptions.NO)
        node = factory()
        claimed = _claim(node.get_fully_qualified_name())
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
        claimed.close()
    return 0


def _claim(name: str) -> socket.socket:
    """Claim a node's name: two of a name would command one plant, and log each other's data.

    Raises:
        ValueError: if another process of this machine has it.
    """
    try:
        return claim(f" node {name}")
    except OSError:
        raise ValueError(
            f"{name} runs already on this machine in ROS_DOMAIN_ID {domain()}; "
            "stop it or choose another domain or namespace"
        ) from None


def _lives(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
