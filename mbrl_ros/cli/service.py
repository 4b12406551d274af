"""``mbrl-ros service``: list and call the services of a running system."""

from __future__ import annotations

import argparse

from mbrl_ros.cli.ros_tools.verbs import add_verb, add_verbs, positive_float, run_verb


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    verbs = add_verbs(parser)

    verb = add_verb(verbs, "list", "services:list_services", "list the services")
    verb.add_argument("-t", "--show-types", action="store_true", help="show the types too")
    verb.add_argument("-c", "--count-services", action="store_true", help="only count them")
    verb.add_argument("--include-hidden-services", action="store_true", help="hidden ones too")

    verb = add_verb(verbs, "type", "services:show_type", "print the type of a service")
    _add_service(verb)

    verb = add_verb(verbs, "call", "services:call_service", "call a service")
    _add_service(verb)
    verb.add_argument("service_type", help="such as std_srvs/srv/Trigger")
    verb.add_argument(
        "values", nargs="?", default="{}", help="YAML such as '{seed: 3}'; the rest is default"
    )
    verb.add_argument("--timeout", type=positive_float, metavar="N", help="give up after N seconds")


def _add_service(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("service_name", help="name of the service, such as /mujoco_sim/reset")


def run(arguments: argparse.Namespace) -> int:
    """Run the command; return its exit code."""
    return run_verb(arguments)
