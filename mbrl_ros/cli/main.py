"""The command ``mbrl-ros``."""

from __future__ import annotations

import argparse
import importlib
import re
import signal
import sys

from mbrl_ros import __version__
from mbrl_ros.cli.stop_request import EndedEarlyError
from mbrl_ros.cli.streams import drop_output, prepare_streams, reader_has_gone
from mbrl_ros.core.extensions import describe, place_of
from mbrl_ros.core.pending import Watch

# Command to description; each is a module of this folder with `configure` and `run`, imported on
# demand, since some are slow to import.
COMMANDS = {
    "launch": "start a system of nodes without ROS 2, as `ros2 launch` does with it",
    "init": "write a parameter file for an environment, to edit",
    "learn": "learn a task in lock-step, in one process, as fast as possible",
    "train": "learn from recorded bags, as the trainer does online",
    "evaluate": "compare a model with recorded bags, or run episodes with it",
    "graduate": "test a model for a robot against simulations that are worse than it expects",
    "export": "write a policy as ONNX, for computers without torch",
    "demo": "show what it can do: goals and rewards that change while it runs",
    "bench": "measure planning and the punctuality of the control loop on this machine",
    "bag": "look into bags, mend and cut them, exchange them with others' datasets",
    "faults": "harm a running system in every way, and judge what becomes of it",
    "replay": "make a recorded run's decisions again, as they were or as they would be",
    "real2sim": "fit a simulation's masses, friction, motors and delay to recorded bags",
    "view": "open a page in the browser to watch and steer a running system, or a recorded run",
    "report": "write the summary and the figures of a run, or a page of several",
    "robot": "check a robot's topics before anything moves, or stand in for it in MuJoCo",
    "topic": "list, echo, hz or pub topics of a running system",
    "param": "list, get, set, dump or load parameters of a running system",
    "service": "list or call services of a running system",
    "lifecycle": "get or set the state of a managed node",
    "node": "list or describe the nodes of a running system",
}


def main(arguments: list[str] | None = None) -> int:
    """Run a command.

    Returns:
        0 for success, 1 if the command ran and failed, 2 for bad input, 128 and its number after a
        signal, or as after SIGPIPE where nobody reads the output.
    """
    prepare_streams()
    code = 0
    try:
        try:
            code = _run(sys.argv[1:] if arguments is None else arguments)
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        drop_output()
        return code or 128 + signal.SIGPIPE
    return code


def _run(words: list[str]) -> int:
    try:
        parsed = _parsed(_gathered(words))
        with Watch(lambda text: print(f"warning: {text}", file=sys.stderr)):
            return int(parsed.run(parsed))
    except OSError as error:
        if isinstance(error, BrokenPipeError) and reader_has_gone():
            raise
        where = f"{error.filename}: " if error.filename else ""
        print(f"error: {where}{error.strerror or error}", file=sys.stderr)
        return 2
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except EndedEarlyError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.code
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except Exception as error:
        if isinstance(error, ImportError) and not (error.name or "").startswith("mbrl_ros"):
            # A package that is not installed.
            print(f"error: {describe(error) if place_of(error) else error}", file=sys.stderr)
            return 2
        if not place_of(error):
            raise
        print(f"error: {describe(error)}", file=sys.stderr)
        return 1


def _parsed(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="mbrl-ros", description="Model-based reinforcement learning for ROS 2."
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    for name, text in COMMANDS.items():
        command = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        if words[:1] == [name]:
            module = importlib.import_module(f"mbrl_ros.cli.{name}")
            module.configure(command)
            command.set_defaults(run=module.run)
    return parser.parse_args(words)


def _gathered(words: list[str]) -> list[str]:
    """Move all ``name:=value`` words after the first arguments, where argparse expects them.

    They may appear anywhere on the command line, as with ros2.
    """
    assignments = [word for word in words if re.match(r"[\w.]+:=", word)]
    others = [word for word in words if word not in assignments]
    options = [i for i, word in enumerate(others) if word.startswith("-")]
    place = options[0] if options and options[0] > 1 else len(others)
    return [*others[:place], *assignments, *others[place:]]
