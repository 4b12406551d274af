"""Subscriptions."""

import inspect
import time
from collections.abc import Callable
from typing import Any

from cyclonedds.core import DDSException, DDSStatus

from mbrl_ros.ros.embedded.codec import deserialize
from mbrl_ros.ros.embedded.dds import Participant, Reader
from mbrl_ros.ros.embedded.endpoint import dds_type, policy_name, user_data
from mbrl_ros.ros.embedded.logging import Logger
from mbrl_ros.ros.embedded.qos import QoSProfile


class SubscriptionEventCallbacks:
    """Whether a subscription warns about publishers that it cannot hear."""

    def __init__(self, *, use_default_callbacks: bool = True) -> None:
        self.use_default_callbacks = use_default_callbacks


class Subscription:
    """Receives messages of one type from one topic; made by `Node.create_subscription()`."""

    def __init__(
        self,
        participant: Participant,
        msg_type: Any,
        topic: str,
        callback: Callable[..., Any],
        qos_profile: QoSProfile,
        raw: bool,
        logger: Logger,
        event_callbacks: SubscriptionEventCallbacks,
    ) -> None:
        self.msg_type = msg_type
        self.topic_name = topic
        self.callback = callback
        self._with_info = _takes_two(callback)
        self.qos_profile = qos_profile
        self.raw = raw
        #: Messages dropped because they were not of this type.
        self.malformed = 0
        self._logger = logger
        self._destroyed = False
        self.reader = Reader(
            participant,
            participant.topic(f"rt{topic}", dds_type(msg_type._TYPE)),
            qos_profile,
            user_data(msg_type._TYPE),
        )
        warns = event_callbacks.use_default_callbacks
        self.reader.entity.set_status_mask(DDSStatus.RequestedIncompatibleQos if warns else 0)
        self.condition = self.reader.condition
        self.status = Incompatibility(self)

    def get_publisher_count(self) -> int:
        """Return the number of matching publishers."""
        return self.reader.matched()

    @property
    def has_more(self) -> bool:
        """Whether there are messages that the middleware does not report any more."""
        return bool(self.reader.taken) and not self._destroyed

    def execute(self) -> None:
        """Take one message and pass it to the callback."""
        if self._destroyed:
            return
        taken = self.reader.take()
        if taken is None:
            return
        data, info = taken
        received = time.time_ns()
        try:
            message = data if self.raw else deserialize(data, self.msg_type._TYPE)
        except ValueError as error:
            self.malformed += 1
            if self.malformed == 1:
                self._logger.error(
                    f"Dropped a malformed message on topic '{self.topic_name}' ({error}); "
                    "further ones are only counted"
                )
            return
        if self._with_info:
            stamps = {"source_timestamp": info.source_timestamp, "received_timestamp": received}
            self.callback(message, stamps)
        else:
            self.callback(message)

    def destroy(self) -> None:
        """Stop receiving; use `Node.destroy_subscription()`."""
        self._destroyed = True
        self.reader.close()


def _takes_two(callback: Callable[..., Any]) -> bool:
    """Return whether a callback also takes the message's times, found as in rclpy."""
    try:
        inspect.signature(callback).bind(object())
    except TypeError:
        return True
    except ValueError:  # some built-in functions have no signature
        return False
    return False


class Incompatibility:
    """Warns about a publisher that offers less than a subscription requests."""

    def __init__(self, subscription: Subscription) -> None:
        self._subscription = subscription
        self.condition = subscription.reader.entity

    def execute(self) -> None:
        """Warn once per such publisher."""
        subscription = self._subscription
        try:
            status = subscription.reader.entity.get_requested_incompatible_qos_status()
        except DDSException:
            return  # destroyed meanwhile
        if status.total_count_change > 0:
            subscription._logger.warning(
                f"New publisher discovered on topic '{subscription.topic_name}', offering "
                "incompatible QoS. No messages will be received from it. Last incompatible "
                f"policy: {policy_name(status.last_policy_id)}"
            )
