"""`param set` and `param load`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from mbrl_ros.cli.ros_tools.graph import call_node, find_node
from mbrl_ros.cli.ros_tools.interfaces import find_interface
from mbrl_ros.cli.ros_tools.param_read import descriptors, set_values
from mbrl_ros.cli.ros_tools.parameter_text import parsed, set_value, value_of
from mbrl_ros.cli.ros_tools.session import Session
from mbrl_ros.cli.ros_tools.verbs import CommandError
from mbrl_ros.core.parameter_files import matching, read_sections


def set_parameters(arguments: argparse.Namespace) -> int:
    """Set parameters, if the node accepts all of them.

    Raises:
        ValueError: if a name has no value.
        CommandError: if the node rejects them; then none is set.
    """
    words = [arguments.parameter_name, arguments.value, *arguments.more]
    if len(words) % 2:
        raise ValueError(f"parameter '{words[-1]}': expected a value after it")
    texts = dict(zip(words[::2], words[1::2], strict=True))
    with Session(arguments.spin_time) as session:
        node = find_node(session, arguments.node_name)
        types = _types(session, node, [*texts])
        parameters = [
            _parameter(name, parsed(text), types.get(name, 0), text) for name, text in texts.items()
        ]
        reason = _set(session, node, parameters)
    print(f"Set parameter successful{reason}")
    return 0


def load(arguments: argparse.Namespace) -> int:
    """Set what a parameter file says for a node and what is not so already.

    Raises:
        ValueError: if it is no parameter file, or has nothing for the node.
        OSError: if it cannot be read.
        CommandError: if the node rejects a value; then none is set.
    """
    path = Path(arguments.parameter_file)
    try:
        sections = read_sections(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    with Session(arguments.spin_time) as session:
        node = find_node(session, arguments.node_name)
        given = matching(sections, node)
        if not given:
            raise ValueError(f"{path}: no parameters for {node}")
        types, present = _types(session, node, [*given]), set_values(session, node, [*given])
        parameters = [_parameter(name, value, types.get(name, 0)) for name, value in given.items()]
        # What never changes may stand in the file as it is.
        changed = [p for p in parameters if value_of(p.value) != present.get(p.name)]
        reason = _set(session, node, changed) if changed else ""
    print(f"Set {len(changed)} of {len(given)} parameters; the others are so already{reason}")
    return 0


def _set(session: Session, node: str, parameters: list[Any]) -> str:
    """Set parameters atomically; return a remark of the node."""
    answer = call_node(
        session,
        node,
        "set_parameters_atomically",
        "rcl_interfaces/srv/SetParametersAtomically",
        parameters=parameters,
    )
    reason = f": {answer.result.reason}" if answer.result.reason else ""
    if not answer.result.successful:
        raise CommandError(f"Setting parameter failed{reason}")
    return reason


def _parameter(name: str, value: Any, wanted: int, text: str = "") -> Any:
    """Return a parameter with a value of the parameter's own type."""
    parameter = find_interface("rcl_interfaces/msg/Parameter", "msg")(name=name)
    try:
        set_value(parameter.value, value, wanted, text)
    except ValueError as error:
        raise ValueError(f"parameter '{name}': {error}") from None
    return parameter


def _types(session: Session, node: str, names: list[str]) -> dict[str, int]:
    """Return the types of those parameters that the node has, and that have a type for good."""
    described = descriptors(session, node, names)
    if len(names) > 1 and len(described) != len(names):
        # Nodes return nothing if any of several is unknown.
        described = [entry for name in names for entry in descriptors(session, node, [name])]
    return {entry.name: entry.type for entry in described if not entry.dynamic_typing}
