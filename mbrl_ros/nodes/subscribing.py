"""Subscriptions for topics with latched and other publishers."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from mbrl_ros.nodes.qos import LATCHED, UNLATCHED
from mbrl_ros.ros import Node, SubscriptionEventCallbacks


def subscribe_to_all(
    node: Node,
    message_type: Any,
    topic: str,
    callback: Callable[[Any], None],
    raw: bool = False,
) -> list[Any]:
    """Subscribe to all publishers, latched or not, receiving each message once.

    A latching subscription does not match publishers that do not latch, and a non-latching one does
    not receive earlier messages.

    Args:
        node: the node that owns the subscriptions.
        message_type: class of the messages.
        topic: name of the topic.
        callback: called with each message.
        raw: pass CDR bytes.

    Returns:
        the subscriptions.
    """
    heard: deque[int] = deque(maxlen=32)

    def once(message: Any, info: dict[str, int]) -> None:
        # A message reaches both subscriptions with the same source time stamp; 0 if the middleware
        # does not provide it.
        sent = info["source_timestamp"]
        if sent == 0 or sent not in heard:
            heard.append(sent)
            callback(message)

    # Those that the latching one does not match, the other one does: nothing to warn of.
    silent = SubscriptionEventCallbacks(use_default_callbacks=False)
    return [
        node.create_subscription(
            message_type, topic, once, LATCHED, raw=raw, event_callbacks=silent
        ),
        node.create_subscription(message_type, topic, once, UNLATCHED, raw=raw),
    ]
