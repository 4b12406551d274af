"""Names in the graph: validating, listing, hiding and finding them."""

from __future__ import annotations

import re
from typing import Any

from mbrl_ros.cli.ros_tools.interfaces import find_interface
from mbrl_ros.cli.ros_tools.session import Session
from mbrl_ros.cli.ros_tools.verbs import CommandError

NamesAndTypes = list[tuple[str, list[str]]]

#: Timeout for a node's response about itself [s].
_ANSWER = 10.0
_NAME = re.compile(r"/[A-Za-z_]\w*(/[A-Za-z_]\w*)*", re.ASCII)


def absolute(name: str, what: str) -> str:
    """Return a name with its leading slash.

    Raises:
        ValueError: if it cannot be the name of a topic, service or node.
    """
    full = name if name.startswith("/") else f"/{name}"
    if not _NAME.fullmatch(full):
        raise ValueError(
            f"'{name}' is not a {what} name: letters, digits and _ between slashes, no part "
            "starting with a digit"
        )
    return full


def split(full_name: str) -> tuple[str, str]:
    """Return name and namespace of a node."""
    namespace, _, name = full_name.rpartition("/")
    return name, namespace or "/"


def is_hidden(name: str) -> bool:
    """Return whether a name is left out of lists."""
    return any(part.startswith("_") for part in name.split("/"))


def visible(names: NamesAndTypes, hidden_too: bool = False) -> NamesAndTypes:
    """Return names sorted, without the hidden ones."""
    return sorted(entry for entry in names if hidden_too or not is_hidden(entry[0]))


def print_names(names: NamesAndTypes, only_count: bool, with_types: bool) -> None:
    """Print topics or services, one per line, or only their number."""
    if only_count:
        print(len(names))
        return
    for name, types in names:
        print(f"{name} [{', '.join(types)}]" if with_types else name)


def node_names(session: Session, hidden_too: bool = False) -> list[str]:
    """Return the full names of the nodes discovered so far, sorted."""
    found = [
        f"{'' if namespace == '/' else namespace}/{name}"
        for name, namespace in session.node.get_node_names_and_namespaces()
    ]
    return sorted(name for name in found if hidden_too or not is_hidden(name))


def find_node(session: Session, name: str) -> str:
    """Wait for a node and return its full name.

    Raises:
        CommandError: if it does not appear.
    """
    full = absolute(name, "node")
    if not session.find(lambda: full in node_names(session, True)):
        raise CommandError(f"Node not found: '{full}'")
    return full


def call_node(
    session: Session, node: str, service: str, kind: str, timeout: float = _ANSWER, **fields: Any
) -> Any:
    """Call a service that every node of a kind has, and return the response.

    Args:
        session: its node is the client.
        node: full name of the other node.
        service: last part of the service's name.
        kind: its type, such as lifecycle_msgs/srv/GetState.
        timeout: for the response [s].
        **fields: fields of the request.

    Raises:
        CommandError: if the service is not available or does not respond.
    """
    service_type = find_interface(kind, "srv")
    client = session.node.create_client(service_type, f"{node}/{service}")
    try:
        if not session.find(client.service_is_ready):
            raise CommandError(f"node '{node}' does not offer the service '{node}/{service}'")
        return session.call(client, service_type.Request(**fields), timeout)
    finally:
        session.node.destroy_client(client)
