"""Whether the DDS domain is free for a system of ours."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Collection

from mbrl_ros.ros import Node

# How long others have to show themselves [s].
_DISCOVERY = 1.0
_POLL = 0.05


class DomainInUseError(ValueError):
    """Another system is running there; one line that says so."""


def claim_domain() -> socket.socket:
    """Claim the domain among the launchers of this machine, until the socket is closed.

    A name in the kernel's abstract namespace leaves no file behind, goes away with its
    process however that dies, and is confined to the network that the domain is on.

    Raises:
        DomainInUseError: if another launcher has it.
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
    """Check that no nodes of a system of ours are on the domain.

    Args:
        node: any node, to look around with.
        names: of the nodes to be started.

    Raises:
        DomainInUseError: if there are.
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
