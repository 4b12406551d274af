"""`robot standin`."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from mbrl_ros.cli.node_process import python_command
from mbrl_ros.core.resources import resource_directory
from mbrl_ros.core.settings import SettingsError


def run(arguments: argparse.Namespace) -> int:
    """Become the node robot_standin."""
    folder = resource_directory("config") / "robots" / "standins"
    file = Path(arguments.file)
    if file.suffix not in (".yaml", ".yml"):
        known = sorted(path.stem for path in folder.glob("*.yaml"))
        if arguments.file not in known:
            raise SettingsError(
                f"expected one of {', '.join(known)}, or a parameter file (.yaml), got "
                f"'{arguments.file}'"
            )
        file = folder / f"{arguments.file}.yaml"
    words = ["robot_standin", "--ros-args", "--params-file", str(file)]
    command = python_command("mbrl_ros.nodes.__main__", *words)
    os.execv(command[0], command)
