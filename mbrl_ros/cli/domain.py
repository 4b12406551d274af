"""Checks that no other system uses the DDS domain."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Collection

from mbrl_ros.ros import Node

# Time for discovery of other participants [s].
_DISCOVERY = 1.0
_POLL = 0.05


class DomainInUseError(ValueError):
    """Another system is running on the domain; the message is one line."""


def claim_domain() -> socket.socket:
    """Claim the domain among the launchers of this machine, until the socket is closed.

    A name in the kernel's abstract namespace leaves no file behind, is released whenever its
    process ends, and is confined to the domain's network namespace.

    Raises:
        DomainInUseError: if another launcher has claimed it.
    """
    domain = os.environ.get("ROS_DOMAIN_ID", "") or "0"
    claim = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        claim.bind(f"\0mbrl_ros_domain_{domain}")
    except OSError:
        claim.close()
        raise DomainInUseError(_refusal("another `mbrl-ros launch` runs")) from None
    return claim


def check_unused(node: Node, names: Collection[str]) -> None:
    """Check that no nodes of such a system are on the domain.

    Args:
        node: any node, for discovery.
        names: names of the nodes to be started.

    Raises:
        DomainInUseError: if there are any.
    """
    end = time.monotonic() + _DISCOVERY
    while time.monotonic() < end:
        present = {n for n, namespace in node.get_node_names_and_namespaces() if namespace == "/"}
        if found := sorted(present & set(names)):
            raise DomainInUseError(_refusal(f"{', '.join(found)} running"))
        time.sleep(_POLL)


def _refusal(what: str) -> str:
    domain = os.environ.get("ROS_DOMAIN_ID", "") or "0"
    return f"ROS_DOMAIN_ID {domain} is in use: {what} there; stop it or choose another domain"
