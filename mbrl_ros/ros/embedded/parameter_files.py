"""Parameter files, and the values in them."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

Entry = tuple[str, str, Any]


class _Loader(yaml.SafeLoader):
    """YAML with the types of rcl's parser: 1e-3 is a number, 12:30:00 a string."""


_Loader.yaml_implicit_resolvers = {
    first: [
        (tag, pattern)
        for tag, pattern in resolvers
        if not tag.endswith((":timestamp", ":float", ":int"))
    ]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:int", re.compile(r"[-+]?(0x[0-9a-fA-F]+|0o?[0-7]+|[0-9]+)$"), None
)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(
        r"([-+]?([0-9]+\.[0-9]*|\.[0-9]+|[0-9]+)([eE][-+]?[0-9]+)?"
        r"|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$"
    ),
    None,
)


def _load(text: str) -> Any:
    try:
        return yaml.load(text, _Loader)  # _Loader is a SafeLoader
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from None


def _checked(name: str, value: Any) -> Any:
    """Reject what no parameter can hold, as in ROS 2 a list of mixed types such as [1, 2.5]."""
    if isinstance(value, list):
        kinds = {type(item) for item in value}
        if len(kinds) > 1 or not kinds <= {bool, int, float, str}:
            raise ValueError(f"parameter '{name}': a list must hold values of one simple type")
    elif not isinstance(value, bool | int | float | str):
        raise ValueError(f"parameter '{name}' has a value that no parameter can have")
    return value


def parse_value(text: str) -> Any:
    """Return the value of a parameter written on the command line.

    Raises:
        ValueError: if no parameter can have it.
    """
    return _checked(text, _load(text)) if text else ""


def _flatten(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flatten(f"{name}.{key}" if name else str(key), inner)
    else:
        yield name, _checked(name, value)


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
    content = _load(Path(path).read_text(encoding="utf-8"))
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
