"""Found parameters, written into a parameter file that otherwise stays as it is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from mbrl_ros.core.rcl_yaml import write_yaml
from mbrl_ros.core.settings import SettingsError
from mbrl_ros.system.task_file import parse_task


def filled(text: str, values: Mapping[str, Mapping[str, Any]], where: str, mark: str) -> str:
    """Return a parameter file's text with further parameters, comments and all else kept.

    Each is a line of its own that ends with the mark, as do new sections; lines with the mark from
    before are replaced.

    Args:
        text: of the file; empty: a new one.
        values: node name, or ``**``, to flat parameters.
        where: the text is from, in messages.
        mark: a comment.

    Raises:
        SettingsError: if the file has values of its own for them, or is malformed.
    """
    lines = [line for line in text.splitlines() if not line.endswith(f"# {mark}")]
    before = parse_task("\n".join(lines), where).nodes if any(_values(lines)) else {}
    for node, own in values.items():
        if taken := sorted(own.keys() & before.get(node, {}).keys()):
            told = ", ".join(f"{name}: {before[node][name]}" for name in taken)
            raise SettingsError(f"{where}: {node}: expected no value to be replaced, got {told}")
        written = [f"{name}: {_flow(value)}  # {mark}" for name, value in own.items()]
        place = _place(lines, node)
        if place is None:
            name = "/**" if node == "**" else node
            lines += [f"{line}  # {mark}" for line in (f"{name}:", "  ros__parameters:")]
            place = len(lines), "    "
        lines[place[0] : place[0]] = [place[1] + line for line in written]
    made = "\n".join(lines) + "\n"
    after = parse_task(made, where).nodes
    expected = {node: {**before.get(node, {}), **values.get(node, {})} for node in after}
    if after != expected:
        raise SettingsError(f"{where}: cannot be filled: write into a new file instead (-o)")
    return made


def _values(lines: list[str]) -> list[str]:
    """Return the lines that are neither empty nor comments."""
    return [line for line in lines if line.strip() and not line.lstrip().startswith("#")]


def _flow(value: Any) -> str:
    return write_yaml(value, default_flow_style=True).removesuffix("\n").removesuffix("\n...")


def _place(lines: list[str], node: str) -> tuple[int, str] | None:
    """Return where a node's parameters begin, and how far they are indented; None: nowhere."""
    name = r"/\*\*" if node == "**" else rf"(/|/\*\*/)?{node}"
    head = next((i for i, line in enumerate(lines) if re.match(rf"{name}:\s*(#.*)?$", line)), None)
    if head is None:
        return None
    for i in range(head + 1, len(lines) - 1):
        if re.match(r"\s+ros__parameters:\s*(#.*)?$", lines[i]):
            inner = next((line for line in lines[i + 1 :] if _values([line])), "")
            return i + 1, inner[: len(inner) - len(inner.lstrip())]
    return None
