"""``mbrl-ros demo``: demonstrations."""

from __future__ import annotations

import argparse
import sys

from mbrl_ros.cli.demo import goals
from mbrl_ros.cli.ros_tools.verbs import CommandError, Interrupted


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    demos = parser.add_subparsers(dest="demo", required=True, metavar="demo")
    text = "one run, one model, no reset: goals and rewards changed in every way while it runs"
    demo = demos.add_parser("goals", help=text, description=text.capitalize() + ".")
    goals.configure(demo)
    demo.set_defaults(run_demo=goals.run)


def run(arguments: argparse.Namespace) -> int:
    """Run a demonstration.

    Returns:
        its exit code: 0 for success, 1 if it failed, 128 plus its number after a signal.

    Raises:
        ValueError: for an invalid argument.
        OSError: if a file cannot be written.
    """
    try:
        return int(arguments.run_demo(arguments))
    except CommandError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except Interrupted as signalled:
        return 128 + int(signalled.args[0])
