"""`param set`."""

from __future__ import annotations

import argparse
from typing import Any

from mbrl_ros.cli.ros_tools.graph import call_node, find_node
from mbrl_ros.cli.ros_tools.interfaces import find_interface
from mbrl_ros.cli.ros_tools.parameter_text import set_value
from mbrl_ros.cli.ros_tools.session import Session
from mbrl_ros.cli.ros_tools.verbs import CommandError


def set_parameters(arguments: argparse.Namespace) -> int:
    """Set parameters, if the node accepts all of them.

    Raises:
        ValueError: if a name has no value.
        CommandError: if the node rejects them; then none is set.
    """
    words = [arguments.parameter_name, arguments.value, *arguments.more]
    if len(words) % 2:
        raise ValueError(f"parameter '{words[-1]}': expected a value after it")
    values = dict(zip(words[::2], words[1::2], strict=True))
    with Session(arguments.spin_time) as session:
        node = find_node(session, arguments.node_name)
        parameters = [_parameter(session, node, name, text) for name, text in values.items()]
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
    print(f"Set parameter successful{reason}")
    return 0


def _parameter(session: Session, node: Any, name: str, text: str) -> Any:
    """Return a parameter with a value parsed from text as the parameter's own type."""
    parameter = find_interface("rcl_interfaces/msg/Parameter", "msg")(name=name)
    described = call_node(
        session,
        node,
        "describe_parameters",
        "rcl_interfaces/srv/DescribeParameters",
        names=[name],
    ).descriptors
    fixed = [entry.type for entry in described if not entry.dynamic_typing]
    set_value(parameter.value, text, fixed[0] if fixed else 0)
    return parameter
