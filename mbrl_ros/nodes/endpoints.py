"""What is known of a topic's publishers and subscriptions."""

from __future__ import annotations

from typing import Any

from mbrl_ros.robot.network import Endpoint
from mbrl_ros.ros import Node, ReliabilityPolicy


def publishers_of(node: Node, topic: str) -> list[Endpoint]:
    """Return the publishers of a topic, given its full name."""
    return [_endpoint(info) for info in node.get_publishers_info_by_topic(topic)]


def subscriptions_of(node: Node, topic: str) -> list[Endpoint]:
    """Return the subscriptions of a topic, given its full name."""
    return [_endpoint(info) for info in node.get_subscriptions_info_by_topic(topic)]


def topics_of(node: Node) -> list[str]:
    """Return the full names of all topics."""
    return [name for name, _ in node.get_topic_names_and_types()]


def _endpoint(info: Any) -> Endpoint:
    name = f"{info.node_namespace.rstrip('/')}/{info.node_name}"
    reliable = info.qos_profile.reliability == ReliabilityPolicy.RELIABLE
    return Endpoint(name, info.topic_type, reliable)
