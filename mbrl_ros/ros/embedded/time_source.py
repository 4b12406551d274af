"""Simulated time: follows /clock while the parameter use_sim_time is true."""

from typing import TYPE_CHECKING, Any

from mbrl_ros.ros.embedded.clock import Clock, Time
from mbrl_ros.ros.embedded.messages import message_class
from mbrl_ros.ros.embedded.parameter import Parameter, SetParametersResult
from mbrl_ros.ros.embedded.qos import QoSProfile, ReliabilityPolicy

if TYPE_CHECKING:
    from mbrl_ros.ros.embedded.node import Node
    from mbrl_ros.ros.embedded.subscription import Subscription

USE_SIM_TIME = "use_sim_time"


class TimeSource:
    """Drives a node's clock."""

    def __init__(self, node: "Node", clock: Clock) -> None:
        self._node = node
        self._clock = clock
        self._subscription: Subscription | None = None
        if not node.has_parameter(USE_SIM_TIME):
            node.declare_parameter(USE_SIM_TIME, False)
        node.add_on_set_parameters_callback(self._check)
        node.add_post_set_parameters_callback(self._apply)
        self._apply([node.get_parameter(USE_SIM_TIME)])

    def _check(self, parameters: list[Parameter]) -> Any:
        for parameter in parameters:
            if parameter.name == USE_SIM_TIME and parameter.type_ is not Parameter.Type.BOOL:
                return SetParametersResult(
                    successful=False, reason=f"{USE_SIM_TIME} must be a boolean"
                )
        return SetParametersResult(successful=True)

    def _apply(self, parameters: list[Parameter]) -> None:
        for parameter in parameters:
            if parameter.name != USE_SIM_TIME:
                continue
            if parameter.value and self._subscription is None:
                self._clock.override(0)  # until the first message
                self._subscription = self._node.create_subscription(
                    message_class("rosgraph_msgs/msg/Clock"),
                    "/clock",
                    self._tick,
                    QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT),
                )
            elif not parameter.value and self._subscription is not None:
                self._node.destroy_subscription(self._subscription)
                self._subscription = None
                self._clock.override(None)

    def _tick(self, message: Any) -> None:
        self._clock.override(Time.from_msg(message.clock).nanoseconds)
