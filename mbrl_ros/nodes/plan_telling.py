"""Tells the controller's plans, while somebody listens."""

from __future__ import annotations

from mbrl_ros.control.plan_record import PlanRecord
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
        """Publish a plan; costs rollouts. For the thread that plans.

        Args:
            planned: the newest one.
            stamp: when it was sent.
        """
        if self._gains.get_subscription_count():
            try:
                self._gains.publish(gains_message(planned.gains(), stamp))
            except ValueError as error:  # no such model, or more than a message can hold
                self._node.get_logger().warning(str(error), throttle_duration_sec=_COMPLAINT_PERIOD)
        if self._plan.get_subscription_count():
            self._plan.publish(plan_message(planned, stamp))

    def close(self) -> None:
        """Withdraw the topics."""
        self._node.destroy_publisher(self._gains)
        self._node.destroy_publisher(self._plan)
