"""Names that one process of this machine has at a time."""

from __future__ import annotations

import os
import socket


def domain() -> str:
    """Return the DDS domain that this process's nodes are in."""
    return os.environ.get("ROS_DOMAIN_ID", "") or "0"


def claim(name: str) -> socket.socket:
    """Claim a name within the DDS domain until the socket is closed, or the process ends.

    A name in the kernel's abstract namespace leaves no file behind, is released however its process
    ends, and is confined to the network namespace.

    Raises:
        OSError: if another process has claimed it.
    """
    claimed = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        claimed.bind(f"\0mbrl_ros_domain_{domain()}{name}")
    except OSError:
        claimed.close()
        raise
    return claimed
