"""`robot standin`."""

from __future__ import annotations

import argparse
import os

from mbrl_ros.cli.node_process import python_command
from mbrl_ros.system.rehearsed_plants import standin_file


def run(arguments: argparse.Namespace) -> int:
    """Become the node robot_standin."""
    file = standin_file(arguments.file)
    words = ["robot_standin", "--ros-args", "--params-file", str(file)]
    command = python_command("mbrl_ros.nodes.__main__", *words)
    os.execv(command[0], command)
