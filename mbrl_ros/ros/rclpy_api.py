"""The part of rclpy that `mbrl_ros.ros` exports, for all supported ROS 2 releases."""

import functools
import traceback
from collections.abc import Callable
from typing import Any

from rcl_interfaces.msg import (
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    ParameterType,
    ParameterValue,
    SetParametersResult,
)
from rclpy import init, ok, shutdown, spin, spin_once, spin_until_future_complete, try_shutdown
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.clock import Clock, ClockType
from rclpy.context import Context
from rclpy.duration import Duration
from rclpy.exceptions import (
    InvalidParameterException,
    InvalidParameterTypeException,
    InvalidParameterValueException,
    NotInitializedException,
    ParameterAlreadyDeclaredException,
    ParameterImmutableException,
    ParameterNotDeclaredException,
    ParameterUninitializedException,
)
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.lifecycle import LifecycleNode as _LifecycleNode
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
from rclpy.logging import LoggingSeverity, get_logger
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import (
    DurabilityPolicy,
    HistoryPolicy,
    QoSProfile,
    ReliabilityPolicy,
    qos_profile_sensor_data,
    qos_profile_services_default,
)
from rclpy.serialization import deserialize_message, serialize_message
from rclpy.signals import SignalHandlerOptions
from rclpy.task import Future
from rclpy.time import Time
from rclpy.utilities import get_default_context

try:
    from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
except ImportError:  # before Iron
    from rclpy.qos_event import PublisherEventCallbacks, SubscriptionEventCallbacks

_TRANSITIONS = ("configure", "activate", "deactivate", "cleanup", "shutdown")


class LifecycleNode(_LifecycleNode):
    """As rclpy's, which passes over an exception of a transition in silence; here it is logged."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for transition in _TRANSITIONS:
            name = f"on_{transition}"
            if name in vars(cls):
                setattr(cls, name, _logged(vars(cls)[name], transition))


def _logged(callback: Callable[..., Any], transition: str) -> Callable[..., Any]:
    @functools.wraps(callback)
    def call(self: _LifecycleNode, state: LifecycleState) -> Any:
        try:
            return callback(self, state)
        except Exception:
            self.get_logger().error(f"Exception in {transition}:\n{traceback.format_exc()}")
            raise

    return call


RCLError = rclpy_implementation.RCLError
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
