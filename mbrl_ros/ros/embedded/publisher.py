"""Publishers."""

from collections.abc import Callable
from typing import Any

from cyclonedds.core import DDSException, DDSStatus

from mbrl_ros.ros.embedded.codec import HEADER, serialize
from mbrl_ros.ros.embedded.dds import Participant, Writer
from mbrl_ros.ros.embedded.endpoint import dds_type, policy_name, user_data
from mbrl_ros.ros.embedded.exceptions import RCLError
from mbrl_ros.ros.embedded.logging import Logger
from mbrl_ros.ros.embedded.qos import QoSProfile


class PublisherEventCallbacks:
    """Whether a publisher warns about subscriptions that cannot hear it."""

    def __init__(self, *, use_default_callbacks: bool = True) -> None:
        self.use_default_callbacks = use_default_callbacks


class Publisher:
    """Publishes messages of one type to one topic; made by `Node.create_publisher()`."""

    def __init__(
        self,
        participant: Participant,
        msg_type: Any,
        topic: str,
        qos_profile: QoSProfile,
        logger: Logger,
        context_ok: Callable[[], bool],
        event_callbacks: PublisherEventCallbacks,
    ) -> None:
        self.msg_type = msg_type
        self.topic_name = topic
        self.qos_profile = qos_profile
        self._logger = logger
        self._context_ok = context_ok
        self.writer = Writer(
            participant,
            participant.topic(f"rt{topic}", dds_type(msg_type._TYPE)),
            qos_profile,
            user_data(msg_type._TYPE),
        )
        warns = event_callbacks.use_default_callbacks
        self.writer.entity.set_status_mask(DDSStatus.OfferedIncompatibleQos if warns else 0)
        self.condition = self.writer.entity

    def publish(self, msg: Any) -> None:
        """Publish a message, or CDR bytes unchanged; callable from any thread.

        Raises:
            TypeError: if it is of another type, or a field has an invalid value.
            RCLError: if it cannot be sent, as after a shutdown.
        """
        if isinstance(msg, self.msg_type):
            data = serialize(msg)
        elif isinstance(msg, bytes):
            if not msg.startswith(HEADER[:2]):
                raise RCLError("Failed to publish: the bytes are not little-endian CDR")
            data = msg + bytes(-len(msg) & 3)
        else:
            raise TypeError(f"Expected {self.msg_type}, got {type(msg)}")
        if not self._context_ok():
            raise RCLError("Failed to publish: publisher's context is invalid")
        self.writer.write(data)

    def get_subscription_count(self) -> int:
        """Return the number of matching subscriptions."""
        return self.writer.matched()

    def execute(self) -> None:
        """Warn about a subscription that requests more than this publisher offers."""
        try:
            status = self.writer.entity.get_offered_incompatible_qos_status()
        except DDSException:
            return  # destroyed meanwhile
        if status.total_count_change > 0:
            self._logger.warning(
                f"New subscription discovered on topic '{self.topic_name}', requesting "
                "incompatible QoS. No messages will be sent to it. Last incompatible policy: "
                f"{policy_name(status.last_policy_id)}"
            )

    def destroy(self) -> None:
        """Stop publishing; use `Node.destroy_publisher()`."""
        self.writer.close()
