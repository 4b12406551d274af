"""Simulated time: follows /clock while the parameter use_sim_time is true."""

from collections.abc import Callable
from typing import Any

from mbrl_ros.ros.embedded.clock import Clock, Time
from mbrl_ros.ros.embedded.messages import message_class
from mbrl_ros.ros.embedded.parameter import Parameter, SetParametersResult
from mbrl_ros.ros.embedded.parameters import ParametersMixin
from mbrl_ros.ros.embedded.qos import QoSProfile, ReliabilityPolicy
from mbrl_ros.ros.embedded.subscription import Subscription

USE_SIM_TIME = "use_sim_time"


class TimeSource:
    """Drives a node's clock."""

    def __init__(
        self,
        clock: Clock,
        parameters: ParametersMixin,
        create_subscription: Callable[..., Subscription],
        destroy_subscription: Callable[[Subscription], bool],
    ) -> None:
        self._clock = clock
        self._create_subscription = create_subscription
        self._destroy_subscription = destroy_subscription
        self._subscription: Subscription | None = None
        if not parameters.has_parameter(USE_SIM_TIME):
            parameters.declare_parameter(USE_SIM_TIME, False)
        parameters.add_on_set_parameters_callback(self._check)
        parameters.add_post_set_parameters_callback(self._apply)
        self._apply([parameters.get_parameter(USE_SIM_TIME)])

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
                self._subscription = self._create_subscription(
                    message_class("rosgraph_msgs/msg/Clock"),
                    "/clock",
                    self._tick,
                    QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT),
                )
            elif not parameter.value and self._subscription is not None:
                self._destroy_subscription(self._subscription)
                self._subscription = None
                self._clock.override(None)

    def _tick(self, message: Any) -> None:
        self._clock.override(Time.from_msg(message.clock).nanoseconds)
