"""`param set`."""

from __future__ import annotations

import argparse

from mbrl_ros.cli.ros_tools.graph import call_node, find_node
from mbrl_ros.cli.ros_tools.interfaces import find_interface
from mbrl_ros.cli.ros_tools.parameter_text import set_value
from mbrl_ros.cli.ros_tools.session import Session
from mbrl_ros.cli.ros_tools.verbs import CommandError


def set_parameter(arguments: argparse.Namespace) -> int:
    """Set a parameter, if the node agrees."""
    parameter = find_interface("rcl_interfaces/msg/Parameter", "msg")()
    parameter.name = arguments.parameter_name
    with Session(arguments.spin_time) as session:
        node = find_node(session, arguments.node_name)
        described = call_node(
            session,
            node,
            "describe_parameters",
            "rcl_interfaces/srv/DescribeParameters",
            names=[parameter.name],
        ).descriptors
        fixed = [entry.type for entry in described if not entry.dynamic_typing]
        set_value(parameter.value, arguments.value, fixed[0] if fixed else 0)
        answer = call_node(
            session,
            node,
            "set_parameters",
            "rcl_interfaces/srv/SetParameters",
            parameters=[parameter],
        )
    for result in answer.results:
        reason = f": {result.reason}" if result.reason else ""
        if not result.successful:
            raise CommandError(f"Setting parameter failed{reason}")
        print(f"Set parameter successful{reason}")
    return 0
