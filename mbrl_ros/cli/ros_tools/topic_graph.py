"""`topic list` and `topic info`."""

from __future__ import annotations

import argparse
from typing import Any

from mbrl_ros.cli.ros_tools.graph import absolute, print_names, visible
from mbrl_ros.cli.ros_tools.session import Session
from mbrl_ros.cli.ros_tools.verbs import CommandError

_INFINITE = (0, (1 << 63) - 1)


def list_topics(arguments: argparse.Namespace) -> int:
    """Print the topics."""
    with Session(arguments.spin_time) as session:
        found = session.settled(session.node.get_topic_names_and_types)
    names = visible(found, arguments.include_hidden_topics)
    print_names(names, arguments.count_topics, arguments.show_types)
    return 0


def info(arguments: argparse.Namespace) -> int:
    """Print the publishers and subscriptions of a topic."""
    topic = absolute(arguments.topic_name, "topic")
    with Session(arguments.spin_time) as session:
        node = session.node

        def look() -> tuple[list[str], list[Any], list[Any]]:
            infos = (
                node.get_publishers_info_by_topic(topic),
                node.get_subscriptions_info_by_topic(topic),
            )
            others = [[end for end in ends if end.node_name != node.get_name()] for ends in infos]
            return types_of(session, topic), others[0], others[1]

        if not session.find(lambda: types_of(session, topic)):
            raise CommandError(f"Unknown topic '{topic}'")
        types, publishers, subscriptions = session.settled(look, at_least=0.5)
    between = "\n\n" if arguments.verbose else "\n"
    print(f"Type: {types[0] if len(types) == 1 else types}", end=between)
    for name, ends in (("Publisher", publishers), ("Subscription", subscriptions)):
        print(f"{name} count: {len(ends)}", end=between)
        for end in ends if arguments.verbose else ():
            print(_describe(end), end=between)
    return 0


def types_of(session: Session, topic: str) -> list[str]:
    """Return the current types of a topic."""
    for name, types in session.node.get_topic_names_and_types():
        if name == topic:
            return list(types)
    return []


def _describe(end: Any) -> str:
    qos = end.qos_profile
    depth = f" ({qos.depth})" if qos.history.name == "KEEP_LAST" else ""
    lines = {
        "Node name": end.node_name,
        "Node namespace": end.node_namespace,
        "Topic type": end.topic_type,
        # Releases before Iron have none.
        "Topic type hash": getattr(end, "topic_type_hash", "") or "INVALID",
        "Endpoint type": end.endpoint_type.name,
        "GID": ".".join(f"{byte:02x}" for byte in end.endpoint_gid),
        "QoS profile": "",
        "  Reliability": qos.reliability.name,
        "  History (Depth)": f"{qos.history.name}{depth}",
        "  Durability": qos.durability.name,
        "  Lifespan": _duration(qos, "lifespan"),
        "  Deadline": _duration(qos, "deadline"),
        "  Liveliness": qos.liveliness.name if hasattr(qos, "liveliness") else "AUTOMATIC",
        "  Liveliness lease duration": _duration(qos, "liveliness_lease_duration"),
    }
    return "\n".join(f"{name}: {value}".rstrip() for name, value in lines.items())


def _duration(qos: Any, name: str) -> str:
    # The embedded runtime supports only some of them.
    duration = getattr(qos, name, None)
    if duration is None or duration.nanoseconds in _INFINITE:
        return "Infinite"
    return f"{duration.nanoseconds} nanoseconds"
