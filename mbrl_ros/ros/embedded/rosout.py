"""Log messages on /rosout."""

import contextlib
from typing import TYPE_CHECKING

from mbrl_ros.ros.embedded import logging
from mbrl_ros.ros.embedded.clock import Duration
from mbrl_ros.ros.embedded.exceptions import RCLError
from mbrl_ros.ros.embedded.messages import message_class
from mbrl_ros.ros.embedded.qos import DurabilityPolicy, QoSProfile

if TYPE_CHECKING:
    from mbrl_ros.ros.embedded.node import Node

_QOS = QoSProfile(
    depth=1000, durability=DurabilityPolicy.TRANSIENT_LOCAL, lifespan=Duration(seconds=10)
)


class RosoutSink:
    """Publishes what a node's logger says."""

    def __init__(self, node: "Node") -> None:
        self._name = node.get_logger().name
        self._publisher = node.create_publisher(
            message_class("rcl_interfaces/msg/Log"), "/rosout", _QOS
        )
        logging.add_sink(self._name, self._publish)

    def _publish(
        self,
        level: logging.LoggingSeverity,
        name: str,
        text: str,
        stamp: int,
        file: str,
        function: str,
        line: int,
    ) -> None:
        message = self._publisher.msg_type(
            level=int(level), name=name, msg=text, file=file, function=function, line=line
        )
        message.stamp.sec, message.stamp.nanosec = divmod(stamp, 10**9)
        with contextlib.suppress(RCLError):  # the console has it; after a shutdown that is all
            self._publisher.publish(message)

    def close(self) -> None:
        """Stop publishing."""
        logging.remove_sink(self._name)
