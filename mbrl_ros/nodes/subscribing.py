"""Subscriptions for publishers of any quality of service."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from mbrl_ros.nodes.qos import EVENTS, LATCHED, UNLATCHED
from mbrl_ros.nodes.timers import create_steady_timer
from mbrl_ros.ros import Node, QoSProfile, ReliabilityPolicy, SubscriptionEventCallbacks
from mbrl_ros.ros import interfaces as ri

# Interval of looking for a publisher of another quality of service [s].
_LOOK_PERIOD = 1.0


def subscribe_to_all(
    node: Node,
    message_type: Any,
    topic: str,
    callback: Callable[[Any], object],
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


class ObservationSubscription:
    """Hears a plant's observations: all of a reliable publisher, and also a best-effort one's.

    Attributes:
        topic: resolved name.
    """

    def __init__(
        self,
        node: Node,
        callback: Callable[[Any], None],
        raw: bool = False,
        depth: int = EVENTS.depth,
    ) -> None:
        """Subscribe.

        Args:
            node: the node that owns the subscription.
            callback: called with each message.
            raw: pass CDR bytes.
            depth: messages that wait for the node at most.
        """
        self._node, self._callback, self._raw, self._depth = node, callback, raw, depth
        self._reliability = EVENTS.reliability
        self._subscription = self._subscribe()
        self.topic: str = self._subscription.topic_name
        create_steady_timer(node, _LOOK_PERIOD, self._look)

    def _subscribe(self) -> Any:
        qos = QoSProfile(depth=self._depth, reliability=self._reliability)
        silent = SubscriptionEventCallbacks(use_default_callbacks=False)
        return self._node.create_subscription(
            ri.Observation,
            "observation",
            self._callback,
            qos,
            raw=self._raw,
            event_callbacks=silent,
        )

    def _look(self) -> None:
        """Match the publishers there are; a best-effort subscription matches all, but may lose."""
        offered = {
            info.qos_profile.reliability: info.node_name
            for info in self._node.get_publishers_info_by_topic(self.topic)
        }
        best_effort = ReliabilityPolicy.BEST_EFFORT
        wanted = best_effort if best_effort in offered else EVENTS.reliability
        if not offered or wanted == self._reliability:
            return
        self._reliability = wanted
        self._node.destroy_subscription(self._subscription)
        self._subscription = self._subscribe()
        if wanted == best_effort:
            self._node.get_logger().warning(
                f"{offered[best_effort]} publishes {self.topic} best effort: heard, but what is "
                "lost on the way is missing in the data; expected reliable"
            )
