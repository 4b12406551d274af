"""A node's parameters: declaring, checking, setting."""

from collections.abc import Callable, Sequence
from typing import Any

from mbrl_ros.ros.embedded.exceptions import (
    InvalidParameterException,
    InvalidParameterTypeException,
    InvalidParameterValueException,
    ParameterAlreadyDeclaredException,
    ParameterImmutableException,
    ParameterNotDeclaredException,
    ParameterUninitializedException,
)
from mbrl_ros.ros.embedded.messages import message_class
from mbrl_ros.ros.embedded.parameter import (
    Parameter,
    ParameterDescriptor,
    ParameterValue,
    SetParametersResult,
    value_of,
)
from mbrl_ros.ros.embedded.parameter_checks import objection

_ParameterEvent = message_class("rcl_interfaces/msg/ParameterEvent")
_ListParametersResult = message_class("rcl_interfaces/msg/ListParametersResult")

SetCallback = Callable[[list[Parameter]], Any]
_ARRAYS = {kind for kind in Parameter.Type if kind.name.endswith("_ARRAY")}


class ParametersMixin:
    """The part of a node that manages its parameters."""

    _parameters: dict[str, Parameter]
    _descriptors: dict[str, Any]
    _parameter_overrides: dict[str, Parameter]
    _allow_undeclared_parameters: bool

    def _init_parameters(
        self, overrides: dict[str, Parameter], allow_undeclared_parameters: bool
    ) -> None:
        self._parameters = {}
        self._descriptors = {}
        self._parameter_overrides = overrides
        self._allow_undeclared_parameters = allow_undeclared_parameters
        self._pre_set_callbacks: list[Callable[[list[Parameter]], list[Parameter]]] = []
        self._on_set_callbacks: list[SetCallback] = []
        self._post_set_callbacks: list[Callable[[list[Parameter]], None]] = []

    def _publish_parameter_event(self, event: Any) -> None:
        """Publish what has changed; implemented by the node."""
        raise NotImplementedError

    # Declaring.

    def declare_parameter(
        self,
        name: str,
        value: Any = None,
        descriptor: Any = None,
        ignore_override: bool = False,
    ) -> Parameter:
        """Declare a parameter.

        Args:
            name: dotted name.
            value: default, or a `Parameter.Type` for a parameter without one.
            descriptor: ParameterDescriptor with ranges, read_only, description, ...
            ignore_override: whether to ignore an override.

        Returns:
            The parameter, with its override or default.

        Raises:
            ParameterAlreadyDeclaredException: if it is already declared.
            InvalidParameterTypeException: if it was given a value of another type.
            InvalidParameterValueException: if it was given a value that is not allowed.
        """
        return self._declare(name, value, descriptor or ParameterDescriptor(), ignore_override)

    def declare_parameters(
        self,
        namespace: str,
        parameters: Sequence[tuple[Any, ...]],
        ignore_override: bool = False,
    ) -> list[Parameter]:
        """Declare tuples of name and, optionally, default and descriptor below a namespace."""
        result = []
        for entry in parameters:
            if not 1 <= len(entry) <= 3 or not isinstance(entry[0], str):
                raise TypeError(f"expected (name[, value[, descriptor]]), got {entry!r}")
            name = f"{namespace}.{entry[0]}" if namespace else entry[0]
            value = entry[1] if len(entry) > 1 else None
            descriptor = entry[2] if len(entry) > 2 else ParameterDescriptor()
            result.append(self._declare(name, value, descriptor, ignore_override))
        return result

    def _declare(self, name: str, value: Any, descriptor: Any, ignore_override: bool) -> Parameter:
        if not isinstance(descriptor, ParameterDescriptor):
            raise TypeError(f"expected a ParameterDescriptor, got {type(descriptor)}")
        if not name:
            raise InvalidParameterException(name)
        if name in self._parameters:
            raise ParameterAlreadyDeclaredException([name])
        if isinstance(value, ParameterValue):
            value = value_of(value)
        if isinstance(value, Parameter.Type):
            kind, value = value, None
        else:
            kind = Parameter.Type.from_parameter_value(value)
        if not descriptor.dynamic_typing:
            if kind is Parameter.Type.NOT_SET:
                raise ValueError(
                    f"Cannot declare parameter '{name}' without a type: give a default, "
                    "a type, or a descriptor with dynamic_typing=True"
                )
            descriptor.type = kind.value
        if not ignore_override and name in self._parameter_overrides:
            value = self._parameter_overrides[name].value
        # An empty list has no type of its own.
        parameter = (
            Parameter(name, kind, value)
            if value == [] and kind in _ARRAYS
            else Parameter(name, value=value)
        )
        result = self._set_checked([parameter], {name: descriptor}, declaring=True)
        if not result.successful:
            if result.reason.startswith("Wrong parameter type"):
                raise InvalidParameterTypeException(parameter, kind.name)
            raise InvalidParameterValueException(name, value, result.reason)
        return self._parameters[name]

    def undeclare_parameter(self, name: str) -> None:
        """Remove a parameter.

        Raises:
            ParameterNotDeclaredException: if it is not declared.
            ParameterImmutableException: if it is read-only.
        """
        if name not in self._parameters:
            raise ParameterNotDeclaredException(name)
        if self._descriptors[name].read_only:
            raise ParameterImmutableException(name)
        del self._parameters[name], self._descriptors[name]

    # Getting.

    def has_parameter(self, name: str) -> bool:
        """Return whether a parameter is declared."""
        return name in self._parameters

    def get_parameter(self, name: str) -> Parameter:
        """Return a parameter.

        Raises:
            ParameterNotDeclaredException: if it is not declared.
            ParameterUninitializedException: if it was declared without a value and has none.
        """
        parameter = self._parameters.get(name)
        if parameter is None:
            if self._allow_undeclared_parameters:
                return Parameter(name)
            raise ParameterNotDeclaredException(name)
        if parameter.type_ is Parameter.Type.NOT_SET and not self._descriptors[name].dynamic_typing:
            raise ParameterUninitializedException(name)
        return parameter

    def get_parameters(self, names: list[str]) -> list[Parameter]:
        """Return parameters; see `get_parameter()`."""
        return [self.get_parameter(name) for name in names]

    def get_parameter_or(self, name: str, alternative_value: Parameter | None = None) -> Parameter:
        """Return a parameter, or the alternative where it has no value."""
        parameter = self._parameters.get(name)
        if parameter is not None and parameter.type_ is not Parameter.Type.NOT_SET:
            return parameter
        return Parameter(name) if alternative_value is None else alternative_value

    def get_parameters_by_prefix(self, prefix: str) -> dict[str, Parameter]:
        """Return the parameters below a prefix, by the rest of their names."""
        start = f"{prefix}." if prefix else ""
        return {
            name[len(start) :]: parameter
            for name, parameter in self._parameters.items()
            if name.startswith(start)
        }

    def get_parameter_type(self, name: str) -> int:
        """Return the type of a parameter as a number of ParameterType."""
        if name in self._parameters:
            return int(self._parameters[name].type_.value)
        if self._allow_undeclared_parameters:
            return 0
        raise ParameterNotDeclaredException(name)

    def get_parameter_types(self, names: list[str]) -> list[int]:
        """Return the types of parameters; see `get_parameter_type()`."""
        return [self.get_parameter_type(name) for name in names]

    def describe_parameter(self, name: str) -> Any:
        """Return the descriptor of a parameter.

        Raises:
            ParameterNotDeclaredException: if it is not declared.
        """
        try:
            return self._descriptors[name]
        except KeyError:
            if self._allow_undeclared_parameters:
                return ParameterDescriptor()
            raise ParameterNotDeclaredException(name) from None

    def describe_parameters(self, names: list[str]) -> list[Any]:
        """Return descriptors of parameters; see `describe_parameter()`."""
        return [self.describe_parameter(name) for name in names]

    def list_parameters(self, prefixes: list[str], depth: int) -> Any:
        """Return names below prefixes, down to a depth (0: any), and the prefixes in use."""

        def wanted(name: str) -> bool:
            if not prefixes:
                return depth == 0 or name.count(".") < depth
            return any(
                name == prefix
                or (
                    name.startswith(prefix + ".")
                    and (depth == 0 or name[len(prefix) + 1 :].count(".") < depth)
                )
                for prefix in prefixes
            )

        names = [name for name in self._parameters if wanted(name)]
        used = dict.fromkeys(name.rpartition(".")[0] for name in names if "." in name)
        return _ListParametersResult(names=names, prefixes=list(used))

    # Setting.

    def set_parameters(self, parameter_list: list[Parameter]) -> list[Any]:
        """Set parameters one by one; returns a SetParametersResult for each.

        Raises:
            ParameterNotDeclaredException: at the first that is not declared.
        """
        return [self.set_parameters_atomically([parameter]) for parameter in parameter_list]

    def set_parameters_atomically(self, parameter_list: list[Parameter]) -> Any:
        """Set all parameters or none; returns a SetParametersResult.

        Raises:
            ParameterNotDeclaredException: if one is not declared.
        """
        if self._pre_set_callbacks:
            parameter_list = [
                parameter
                for callback in self._pre_set_callbacks
                for parameter in callback(parameter_list)
            ]
            if not parameter_list:
                return SetParametersResult(
                    successful=False,
                    reason="parameter list cannot be empty, this might be due to "
                    "pre_set_parameters_callback modifying the original parameters list.",
                )
        if not all(isinstance(parameter, Parameter) for parameter in parameter_list):
            raise TypeError(f"parameter must be instance of type '{Parameter!r}'")
        unknown = [item.name for item in parameter_list if item.name not in self._parameters]
        if unknown and not self._allow_undeclared_parameters:
            raise ParameterNotDeclaredException(unknown)
        return self._set_checked(parameter_list, self._descriptors, declaring=False)

    def _set_checked(
        self, parameters: list[Parameter], descriptors: dict[str, Any], *, declaring: bool
    ) -> Any:
        for parameter in parameters:
            descriptor = descriptors.get(parameter.name)
            if descriptor is not None:
                reason = objection(parameter, descriptor, declaring=declaring)
                if reason:
                    return SetParametersResult(successful=False, reason=reason)
        for callback in self._on_set_callbacks:
            result = callback(parameters)
            if not result.successful:
                return result
        event = _ParameterEvent(node=self.get_fully_qualified_name())
        for parameter in parameters:
            name = parameter.name
            if parameter.type_ is Parameter.Type.NOT_SET and not declaring:
                self._parameters.pop(name, None)
                self._descriptors.pop(name, None)
                event.deleted_parameters.append(parameter.to_parameter_msg())
                continue
            old = self.get_parameter_or(name)
            is_new = old.type_ is Parameter.Type.NOT_SET
            (event.new_parameters if is_new else event.changed_parameters).append(
                parameter.to_parameter_msg()
            )
            default = ParameterDescriptor(name=name, dynamic_typing=True)
            self._descriptors[name] = descriptors.get(name, default)
            self._parameters[name] = parameter
        self._publish_parameter_event(event)
        for post_callback in self._post_set_callbacks:
            post_callback(parameters)
        return SetParametersResult(successful=True)

    def get_fully_qualified_name(self) -> str:
        """Return the node's name with its namespace; implemented by the node."""
        raise NotImplementedError

    # Callbacks.

    def add_pre_set_parameters_callback(
        self, callback: Callable[[list[Parameter]], list[Parameter]]
    ) -> None:
        """Call a function that may modify parameters before they are set."""
        self._pre_set_callbacks.insert(0, callback)

    def add_on_set_parameters_callback(self, callback: SetCallback) -> None:
        """Call a function that decides whether parameters may be set."""
        self._on_set_callbacks.insert(0, callback)

    def add_post_set_parameters_callback(self, callback: Callable[[list[Parameter]], None]) -> None:
        """Call a function after parameters were set."""
        self._post_set_callbacks.insert(0, callback)

    def remove_pre_set_parameters_callback(
        self, callback: Callable[[list[Parameter]], list[Parameter]]
    ) -> None:
        """Undo `add_pre_set_parameters_callback()`."""
        self._pre_set_callbacks.remove(callback)

    def remove_on_set_parameters_callback(self, callback: SetCallback) -> None:
        """Undo `add_on_set_parameters_callback()`."""
        self._on_set_callbacks.remove(callback)

    def remove_post_set_parameters_callback(
        self, callback: Callable[[list[Parameter]], None]
    ) -> None:
        """Undo `add_post_set_parameters_callback()`."""
        self._post_set_callbacks.remove(callback)
