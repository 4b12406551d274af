"""How every node's process starts, spins and ends."""

from __future__ import annotations

import sys
from collections.abc import Callable

from mbrl_ros import ros


def run_node(factory: Callable[[], ros.Node], args: list[str] | None = None) -> int:
    """Run one node until it is told to stop.

    A mistake in the configuration (ValueError, OSError) ends the process with one line
    on standard error.

    Returns:
        the process's exit code: 0 after a signal or a shutdown, 2 for a bad configuration.
    """
    node = None
    try:
        ros.init(args=args)
        node = factory()
        ros.spin(node)
    except (KeyboardInterrupt, ros.ExternalShutdownException):
        pass
    except (ValueError, OSError) as error:
        if node is not None:
            raise
        print(f"error: {error}", file=sys.stderr)
        return 2
    finally:
        if node is not None:
            node.destroy_node()
        if ros.ok():
            ros.shutdown()
    return 0
