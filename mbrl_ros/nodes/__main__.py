"""``python -m mbrl_ros.nodes NODE ...`` runs one node, without any entry point installed.

``--die-with PID`` before the node's name has the kernel kill this process as soon as its
parent, who must be that process, is gone.
"""

import ctypes
import importlib
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def _die_with(parent: int) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    # It may have died before the call.
    if os.getppid() != parent:
        sys.exit(f"error: the parent process {parent} is gone")


def main() -> int:
    """Run the node; return its exit code."""
    arguments = sys.argv[1:]
    if arguments[:1] == ["--die-with"]:
        _die_with(int(arguments[1]))
        arguments = arguments[2:]
    # Until the node sets its own handlers, a signal just ends it, without a traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    name, *rest = arguments
    return int(importlib.import_module(f"mbrl_ros.nodes.{name}").main([name, *rest]))


if __name__ == "__main__":
    sys.exit(main())
