"""``mbrl-ros demo``: what there is to see."""

from __future__ import annotations

import argparse

from mbrl_ros.cli.demo import goals


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    demos = parser.add_subparsers(dest="demo", required=True, metavar="demo")
    text = "one run, one model, no reset: other goals and rewards by every way while it runs"
    demo = demos.add_parser("goals", help=text, description=text.capitalize() + ".")
    goals.configure(demo)
    demo.set_defaults(run_demo=goals.run)


def run(arguments: argparse.Namespace) -> int:
    """Show one of them.

    Raises:
        ValueError: for an argument that does not fit.
        OSError: if a file cannot be written.
    """
    return int(arguments.run_demo(arguments))
