"""Which parameters a ROS 2 parameter file gives to a node, as rcl reads it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from mbrl_ros.core.rcl_yaml import check_value, read_yaml
from mbrl_ros.core.settings import flatten

#: Parameters that ROS 2 itself declares; one that ends in a dot stands for all below.
ROS_OWN = ("use_sim_time", "start_type_description_service", "qos_overrides.")


@dataclass(frozen=True)
class Section:
    """Parameters of the nodes that a pattern matches.

    Attributes:
        pattern: full name of a node, in which ``*`` stands for one token and ``**`` for any number.
        parameters: flat.
    """

    pattern: str
    parameters: dict[str, Any]

    def is_for(self, node: str) -> bool:
        """Return whether it is for a node, given its full name."""
        expression = "".join(
            r"(/[^/]+)*" if token == "**" else "/[^/]+" if token == "*" else "/" + re.escape(token)
            for token in self.pattern.strip("/").split("/")
        )
        return re.fullmatch(expression, node) is not None


def read_sections(text: str, keep_words: bool = False) -> list[Section]:
    """Read a parameter file.

    Args:
        text: its content.
        keep_words: as for `read_yaml`.

    Returns:
        its sections in order.

    Raises:
        ValueError: one line, if it is not a parameter file.
    """
    try:
        tree = read_yaml(text, keep_words)
    except ValueError as error:
        raise ValueError(f"not YAML: {error}") from None
    if tree is None:
        return []
    if not isinstance(tree, dict):
        raise ValueError(f"expected node names with ros__parameters, got {type(tree).__name__}")
    if "ros__parameters" in tree:
        raise ValueError("'ros__parameters': expected below the name of a node, or below /**")
    return list(_sections("", tree))


def matching(sections: Iterable[Section], node: str) -> dict[str, Any]:
    """Return the parameters for a node, given its full name; later sections take precedence."""
    return {n: v for each in sections if each.is_for(node) for n, v in each.parameters.items()}


def _sections(pattern: str, content: dict[Any, Any]) -> Iterator[Section]:
    for key, inner in content.items():
        if key == "ros__parameters":
            yield Section(pattern, _parameters(pattern, inner))
        elif isinstance(inner, dict):
            yield from _sections(f"{pattern}/{str(key).strip('/')}", inner)
        else:
            where, what = (pattern, f"'{key}'") if pattern else (key, repr(inner))
            raise ValueError(f"'{where}': expected ros__parameters below it, got {what}")


def _parameters(pattern: str, content: Any) -> dict[str, Any]:
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ValueError(f"'{pattern}': expected parameters, got {content!r}")
    parameters = flatten(content)
    try:
        for name, value in parameters.items():
            check_value(name, value)
    except ValueError as error:
        raise ValueError(f"'{pattern}': {error}") from None
    return parameters
