"""`param list`, `get`, `describe` and `dump`."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from mbrl_ros.cli.ros_tools.graph import call_node, find_node, node_names
from mbrl_ros.cli.ros_tools.parameter_text import TYPES, value_of
from mbrl_ros.cli.ros_tools.session import Session
from mbrl_ros.cli.ros_tools.verbs import CommandError
from mbrl_ros.core.rcl_yaml import write_yaml

_SERVICES = "rcl_interfaces/srv"


def list_parameters(arguments: argparse.Namespace) -> int:
    """Print the parameters of one node, or of all."""
    failed = False
    with Session(arguments.spin_time) as session:
        if arguments.node_name:
            nodes = [find_node(session, arguments.node_name)]
        else:
            hidden = arguments.include_hidden_nodes
            nodes = session.settled(lambda: node_names(session, hidden))
        for node in nodes:
            try:
                names = _names(session, node)
                described = descriptors(session, node, names) if arguments.param_type else []
            except CommandError as error:
                if arguments.node_name:
                    raise
                print(error, file=sys.stderr)
                failed = True
                continue
            if names and not arguments.node_name:
                print(f"{node}:")
            types = {entry.name: TYPES[entry.type][0] for entry in described}
            for name in names:
                print(f"  {name} (type: {types[name]})" if name in types else f"  {name}")
    return int(failed)


def get(arguments: argparse.Namespace) -> int:
    """Print the value of a parameter."""
    with Session(arguments.spin_time) as session:
        node = find_node(session, arguments.node_name)
        values = _values(session, node, [arguments.parameter_name])
    if not values:
        raise CommandError(f"Parameter not set: '{arguments.parameter_name}'")
    value, label = value_of(values[0]), TYPES[values[0].type][2]
    if arguments.hide_type:
        print(value)
    else:
        print(label if value is None else f"{label} {value}")
    return 0


def describe(arguments: argparse.Namespace) -> int:
    """Print descriptions and constraints of parameters."""
    with Session(arguments.spin_time) as session:
        node = find_node(session, arguments.node_name)
        for name in arguments.parameter_names:
            # One by one: nodes return nothing if any of several is unknown.
            found = descriptors(session, node, [name])
            if not found:
                raise CommandError(f"Parameter not set: '{name}'")
            print("\n".join(_description(found[0])))
    return 0


def _description(entry: Any) -> list[str]:
    lines = [f"Parameter name: {entry.name}", f"  Type: {TYPES[entry.type][0]}"]
    if entry.description:
        lines.append(f"  Description: {entry.description}")
    lines.append("  Constraints:")
    if entry.read_only:
        lines.append("    Read only: true")
    for bounds in [*entry.floating_point_range, *entry.integer_range][:1]:
        lines += [f"    Min value: {bounds.from_value}", f"    Max value: {bounds.to_value}"]
        if bounds.step:
            lines.append(f"    Step: {bounds.step}")
    if entry.additional_constraints:
        lines.append(f"    Additional constraints: {entry.additional_constraints}")
    return lines


def dump(arguments: argparse.Namespace) -> int:
    """Print the parameters of a node as a file for starting it."""
    with Session(arguments.spin_time) as session:
        node = find_node(session, arguments.node_name)
        names = _names(session, node)
        values = set_values(session, node, names)
    tree: dict[str, Any] = {}
    for name, value in values.items():
        _insert(tree, name, value)
    text = write_yaml({node: {"ros__parameters": tree}}, allow_unicode=True)
    print(text, end="")
    return 0


def _insert(tree: dict[str, Any], name: str, value: Any) -> None:
    head, dot, tail = name.partition(".")
    # A name may be both a parameter and a group; then the full name is kept.
    if dot and isinstance(tree.setdefault(head, {}), dict):
        _insert(tree[head], tail, value)
    else:
        tree[name] = value


def _names(session: Session, node: str) -> list[str]:
    answer = call_node(session, node, "list_parameters", f"{_SERVICES}/ListParameters")
    return sorted(answer.result.names)


def _values(session: Session, node: str, names: list[str]) -> list[Any]:
    kind = f"{_SERVICES}/GetParameters"
    return list(call_node(session, node, "get_parameters", kind, names=names).values)


def set_values(session: Session, node: str, names: list[str]) -> dict[str, Any]:
    """Return the values of those parameters that have one."""
    messages = _values(session, node, names) if names else []
    if len(messages) == len(names):
        values = zip(names, map(value_of, messages), strict=True)
        return {name: value for name, value in values if value is not None}
    if len(names) == 1:
        return {}
    # Nodes return nothing if any of several is not set. Search both halves for it.
    middle = len(names) // 2
    halves = (names[:middle], names[middle:])
    return {k: v for half in halves for k, v in set_values(session, node, half).items()}


def descriptors(session: Session, node: str, names: list[str]) -> list[Any]:
    """Return the descriptors of parameters; none at all if the node lacks one of them."""
    kind = f"{_SERVICES}/DescribeParameters"
    return list(call_node(session, node, "describe_parameters", kind, names=names).descriptors)
