"""``mbrl-ros param``: list, get, set, describe, dump and load the parameters of running nodes."""

from __future__ import annotations

import argparse

from mbrl_ros.cli.ros_tools.verbs import add_verb, add_verbs, run_verb


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    verbs = add_verbs(parser)

    verb = add_verb(verbs, "list", "param_read:list_parameters", "list the parameters")
    _add_node(verb, nargs="?")
    verb.add_argument("--param-type", action="store_true", help="show the types too")
    verb.add_argument("--include-hidden-nodes", action="store_true", help="hidden ones too")

    verb = add_verb(verbs, "get", "param_read:get", "print the value of a parameter")
    _add_node(verb)
    _add_parameter(verb)
    verb.add_argument("--hide-type", action="store_true", help="print the bare value")

    text = "set parameters, several of them atomically"
    verb = add_verb(verbs, "set", "param_set:set_parameters", text)
    _add_node(verb)
    _add_parameter(verb)
    verb.add_argument("value", help="new value, in YAML")
    verb.add_argument("more", nargs="*", metavar="name value", help="further ones")

    verb = add_verb(verbs, "dump", "param_read:dump", "print all as a parameter file")
    _add_node(verb)

    text = "set what a parameter file has for a node, such as one from dump, atomically"
    verb = add_verb(verbs, "load", "param_set:load", text)
    _add_node(verb)
    verb.add_argument("parameter_file", help="parameter file in YAML")

    verb = add_verb(verbs, "describe", "param_read:describe", "describe parameters")
    _add_node(verb)
    verb.add_argument("parameter_names", nargs="+", help="names of the parameters")


def _add_node(parser: argparse.ArgumentParser, nargs: str | None = None) -> None:
    parser.add_argument("node_name", nargs=nargs, help="name of the node, such as /mpc_controller")


def _add_parameter(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("parameter_name", help="name of the parameter")


def run(arguments: argparse.Namespace) -> int:
    """Run the command; return its exit code."""
    return run_verb(arguments)
