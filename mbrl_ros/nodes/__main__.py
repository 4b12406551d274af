"""``python -m mbrl_ros.nodes NODE ...`` runs one node, without any entry point installed."""

import importlib
import signal
import sys
from typing import NoReturn

from mbrl_ros.nodes.runner import leave, obey_launch


def main() -> NoReturn:
    """Run the node, and end the process."""
    # Until the node sets its own handlers, a signal just ends it, without a traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    obey_launch(sys.argv)
    leave(importlib.import_module(f"mbrl_ros.nodes.{sys.argv[1]}").main(sys.argv[1:]))


if __name__ == "__main__":
    main()
