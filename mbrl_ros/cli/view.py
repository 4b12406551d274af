"""``mbrl-ros view [RUN_OR_BAG]``: a page for a running system, or for a recorded run."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

from mbrl_ros.cli.node_process import python_command
from mbrl_ros.scene.settings import DrawnSettings


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "recorded", nargs="?", type=Path, help="folder of a run, or a bag; without, what runs now"
    )
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default: this computer only)"
    )
    parser.add_argument(
        "--port", type=int, default=8080, help="preferred port; the next free one is taken (8080)"
    )
    parser.add_argument(
        "--token", default="", help="with which other computers may steer; without, they only watch"
    )
    parser.add_argument("--model", default="", help="MJCF file of a robot, for the 3-D view")
    parser.add_argument(
        "--joint",
        action="append",
        default=[],
        metavar="DIMENSION=JOINT",
        help="which joint of that file a dimension is, where they are not called alike: "
        "at_x=base_x; repeatable",
    )
    parser.add_argument("--namespace", default="", help="of the system's nodes")


def run(arguments: argparse.Namespace) -> int:
    """Become the node web_monitor, or show what was recorded."""
    drawn = DrawnSettings(arguments.model, arguments.joint)
    if arguments.recorded is not None:
        from mbrl_ros.web.playback import play

        play(arguments.recorded, arguments.host, arguments.port, drawn)
    words = ["web_monitor", "--ros-args"]
    given = {name: getattr(arguments, name) for name in ("host", "port", "token")}
    given |= {"drawn.model": drawn.model, "drawn.joints": drawn.joints}
    for name, value in given.items():
        # As YAML has it: a token of digits is text, too. An empty list says nothing of its kind.
        words += ["-p", f"{name}:={json.dumps(value)}"] if value != [] else []
    if arguments.namespace:
        words += ["-r", f"__ns:=/{arguments.namespace.strip('/')}"]
    command = python_command("mbrl_ros.nodes.__main__", *words)
    os.execv(command[0], command)
