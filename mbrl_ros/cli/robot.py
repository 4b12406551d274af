"""``mbrl-ros robot``: look at a robot's topics, or put a simulated one in their place."""

from __future__ import annotations

import argparse

from mbrl_ros.cli.ros_tools.verbs import add_verb, add_verbs, run_verb


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    verbs = add_verbs(parser)

    verb = add_verb(
        verbs,
        "check",
        "robot_check:check",
        "listen to a robot and say what is missing, stale or suspect; nothing moves",
    )
    verb.add_argument("task", help="name of a shipped robot, or a parameter file (.yaml)")
    verb.add_argument("parameters", nargs="*", metavar="name:=value", help="as for launch")

    verb = add_verb(
        verbs,
        "standin",
        "robot_standin:run",
        "run a MuJoCo model on a robot's own topics",
    )
    verb.add_argument("file", help="name of a shipped robot, or a parameter file (.yaml)")


def run(arguments: argparse.Namespace) -> int:
    """Run the command; return its exit code."""
    return run_verb(arguments)
