"""Subscriptions for topics that some publish latched and some do not."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from mbrl_ros.nodes.qos import LATCHED, UNLATCHED
from mbrl_ros.ros import Node


def subscribe_to_all(
    node: Node,
    message_type: Any,
    topic: str,
    callback: Callable[[Any], None],
    raw: bool = False,
) -> list[Any]:
    """Subscribe so that every publisher is heard, and what was latched before, each message once.

    A latching subscription hears no publisher that does not latch, and the other kind hears
    nothing of what was said before it.

    Args:
        node: hears.
        message_type: of the topic.
        topic: its name.
        callback: takes each message.
        raw: as its CDR bytes.

    Returns:
        the subscriptions.
    """
    heard: deque[int] = deque(maxlen=32)

    def once(message: Any, info: dict[str, int]) -> None:
        # One message reaches both subscriptions with the time at which it was sent; a
        # middleware that does not tell it says 0.
        sent = info["source_timestamp"]
        if sent == 0 or sent not in heard:
            heard.append(sent)
            callback(message)

    return [
        node.create_subscription(message_type, topic, once, qos, raw=raw)
        for qos in (LATCHED, UNLATCHED)
    ]
