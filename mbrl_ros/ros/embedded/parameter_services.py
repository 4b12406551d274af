"""The services that read and set a node's parameters."""

from collections.abc import Callable
from typing import Any

from mbrl_ros.ros.embedded.exceptions import (
    ParameterNotDeclaredException,
    ParameterUninitializedException,
)
from mbrl_ros.ros.embedded.messages import service_class
from mbrl_ros.ros.embedded.parameter import Parameter, SetParametersResult
from mbrl_ros.ros.embedded.parameters import ParametersMixin
from mbrl_ros.ros.embedded.qos import qos_profile_parameters


class ParameterServices:
    """Serves one node. Like rclpy, it returns nothing if any of the names is unknown."""

    def __init__(self, parameters: ParametersMixin, create_service: Callable[..., Any]) -> None:
        self._parameters = parameters
        for stem, callback in {
            "DescribeParameters": self._describe,
            "GetParameters": self._get,
            "GetParameterTypes": self._types,
            "ListParameters": self._list,
            "SetParameters": self._set,
            "SetParametersAtomically": self._set_atomically,
        }.items():
            name = "".join(f"_{c.lower()}" if c.isupper() else c for c in stem).lstrip("_")
            create_service(
                service_class(f"rcl_interfaces/srv/{stem}"),
                f"~/{name}",
                callback,
                qos_profile=qos_profile_parameters,
            )

    def _describe(self, request: Any, response: Any) -> Any:
        try:
            response.descriptors = self._parameters.describe_parameters(request.names)
        except ParameterNotDeclaredException:
            response.descriptors = []
        return response

    def _get(self, request: Any, response: Any) -> Any:
        try:
            response.values = [
                parameter.get_parameter_value()
                for parameter in self._parameters.get_parameters(request.names)
            ]
        except (ParameterNotDeclaredException, ParameterUninitializedException):
            response.values = []
        return response

    def _types(self, request: Any, response: Any) -> Any:
        try:
            response.types = self._parameters.get_parameter_types(request.names)
        except ParameterNotDeclaredException:
            response.types = []
        return response

    def _list(self, request: Any, response: Any) -> Any:
        response.result = self._parameters.list_parameters(request.prefixes, request.depth)
        return response

    def _set(self, request: Any, response: Any) -> Any:
        response.results = [self._try_to_set([message]) for message in request.parameters]
        return response

    def _set_atomically(self, request: Any, response: Any) -> Any:
        response.result = self._try_to_set(request.parameters)
        return response

    def _try_to_set(self, messages: list[Any]) -> Any:
        try:
            return self._parameters.set_parameters_atomically(
                [Parameter.from_parameter_msg(message) for message in messages]
            )
        except (ParameterNotDeclaredException, ValueError) as error:
            return SetParametersResult(successful=False, reason=str(error))
