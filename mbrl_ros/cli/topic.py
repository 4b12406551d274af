"""``mbrl-ros topic``: list, describe, echo, measure and publish topics of a running system."""

from __future__ import annotations

import argparse

from mbrl_ros.cli.ros_tools.verbs import (
    add_echo_format,
    add_qos,
    add_verb,
    add_verbs,
    positive_float,
    positive_int,
    run_verb,
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    verbs = add_verbs(parser)

    verb = add_verb(verbs, "list", "topic_graph:list_topics", "list the topics")
    verb.add_argument("-t", "--show-types", action="store_true", help="show the types too")
    verb.add_argument("-c", "--count-topics", action="store_true", help="only count them")
    verb.add_argument("--include-hidden-topics", action="store_true", help="hidden ones too")

    verb = add_verb(verbs, "info", "topic_graph:info", "describe a topic")
    _add_topic(verb)
    verb.add_argument(
        "-v", "--verbose", action="store_true", help="nodes, types and QoS of its endpoints"
    )

    verb = add_verb(verbs, "echo", "topic_echo:echo", "print the messages of a topic")
    _add_topic(verb)
    verb.add_argument("message_type", nargs="?", help="its type; by default the publishers'")
    verb.add_argument("--once", action="store_true", help="end after the first message")
    verb.add_argument("--timeout", type=positive_float, metavar="N", help="end after N seconds")
    verb.add_argument("--field", help="print only this field, such as header.stamp")
    add_echo_format(verb)
    add_qos(verb, "what all publishers offer")

    verb = add_verb(verbs, "hz", "topic_hz:hz", "measure the rate of a topic")
    _add_topic(verb)
    verb.add_argument(
        "-w", "--window", type=positive_int, default=10_000, help="messages to average over"
    )

    verb = add_verb(verbs, "pub", "topic_pub:pub", "publish to a topic")
    _add_topic(verb)
    verb.add_argument("message_type", help="such as std_msgs/msg/String")
    verb.add_argument(
        "values", nargs="?", default="{}", help="YAML such as '{data: hello}'; the rest is default"
    )
    verb.add_argument("-r", "--rate", type=positive_float, default=1.0, help="[Hz], 1 by default")
    verb.add_argument(
        "-p", "--print", type=positive_int, default=1, metavar="N", help="print every N-th message"
    )
    count = verb.add_mutually_exclusive_group()
    count.add_argument("-1", "--once", action="store_true", help="publish once and end")
    count.add_argument("-t", "--times", type=positive_int, default=0, help="end after this many")
    verb.add_argument(
        "-w",
        "--wait-matching-subscriptions",
        type=int,
        metavar="N",
        help="wait for N subscriptions; 1 with --once or --times, else 0",
    )
    verb.add_argument(
        "--max-wait-time-secs", type=positive_float, metavar="N", help="wait at most N seconds"
    )
    verb.add_argument(
        "--keep-alive", type=float, default=0.1, metavar="N", help="stay N seconds after the last"
    )
    add_qos(verb, "compatible with the subscriptions")


def _add_topic(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("topic_name", help="name of the topic, such as /observation")


def run(arguments: argparse.Namespace) -> int:
    """Run the command; return its exit code."""
    return run_verb(arguments)
