"""``mbrl-ros node``: list and describe the nodes of a running system."""

from __future__ import annotations

import argparse

from mbrl_ros.cli.ros_tools.verbs import add_verb, add_verbs, run_verb


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    verbs = add_verbs(parser)

    verb = add_verb(verbs, "list", "node_graph:list_nodes", "list the nodes")
    verb.add_argument("-a", "--all", action="store_true", help="hidden ones too")
    verb.add_argument("-c", "--count-nodes", action="store_true", help="only count them")

    verb = add_verb(verbs, "info", "node_graph:info", "show what a node reads, writes and offers")
    verb.add_argument("node_name", help="name of the node, such as /mpc_controller")
    verb.add_argument(
        "--include-hidden", action="store_true", help="hidden topics and services too"
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the command; return its exit code."""
    return run_verb(arguments)
