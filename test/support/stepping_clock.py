"""A node whose system clock steps by an hour in both directions all the time."""


def run_with_stepping_clock(node):
    """Return the code that runs a node, as for ``python -c``: no time of its is that clock's."""
    return f"""
import sys, time
true = time.time_ns
def stepped():
    return true() + 3_600_000_000_000 * (int(4 * time.monotonic()) % 3 - 1)
time.time_ns, time.time = stepped, lambda: 1e-9 * stepped()
from mbrl_ros.nodes.{node} import main
sys.exit(main())
"""
