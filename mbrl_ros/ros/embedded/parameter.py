"""One parameter: name, type and value."""

import array
from enum import Enum
from typing import Any

from mbrl_ros.ros.embedded.messages import message_class

ParameterType = message_class("rcl_interfaces/msg/ParameterType")
ParameterValue = message_class("rcl_interfaces/msg/ParameterValue")
ParameterDescriptor = message_class("rcl_interfaces/msg/ParameterDescriptor")
SetParametersResult = message_class("rcl_interfaces/msg/SetParametersResult")
FloatingPointRange = message_class("rcl_interfaces/msg/FloatingPointRange")
IntegerRange = message_class("rcl_interfaces/msg/IntegerRange")
ParameterMsg = message_class("rcl_interfaces/msg/Parameter")

_SEQUENCES = (list, tuple, array.array)


class _Type(Enum):
    """Types a parameter can have."""

    NOT_SET = 0
    BOOL = 1
    INTEGER = 2
    DOUBLE = 3
    STRING = 4
    BYTE_ARRAY = 5
    BOOL_ARRAY = 6
    INTEGER_ARRAY = 7
    DOUBLE_ARRAY = 8
    STRING_ARRAY = 9

    @classmethod
    def from_parameter_value(cls, value: Any) -> "_Type":
        """Return the type of a value.

        Raises:
            TypeError: if no parameter can have it.
        """
        if value is None:
            return cls.NOT_SET
        for kind, scalar in _SCALARS.items():
            if isinstance(value, scalar):
                return kind
        if isinstance(value, _SEQUENCES):
            # In rclpy's order, so that an empty list counts as bytes here too.
            for kind, scalar in _ELEMENTS.items():
                if all(isinstance(item, scalar) for item in value):
                    return kind
        raise TypeError(f"The given value is not one of the allowed types '{value}'.")

    def check(self, value: Any) -> bool:
        """Return whether a value has this type."""
        if self is _Type.NOT_SET:
            return value is None
        if self in _SCALARS:
            return isinstance(value, _SCALARS[self])
        element = _ELEMENTS[self]
        return isinstance(value, _SEQUENCES) and all(isinstance(item, element) for item in value)


# The public name, also used in messages.
_Type.__name__, _Type.__qualname__ = "Type", "Parameter.Type"

# bool comes first: it is an int too.
_SCALARS = {_Type.BOOL: bool, _Type.INTEGER: int, _Type.DOUBLE: float, _Type.STRING: str}
_ELEMENTS = {
    _Type.BYTE_ARRAY: bytes,
    _Type.BOOL_ARRAY: bool,
    _Type.INTEGER_ARRAY: int,
    _Type.DOUBLE_ARRAY: float,
    _Type.STRING_ARRAY: str,
}
_VALUE_FIELDS = {kind: f"{kind.name.lower()}_value" for kind in _Type if kind is not _Type.NOT_SET}


class Parameter:
    """Name, type and value of a parameter."""

    Type = _Type

    def __init__(self, name: str, type_: _Type | None = None, value: Any = None) -> None:
        if type_ is None:
            type_ = _Type.from_parameter_value(value)
        if not isinstance(type_, _Type):
            raise TypeError(f"type must be an instance of '{_Type!r}'")
        if not type_.check(value):
            raise ValueError(f"Type '{type_}' and value '{value}' do not agree")
        self._name = name
        self._type = type_
        self._value = value

    @property
    def name(self) -> str:
        """Its name."""
        return self._name

    @property
    def type_(self) -> _Type:
        """Its type."""
        return self._type

    @property
    def value(self) -> Any:
        """Its value."""
        return self._value

    def get_parameter_value(self) -> Any:
        """Return the value as rcl_interfaces/msg/ParameterValue."""
        message = ParameterValue(type=self._type.value)
        if self._type in _VALUE_FIELDS:
            setattr(message, _VALUE_FIELDS[self._type], self._value)
        return message

    def to_parameter_msg(self) -> Any:
        """Return it as rcl_interfaces/msg/Parameter."""
        return ParameterMsg(name=self._name, value=self.get_parameter_value())

    @classmethod
    def from_parameter_msg(cls, message: Any) -> "Parameter":
        """Return the parameter of an rcl_interfaces/msg/Parameter."""
        return cls(message.name, _Type(message.value.type), value_of(message.value))

    def __repr__(self) -> str:
        return f"Parameter({self._name!r}, {self._type}, {self._value!r})"


def value_of(message: Any) -> Any:
    """Return the Python value of an rcl_interfaces/msg/ParameterValue."""
    kind = _Type(message.type)
    if kind is _Type.NOT_SET:
        return None
    value = getattr(message, _VALUE_FIELDS[kind])
    return list(value) if isinstance(value, _SEQUENCES) else value
