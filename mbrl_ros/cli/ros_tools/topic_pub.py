"""`topic pub`."""

from __future__ import annotations

import argparse
import time
from typing import Any

from mbrl_ros.cli.ros_tools.fill import fill, parse_values
from mbrl_ros.cli.ros_tools.graph import absolute
from mbrl_ros.cli.ros_tools.interfaces import find_interface
from mbrl_ros.cli.ros_tools.qos import to_be_heard
from mbrl_ros.cli.ros_tools.session import Session
from mbrl_ros.cli.ros_tools.topic_graph import types_of
from mbrl_ros.cli.ros_tools.verbs import CommandError, Interrupted
from mbrl_ros.ros.interfaces import interface_name

# Discovery time for subscriptions, to match their QoS [s].
_LOOK = 1.0


def pub(arguments: argparse.Namespace) -> int:
    """Publish once, a number of times, or continuously."""
    topic = absolute(arguments.topic_name, "topic")
    message_class = find_interface(arguments.message_type, "msg")
    message = message_class()
    stamps = fill(message, parse_values(arguments.values, message_class))
    times = 1 if arguments.once else arguments.times
    wanted = arguments.wait_matching_subscriptions
    if wanted is None:
        wanted = 1 if times else 0
    if arguments.max_wait_time_secs and not wanted:
        raise ValueError("--max-wait-time-secs needs --wait-matching-subscriptions, -1 or -t")
    with Session(arguments.spin_time) as session:
        subscriptions = session.node.get_subscriptions_info_by_topic
        session.find(lambda: subscriptions(topic), _LOOK)
        _check_type(session, topic, message_class)
        qos = to_be_heard(subscriptions(topic), arguments)
        publisher = session.node.create_publisher(message_class, topic, qos)
        try:
            _wait(session, publisher, wanted, arguments.max_wait_time_secs)
            print("publisher: beginning loop", flush=True)
            count, due = 0, time.monotonic()
            while not times or count < times:
                now = session.node.get_clock().now().to_msg()
                for stamp in stamps:
                    stamp(now)
                count += 1
                if count % arguments.print == 0:
                    print(f"publishing #{count}: {message!r}\n", flush=True)
                publisher.publish(message)
                due = max(due + 1.0 / arguments.rate, time.monotonic())
                if not times or count < times:
                    while due > time.monotonic():
                        session.spin(due - time.monotonic())
            # Until the last message is sent.
            session.sleep(arguments.keep_alive)
        except Interrupted:
            if times:
                raise
    return 0


def _check_type(session: Session, topic: str, message_class: Any) -> None:
    types = types_of(session, topic)
    if types and interface_name(message_class) not in types:
        raise ValueError(
            f"topic '{topic}' is of type {', '.join(types)}, not {interface_name(message_class)}"
        )


def _wait(session: Session, publisher: Any, wanted: int, limit: float | None) -> None:
    begin, said = time.monotonic(), 0.0
    while (found := publisher.get_subscription_count()) < wanted:
        now = time.monotonic()
        if limit is not None and now - begin > limit:
            raise CommandError(
                f"Timed out waiting for subscribers: Expected {wanted} subscribers but only got "
                f"{found} subscribers"
            )
        if now - said > 1.0:
            said = now
            print(f"Waiting for at least {wanted} matching subscription(s)...", flush=True)
        session.spin(0.05)
