"""Checks that no other system uses a namespace of the DDS domain."""

from __future__ import annotations

import socket
import time
from collections.abc import Collection

from mbrl_ros.core.claims import claim, domain
from mbrl_ros.ros import Node

# Time for discovery of other participants [s].
_DISCOVERY = 1.0
_POLL = 0.05


class DomainInUseError(ValueError):
    """Another system is running there; the message is one line."""


def claim_domain(namespace: str) -> socket.socket:
    """Claim a namespace of the domain among this machine's launchers, until the socket is closed.

    Raises:
        DomainInUseError: if another launcher has claimed it.
    """
    try:
        return claim(namespace)
    except OSError:
        raise DomainInUseError(_refusal("another `mbrl-ros launch` runs", namespace)) from None


def check_unused(node: Node, names: Collection[str]) -> None:
    """Check that no nodes of such a system are in a namespace of the domain.

    Args:
        node: any node in the namespace, for discovery.
        names: names of the nodes to be started.

    Raises:
        DomainInUseError: if there are any.
    """
    end, own = time.monotonic() + _DISCOVERY, node.get_namespace()
    while time.monotonic() < end:
        present = {n for n, namespace in node.get_node_names_and_namespaces() if namespace == own}
        if found := sorted(present & set(names)):
            raise DomainInUseError(_refusal(f"{', '.join(found)} running", own))
        time.sleep(_POLL)


def _refusal(what: str, namespace: str) -> str:
    where = f"ROS_DOMAIN_ID {domain()}" + (f", {namespace}," if namespace != "/" else "")
    return f"{where} is in use: {what} there; stop it or choose another domain or namespace"
