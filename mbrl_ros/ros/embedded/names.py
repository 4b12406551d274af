"""Names of nodes, topics and services: rules, expansion and remapping."""

import re
from dataclasses import dataclass

from mbrl_ros.ros.embedded.exceptions import (
    InvalidNamespaceException,
    InvalidNodeNameException,
    InvalidServiceNameException,
    InvalidTopicNameException,
)

_TOKEN = r"[A-Za-z_][A-Za-z0-9_]*"
_NODE = re.compile(_TOKEN)
_NAMESPACE = re.compile(rf"/|(/{_TOKEN})+")
_TOPIC = re.compile(rf"(~|~?/{_TOKEN}|{_TOKEN})(/{_TOKEN})*")


def check_node_name(name: str) -> None:
    """Reject an invalid node name.

    Raises:
        InvalidNodeNameException: if it is invalid.
    """
    if not _NODE.fullmatch(name):
        raise InvalidNodeNameException(
            f"Invalid node name '{name}': letters, digits and _, not starting with a digit"
        )


def check_namespace(namespace: str) -> None:
    """Reject an invalid namespace.

    Raises:
        InvalidNamespaceException: if it is invalid.
    """
    if not _NAMESPACE.fullmatch(namespace):
        raise InvalidNamespaceException(
            f"Invalid namespace '{namespace}': must be absolute, tokens of letters, digits and _"
        )


def expand(name: str, node: str, namespace: str, is_service: bool = False) -> str:
    """Return the absolute name of a topic or service.

    Args:
        name: absolute, relative to the namespace, or private with a leading ``~``.
        node: name of the node.
        namespace: its namespace.
        is_service: selects the exception to raise.

    Raises:
        InvalidTopicNameException: or InvalidServiceNameException, if it is invalid.
    """
    if not _TOPIC.fullmatch(name):
        kind = InvalidServiceNameException if is_service else InvalidTopicNameException
        what = "service" if is_service else "topic"
        raise kind(
            f"Invalid {what} name '{name}': tokens of letters, digits and _ separated by /, "
            "not starting with a digit"
        )
    if name.startswith("/"):
        return name
    prefix = "" if namespace == "/" else namespace
    if name.startswith("~"):
        return f"{prefix}/{node}{name[1:]}"
    return f"{prefix}/{name}"


def qualified(node: str, namespace: str) -> str:
    """Return the full name of a node."""
    return f"{'' if namespace == '/' else namespace}/{node}"


@dataclass(frozen=True)
class Remap:
    """One rule ``[node:]from:=to``."""

    source: str
    target: str
    node: str | None = None


def parse_remap(text: str) -> Remap:
    """Parse a rule from the command line.

    Raises:
        ValueError: if it is malformed.
    """
    source, found, target = text.partition(":=")
    node = None
    # A colon before the rule names the node, except in rostopic:// and rosservice://.
    head, colon, tail = source.partition(":")
    if colon and not tail.startswith("//"):
        node, source = head, tail
    if not found or not source or not target:
        raise ValueError(f"'{text}' is not a remapping of the form from:=to")
    return Remap(source, target, node)


def remap_node(rules: list[Remap], node: str, namespace: str) -> tuple[str, str]:
    """Return name and namespace of a node after remapping."""
    renamed = node
    for rule in rules:
        if rule.source in ("__node", "__name") and rule.node in (None, node):
            renamed = rule.target
            break
    for rule in rules:
        if rule.source == "__ns" and rule.node in (None, node):
            namespace = rule.target
            break
    return renamed, namespace


def remap(
    rules: list[Remap], name: str, node: str, namespace: str, is_service: bool = False
) -> str:
    """Return the name that an absolute topic or service name is remapped to."""
    scheme = "rosservice://" if is_service else "rostopic://"
    for rule in rules:
        if rule.source.startswith("__") or rule.node not in (None, node):
            continue
        source = rule.source.removeprefix(scheme)
        if "://" in source:
            continue  # a rule for the other kind
        if expand(source, node, namespace, is_service) == name:
            return expand(rule.target, node, namespace, is_service)
    return name
