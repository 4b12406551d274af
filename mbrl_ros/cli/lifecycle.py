"""``mbrl-ros lifecycle``: get and set the states of managed nodes."""

from __future__ import annotations

import argparse

from mbrl_ros.cli.ros_tools.verbs import add_verb, add_verbs, run_verb


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    verbs = add_verbs(parser)

    verb = add_verb(verbs, "get", "states:get", "print the state of one or all managed nodes")
    verb.add_argument("node_name", nargs="?", help="name of the node; by default all of them")
    verb.add_argument("--include-hidden-nodes", action="store_true", help="hidden ones too")

    verb = add_verb(verbs, "set", "states:set_state", "trigger a transition")
    _add_node(verb)
    verb.add_argument("transition", help="such as configure or activate, or its number")

    verb = add_verb(verbs, "list", "states:list_transitions", "list the transitions from here")
    _add_node(verb)
    verb.add_argument("-a", "--all", action="store_true", help="those from all states")

    verb = add_verb(verbs, "nodes", "states:list_nodes", "list the managed nodes")
    verb.add_argument("--include-hidden-nodes", action="store_true", help="hidden ones too")


def _add_node(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("node_name", help="name of the node, such as /mpc_controller")


def run(arguments: argparse.Namespace) -> int:
    """Run the command; return its exit code."""
    return run_verb(arguments)
