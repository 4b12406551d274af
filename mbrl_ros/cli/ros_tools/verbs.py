"""Command lines of the verbs, and how each is run; imports nothing slow."""

from __future__ import annotations

import argparse
import importlib
import sys
from typing import Any

Verbs = Any  # argparse does not name its subparsers


class CommandError(Exception):
    """The command was understood and failed; its text is for the user, the exit code is 1."""


class Interrupted(Exception):  # noqa: N818
    """SIGINT or SIGTERM was received; the argument is the signal's number."""


def add_verbs(parser: argparse.ArgumentParser) -> Verbs:
    """Return the subparsers for the verbs of a command."""
    return parser.add_subparsers(dest="verb", required=True, metavar="verb")


def add_verb(verbs: Verbs, name: str, target: str, text: str) -> argparse.ArgumentParser:
    """Declare a verb.

    Args:
        verbs: from `add_verbs()`.
        name: as the user types it.
        target: module of this folder and function in it, ``module:function``; the function
            takes the parsed arguments and returns the exit code.
        text: for the help.

    Returns:
        the parser for its arguments.
    """
    verb: argparse.ArgumentParser = verbs.add_parser(
        name, help=text, description=text[0].upper() + text[1:] + "."
    )
    verb.set_defaults(target=target)
    verb.add_argument(
        "--spin-time",
        type=positive_float,
        metavar="N",
        help="wait N seconds for discovery, instead of the usual time",
    )
    return verb


def add_echo_format(verb: argparse.ArgumentParser) -> None:
    """Declare how messages are printed."""
    verb.add_argument(
        "-f", "--full-length", action="store_true", help="print long arrays and texts in full"
    )
    verb.add_argument(
        "-l",
        "--truncate-length",
        type=positive_int,
        default=128,
        metavar="N",
        help="print N elements of arrays and texts, 128 by default",
    )
    verb.add_argument("--no-arr", action="store_true", help="only say how long arrays are")
    verb.add_argument("--no-str", action="store_true", help="only say how long texts are")
    verb.add_argument("--flow-style", action="store_true", help="collections on one line")


def add_qos(verb: argparse.ArgumentParser, default: str) -> None:
    """Declare quality of service; ``default`` describes the default."""
    verb.add_argument("--qos-depth", type=positive_int, metavar="N", help="size of the queue")
    verb.add_argument(
        "--qos-reliability", choices=("reliable", "best_effort"), help=f"default: {default}"
    )
    verb.add_argument(
        "--qos-durability", choices=("transient_local", "volatile"), help=f"default: {default}"
    )


def positive_int(text: str) -> int:
    """Return the positive integer in a text."""
    number = int(text)
    if number <= 0:
        raise argparse.ArgumentTypeError(f"must be positive, not {number}")
    return number


def positive_float(text: str) -> float:
    """Return the positive number in a text."""
    number = float(text)
    if not 0.0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"must be positive and finite, not {text}")
    return number


for _type, _name in ((positive_int, "integer"), (positive_float, "number")):
    _type.__name__ = _name  # argparse says: invalid integer value: 'x'


def run_verb(arguments: argparse.Namespace) -> int:
    """Run a verb.

    Returns:
        its exit code: 0 for success, 1 if it failed, 128 plus its number after a signal.

    Raises:
        ValueError: for bad input.
    """
    module, _, function = arguments.target.partition(":")
    try:
        found = importlib.import_module(f"mbrl_ros.cli.ros_tools.{module}")
        return int(getattr(found, function)(arguments))
    except CommandError as error:
        print(error, file=sys.stderr)
        return 1
    except Interrupted as signal:
        return 128 + int(signal.args[0])
    except (ImportError, RuntimeError) as error:
        # From the runtime: a wrong environment variable, no DDS, no rclpy.
        raise ValueError(" ".join(str(error).split())) from None
