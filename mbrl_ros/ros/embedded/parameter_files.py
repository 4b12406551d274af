"""Parameter files, and the values in them."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from mbrl_ros.core.rcl_yaml import check_value, read_yaml

Entry = tuple[str, str, Any]


def parse_value(text: str) -> Any:
    """Return the value of a parameter written on the command line.

    Raises:
        ValueError: if no parameter can have it.
    """
    return check_value(text, read_yaml(text)) if text else ""


def _flatten(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flatten(f"{name}.{key}" if name else str(key), inner)
    else:
        yield name, check_value(name, value)


def _sections(pattern: str, content: Any) -> Iterator[Entry]:
    if not isinstance(content, dict):
        raise ValueError(f"'{pattern}' must hold ros__parameters")
    for key, inner in content.items():
        if key == "ros__parameters":
            if inner is not None and not isinstance(inner, dict):
                raise ValueError(f"ros__parameters of '{pattern}' must be names and values")
            for name, value in _flatten("", inner or {}):
                yield pattern, name, value
        else:
            yield from _sections(f"{pattern}/{str(key).strip('/')}", inner)


def load_parameter_file(path: str | Path) -> list[Entry]:
    """Read a parameter file.

    Returns:
        Node name pattern, dotted name and value of each parameter, in order.

    Raises:
        OSError: if it cannot be read.
        ValueError: if it is not a parameter file.
    """
    content = read_yaml(Path(path).read_text(encoding="utf-8"))
    if content is None:
        return []
    if not isinstance(content, dict) or "ros__parameters" in content:
        raise ValueError("a parameter file starts with the names of nodes, or with /**")
    return list(_sections("", content))


def _matches(pattern: str, node: str) -> bool:
    expression = "".join(
        r"(/[^/]+)*" if token == "**" else "/[^/]+" if token == "*" else "/" + re.escape(token)
        for token in pattern.strip("/").split("/")
    )
    return re.fullmatch(expression, node) is not None


def matching(entries: Iterable[Entry], node: str) -> dict[str, Any]:
    """Return the parameters for a node, given its full name; exact patterns take precedence."""
    entries = list(entries)
    values: dict[str, Any] = {}
    for wildcard in (True, False):
        for pattern, name, value in entries:
            if ("*" in pattern) == wildcard and _matches(pattern, node):
                values[name] = value
    return values
