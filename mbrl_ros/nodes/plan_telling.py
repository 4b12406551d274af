"""Tells the controller's plans, while somebody listens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mbrl_ros.control.plan_record import PlanRecord
from mbrl_ros.core.extensions import describe
from mbrl_ros.nodes.controller_messages import gains_message, plan_message
from mbrl_ros.nodes.qos import COMMAND
from mbrl_ros.ros import Node
from mbrl_ros.ros import interfaces as ri

# Minimum time between two identical warnings [s].
_COMPLAINT_PERIOD = 5.0


class PlanTelling:
    """Publishes ``plan_gains``, for an inner loop, and ``plan``, for viewers."""

    def __init__(self, node: Node) -> None:
        """Offer the topics.

        Args:
            node: that owns them.
        """
        self._node = node
        self._gains = node.create_publisher(ri.PlanGains, "plan_gains", COMMAND)
        self._plan = node.create_publisher(ri.Plan, "plan", COMMAND)

    def tell(self, planned: PlanRecord, stamp: ri.Time) -> None:
        """Publish a plan whose command was sent; costs rollouts. For the thread that plans.

        Where it cannot be told, the log says why.

        Args:
            planned: the newest one.
            stamp: when its command was sent.
        """
        self._publish(self._gains, lambda: gains_message(planned.gains(), stamp))
        self._publish(self._plan, lambda: plan_message(planned, stamp))

    def _publish(self, publisher: Any, message: Callable[[], Any]) -> None:
        try:
            if publisher.get_subscription_count():
                publisher.publish(message())
        except Exception as error:  # of a user's own term or kind, or more than a message can hold
            what = str(error) if isinstance(error, ValueError) else describe(error)
            self._node.get_logger().warning(
                f"not told on {publisher.topic_name}: {what}",
                throttle_duration_sec=_COMPLAINT_PERIOD,
            )

    def close(self) -> None:
        """Withdraw the topics."""
        self._node.destroy_publisher(self._gains)
        self._node.destroy_publisher(self._plan)
