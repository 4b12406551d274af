"""The part of the embedded runtime that `mbrl_ros.ros` exports, under rclpy's names."""

from typing import Any

from mbrl_ros.ros.embedded.clock import Clock, ClockType, Duration, Time
from mbrl_ros.ros.embedded.codec import deserialize, serialize
from mbrl_ros.ros.embedded.context import (
    Context,
    get_default_context,
    init,
    ok,
    shutdown,
    try_shutdown,
)
from mbrl_ros.ros.embedded.exceptions import (
    ExternalShutdownException,
    InvalidParameterException,
    InvalidParameterTypeException,
    InvalidParameterValueException,
    NotInitializedException,
    ParameterAlreadyDeclaredException,
    ParameterImmutableException,
    ParameterNotDeclaredException,
    ParameterUninitializedException,
    RCLError,
)
from mbrl_ros.ros.embedded.executor import (
    ReentrantCallbackGroup,
    SingleThreadedExecutor,
    spin,
    spin_once,
    spin_until_future_complete,
)
from mbrl_ros.ros.embedded.lifecycle import (
    LifecycleNode,
    LifecycleState,
    TransitionCallbackReturn,
)
from mbrl_ros.ros.embedded.logging import LoggingSeverity, get_logger
from mbrl_ros.ros.embedded.node import Node
from mbrl_ros.ros.embedded.parameter import (
    FloatingPointRange,
    IntegerRange,
    Parameter,
    ParameterDescriptor,
    ParameterType,
    ParameterValue,
    SetParametersResult,
)
from mbrl_ros.ros.embedded.publisher import PublisherEventCallbacks
from mbrl_ros.ros.embedded.qos import (
    DurabilityPolicy,
    HistoryPolicy,
    QoSProfile,
    ReliabilityPolicy,
    qos_profile_sensor_data,
    qos_profile_services_default,
)
from mbrl_ros.ros.embedded.signals import SignalHandlerOptions
from mbrl_ros.ros.embedded.subscription import SubscriptionEventCallbacks
from mbrl_ros.ros.embedded.task import Future

QoSDurabilityPolicy = DurabilityPolicy
QoSHistoryPolicy = HistoryPolicy
QoSReliabilityPolicy = ReliabilityPolicy

__all__ = [
    "Clock",
    "ClockType",
    "Context",
    "DurabilityPolicy",
    "Duration",
    "ExternalShutdownException",
    "FloatingPointRange",
    "Future",
    "HistoryPolicy",
    "IntegerRange",
    "InvalidParameterException",
    "InvalidParameterTypeException",
    "InvalidParameterValueException",
    "LifecycleNode",
    "LifecycleState",
    "LoggingSeverity",
    "Node",
    "NotInitializedException",
    "Parameter",
    "ParameterAlreadyDeclaredException",
    "ParameterDescriptor",
    "ParameterImmutableException",
    "ParameterNotDeclaredException",
    "ParameterType",
    "ParameterUninitializedException",
    "ParameterValue",
    "PublisherEventCallbacks",
    "QoSDurabilityPolicy",
    "QoSHistoryPolicy",
    "QoSProfile",
    "QoSReliabilityPolicy",
    "RCLError",
    "ReentrantCallbackGroup",
    "ReliabilityPolicy",
    "SetParametersResult",
    "SignalHandlerOptions",
    "SingleThreadedExecutor",
    "SubscriptionEventCallbacks",
    "Time",
    "TransitionCallbackReturn",
    "deserialize_message",
    "get_default_context",
    "get_logger",
    "init",
    "ok",
    "qos_profile_sensor_data",
    "qos_profile_services_default",
    "serialize_message",
    "shutdown",
    "spin",
    "spin_once",
    "spin_until_future_complete",
    "try_shutdown",
]


def serialize_message(message: Any) -> bytes:
    """Serialize a message to CDR."""
    return serialize(message)


def deserialize_message(serialized_message: bytes, message_type: Any) -> Any:
    """Deserialize a message of a type from CDR.

    Raises:
        ValueError: if the bytes are not such a message.
    """
    return deserialize(serialized_message, message_type._TYPE)
