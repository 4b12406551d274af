"""`topic echo`."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from mbrl_ros.cli.ros_tools.graph import absolute
from mbrl_ros.cli.ros_tools.interfaces import check_field, field_types, find_interface
from mbrl_ros.cli.ros_tools.qos import to_hear
from mbrl_ros.cli.ros_tools.session import Session
from mbrl_ros.cli.ros_tools.show import Format
from mbrl_ros.cli.ros_tools.topic_graph import types_of
from mbrl_ros.cli.ros_tools.verbs import CommandError, Interrupted
from mbrl_ros.ros.interfaces import interface_name

# How long the publishers of a topic may take to be discovered [s].
_PUBLISHERS = 1.0


def echo(arguments: argparse.Namespace) -> int:
    """Print the messages of a topic."""
    topic = absolute(arguments.topic_name, "topic")
    given = arguments.message_type and find_interface(arguments.message_type, "msg")
    if given and arguments.field:
        check_field(given, arguments.field)
    with Session(arguments.spin_time) as session:
        message_class = _given_type(session, topic, given) if given else topic_type(session, topic)
        printer = _Printer(message_class, arguments)
        publishers = session.node.get_publishers_info_by_topic
        session.find(lambda: publishers(topic), _PUBLISHERS)
        session.node.create_subscription(
            message_class, topic, printer.print, to_hear(publishers(topic), arguments)
        )

        def ended() -> bool:
            return bool(arguments.once and printer.count)

        try:
            session.spin_until(ended, arguments.timeout)
        except Interrupted:
            if arguments.once:
                raise
            return 0
    if arguments.timeout and not printer.count:
        raise CommandError(f"no message on '{topic}' in {arguments.timeout:g} s")
    return 0


def topic_type(session: Session, topic: str) -> Any:
    """Wait for a topic and return the class of its messages.

    Raises:
        CommandError: if it does not appear, or its type is not clear.
    """
    types = session.find(lambda: types_of(session, topic))
    if not types:
        raise CommandError(
            f"topic '{topic}' does not appear to be published; could not determine its type"
        )
    if len(types) > 1:
        raise CommandError(f"topic '{topic}' has more than one type: {', '.join(types)}")
    try:
        return find_interface(types[0], "msg")
    except ValueError:
        raise CommandError(f"topic '{topic}' is of type '{types[0]}', unknown here") from None


def _given_type(session: Session, topic: str, given: Any) -> Any:
    types = session.find(lambda: types_of(session, topic), _PUBLISHERS)
    if not types:
        print(f"WARNING: topic [{topic}] does not appear to be published yet", file=sys.stderr)
        return given
    if interface_name(given) not in types:
        raise ValueError(
            f"topic '{topic}' is of type {', '.join(types)}, not {interface_name(given)}"
        )
    return given


class _Printer:
    """Prints messages, or one field of them."""

    def __init__(self, message_class: Any, arguments: argparse.Namespace) -> None:
        self.count = 0
        self._once = arguments.once
        self._format = Format(
            None if arguments.full_length else arguments.truncate_length,
            arguments.no_arr,
            arguments.no_str,
            arguments.flow_style,
        )
        self._parts = check_field(message_class, arguments.field) if arguments.field else []

    def print(self, message: Any) -> None:
        """Print one message."""
        if self._once and self.count:
            return
        self.count += 1
        kind = None
        for part in self._parts:
            kind, message = field_types(message)[part], getattr(message, part)
        print(f"{self._format.text(message, kind)}---", flush=True)
