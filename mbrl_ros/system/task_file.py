"""What a parameter file says to the nodes of one system."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mbrl_ros.core.parameter_files import ROS_OWN, Section, read_sections
from mbrl_ros.core.settings import SettingsError, specs
from mbrl_ros.core.task import TaskSettings
from mbrl_ros.system.schema import NODES

#: Similarity from which on another name is taken for a misspelt one of ours: a letter or two.
MISSPELT = 0.9
_NAMESPACE = re.compile(r"/|(/[A-Za-z_]\w*)+", re.ASCII)


@dataclass(frozen=True)
class TaskFile:
    """The parameters that a file gives to the nodes in a namespace.

    Attributes:
        nodes: node name, or ``**`` for all, to flat parameters.
        ros: the same, of the parameters that ROS 2 itself declares.
        namespace: of the nodes; absolute.
        notes: what to tell the user, one line each.
    """

    nodes: dict[str, dict[str, Any]]
    ros: dict[str, dict[str, Any]]
    namespace: str
    notes: tuple[str, ...]


def absolute_namespace(name: str, parent: str = "", what: str = "namespace") -> str:
    """Return a namespace as an absolute name.

    Args:
        name: absolute, or relative to the parent.
        parent: an absolute namespace.
        what: parameter that it is the value of.

    Raises:
        SettingsError: if it is not a valid name.
    """
    whole = name if name.startswith("/") else f"{parent.rstrip('/')}/{name}"
    whole = whole.rstrip("/") or "/"
    if not _NAMESPACE.fullmatch(whole):
        raise SettingsError(
            f"{what}: expected letters, digits and _, not starting with a digit, got '{name}'"
        )
    return whole


def read_task_file(path: Path, namespace: str = "") -> TaskFile:
    """Read a ROS 2 parameter file.

    Sections of other nodes, and of ours in other namespaces, are passed over. A node's own section
    may repeat parameters of the task, as the output of ``ros2 param dump`` does.

    Args:
        path: of the file.
        namespace: of the nodes, absolute; empty: the one in which the file names them. If it names
            none there, but those of one other namespace, they are meant.

    Raises:
        SettingsError: if the file cannot be read or is malformed, misspells one of our nodes, names
            them in several namespaces, or gives them different tasks.
    """
    try:
        return parse_task(path.read_text(encoding="utf-8"), str(path), namespace)
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path}: {error}") from None


def parse_task(text: str, where: str, namespace: str = "") -> TaskFile:
    """Read the text of a ROS 2 parameter file; see `read_task_file`.

    Args:
        text: its content.
        where: it is from, in messages.
        namespace: as for `read_task_file`.
    """
    try:
        sections = read_sections(text, keep_words=True)
        source = _source(sections, namespace)
        known = [each for each in sections if _node(each, source)]
        others = [each.pattern for each in sections if not _node(each, source)]
        _check_spelling(others)
        if not known:
            named = ", ".join(others) or "nothing"
            raise ValueError(f"expected parameters of {', '.join(NODES)} or /**, got {named}")
        nodes: dict[str, dict[str, Any]] = {"**": {}, **{node: {} for node in NODES}}
        for each in known:
            nodes[_node(each, source)].update(each.parameters)
        ros = {node: _taken(own, _is_ros_own) for node, own in nodes.items()}
        _share_task(nodes)
    except ValueError as error:
        raise SettingsError(f"{where}: {error}") from None
    passed = f"{where}: parameters of other nodes are passed over: {', '.join(others)}"
    return TaskFile(nodes, ros, namespace or source, (passed,) if others else ())


def _node(section: Section, namespace: str) -> str:
    """Return the node in a namespace that a section is for: ``**`` for all, empty for none."""
    name = section.pattern.rpartition("/")[2]
    node = "**" if name in ("*", "**") else name
    some = NODES[0] if node == "**" else node
    fits = some in NODES and section.is_for(f"{namespace.rstrip('/')}/{some}")
    return node if fits else ""


def _source(sections: Iterable[Section], namespace: str) -> str:
    """Return the namespace whose sections are meant for our nodes."""
    ours = [each for each in sections if each.pattern.rpartition("/")[2] in NODES]
    if namespace and (not ours or any(_node(each, namespace) for each in ours)):
        return namespace
    # A pattern says where nodes may be, a name where they are.
    stated = [each for each in ours if "*" not in each.pattern] or ours
    if not ours or any(_node(each, "/") for each in stated):
        return "/"
    named = list(dict.fromkeys(each.pattern.rpartition("/")[0] for each in stated))
    if len(named) > 1 or "*" in named[0]:
        raise ValueError(f"expected namespace:=NAME, got nodes in namespaces: {', '.join(named)}")
    return absolute_namespace(named[0])


def _check_spelling(patterns: Iterable[str]) -> None:
    for pattern in patterns:
        name = pattern.rpartition("/")[2]
        close = difflib.get_close_matches(name.lower(), NODES, 1, MISSPELT)
        if close and name not in NODES:
            raise ValueError(f"unknown node '{name}': did you mean '{close[0]}'?")


def _is_ros_own(name: str) -> bool:
    return any(name == own or (own.endswith(".") and name.startswith(own)) for own in ROS_OWN)


def _share_task(nodes: Mapping[str, dict[str, Any]]) -> None:
    """Move the parameters of the task to those of all nodes."""
    task = {spec.name for spec in specs(TaskSettings)}
    shared = nodes["**"]
    stated = dict.fromkeys(shared, "/**")
    for node in NODES:
        for name, value in _taken(nodes[node], task.__contains__).items():
            if shared.setdefault(name, value) != value:
                raise ValueError(
                    f"'{name}' must be the same for all nodes, got {shared[name]!r} under "
                    f"{stated[name]} and {value!r} under {node}"
                )
            stated.setdefault(name, node)


def _taken(parameters: dict[str, Any], which: Any) -> dict[str, Any]:
    """Remove and return some of the parameters."""
    return {name: parameters.pop(name) for name in [n for n in parameters if which(n)]}
