"""Which parameters a ROS 2 parameter file gives to a node, as rcl reads it.

A few forms are refused that rcl takes for something else than what is written: a value of another
type for the same name (it keeps the first), a name that is both a value and a section (the value is
lost), what follows ``ros__parameters`` in its section, and names with ``/`` or ``.`` for sections
within sections (what follows them is given to others).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from mbrl_ros.core.rcl_yaml import Pairs, check_value, merged, read_documents

#: Parameters that ROS 2 itself declares; one that ends in a dot stands for all below.
ROS_OWN = ("use_sim_time", "start_type_description_service", "qos_overrides.")
PARAMETERS = "ros__parameters"
_NODE = re.compile(r"/?(?:(?:\*{1,2}|[A-Za-z_]\w*)(?:/(?!$)|$))+", re.ASCII)


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
    found: dict[str, dict[str, Any]] = {}
    for tree in read_documents(text, keep_words):
        if not isinstance(tree, Pairs):
            kind = type(tree).__name__
            raise ValueError(f"expected node names with ros__parameters, got {kind}")
        _add_sections(found, "", tree)
    return [Section(_absolute(name), own) for name, own in found.items()]


def matching(sections: Iterable[Section], node: str) -> dict[str, Any]:
    """Return the parameters for a node, given its full name; later sections take precedence."""
    return {n: v for each in sections if each.is_for(node) for n, v in each.parameters.items()}


def _add_sections(found: dict[str, dict[str, Any]], node: str, content: Pairs) -> None:
    """Add what is below a name, as rcl joins them: 'node' and '/node' are two that match one."""
    where = _absolute(node) if node else ""
    for number, (key, inner) in enumerate(content, 1):
        _check_name(key)
        if key == PARAMETERS:
            if not node:
                raise ValueError(f"'{key}': expected below the name of a node, or below /**")
            if number < len(content):
                raise ValueError(
                    f"'{where}': expected {key} last, got '{content[number][0]}' after it"
                )
            if not _NODE.fullmatch(node):
                raise ValueError(f"'{where}': expected names of letters, digits and _, or * or **")
            if not isinstance(inner, Pairs):
                raise ValueError(f"'{where}': expected parameters, got {_shown(inner)}")
            try:
                _add_parameters(found.setdefault(node, {}), "", inner)
            except ValueError as error:
                raise ValueError(f"'{where}': {error}") from None
        elif key.startswith(PARAMETERS):
            raise ValueError(f"'{key}': expected {PARAMETERS}, for which ROS 2 takes it")
        elif not isinstance(inner, Pairs):
            at, what = (_absolute(node), f"'{key}'") if node else (key, _shown(inner))
            raise ValueError(f"'{at}': expected {PARAMETERS} below it, got {what}")
        elif node and "/" in key:
            raise ValueError(f"'{where}': expected a name without / below it, got '{key}'")
        else:
            _add_sections(found, f"{node.removesuffix('/')}/{key}" if node else key, inner)


def _add_parameters(found: dict[str, Any], prefix: str, content: Pairs) -> None:
    for key, value in content:
        _check_name(key)
        name = f"{prefix}{key}"
        if not isinstance(value, Pairs):
            check_value(name, merged(value))
            if name in found and _kind(found[name]) != _kind(value):
                raise ValueError(
                    f"parameter '{name}': expected one value, got {found[name]!r} and {value!r}"
                )
            found[name] = value
        elif not value:
            raise ValueError(f"parameter '{name}': expected a value, got {{}}")
        elif name in found:
            raise ValueError(
                f"parameter '{name}': expected one value, got {found[name]!r} and parameters below"
            )
        elif prefix and "." in key:
            raise ValueError(f"parameter '{name}': expected a section's name without '.' below it")
        else:
            _add_parameters(found, f"{name}.", value)


def _check_name(key: str) -> None:
    if not key.isprintable():
        raise ValueError(f"expected a name of printable characters, got {key!r}")


def _kind(value: Any) -> tuple[type, ...]:
    return (list, *map(type, value[:1])) if isinstance(value, list) else (type(value),)


def _absolute(name: str) -> str:
    return f"/{name.lstrip('/')}"


def _shown(tree: Any) -> str:
    return "nothing" if tree is None else repr(merged(tree))
