"""Parameter values to text and back, as in `ros2 param`."""

from __future__ import annotations

from typing import Any

import yaml

from mbrl_ros.core.yaml_text import UNREADABLE

#: Type number to its name, the field with the value, and the label printed before it.
TYPES = {
    0: ("not set", "", "Parameter not set."),
    1: ("boolean", "bool_value", "Boolean value is:"),
    2: ("integer", "integer_value", "Integer value is:"),
    3: ("double", "double_value", "Double value is:"),
    4: ("string", "string_value", "String value is:"),
    5: ("byte array", "byte_array_value", "Byte values are:"),
    6: ("boolean array", "bool_array_value", "Boolean values are:"),
    7: ("integer array", "integer_array_value", "Integer values are:"),
    8: ("double array", "double_array_value", "Double values are:"),
    9: ("string array", "string_array_value", "String values are:"),
}
_NUMBERS = {bool: 1, int: 2, float: 3, str: 4}
_TO_ARRAY = 5  # offset from a type's number to that of its array type
_DOUBLE, _STRING, _DOUBLES, _STRINGS = 3, 4, 8, 9


def value_of(message: Any) -> Any:
    """Return the Python value of a ParameterValue; None if it is not set."""
    name = TYPES[message.type][1]
    if not name:
        return None
    value = getattr(message, name)
    return value if isinstance(value, bool | int | float | str) else list(value)


def parsed(text: str) -> Any:
    """Return the value of what the user typed: YAML, or else a plain string."""
    try:
        return yaml.safe_load(text)
    except UNREADABLE:
        return text


def set_value(message: Any, value: Any, wanted: int, text: str = "") -> None:
    """Set a ParameterValue.

    Args:
        message: the ParameterValue.
        value: what YAML makes of it.
        wanted: the parameter's type, 0 for unknown. 1 is accepted for a double, and
            anything for a string.
        text: what the user typed, if that is where the value is from.

    Raises:
        ValueError: if it is a list of mixed types, or a value that no parameter can hold.
    """
    text = text or str(value)
    kind, value = _typed(text, value, wanted)
    message.type = kind
    try:
        setattr(message, TYPES[kind][1], value)
    except (ValueError, TypeError, OverflowError, AssertionError):
        raise ValueError(f"'{text}' is not a 64-bit {TYPES[kind][0]}") from None


def _typed(text: str, value: Any, wanted: int) -> tuple[int, Any]:
    if wanted == _STRING:
        # A quoted string loses its quotes; nothing else changes.
        return wanted, value if isinstance(value, str) else text
    if wanted == _DOUBLE and (number := _double(value)) is not None:
        return wanted, number
    if isinstance(value, list):
        return _parse_list(text, value, wanted)
    kind = _NUMBERS.get(type(value))
    # As in ros2, a mapping, a date or null is a string.
    return (_STRING, text) if kind is None else (kind, value)


def _parse_list(text: str, value: list[Any], wanted: int) -> tuple[int, Any]:
    if wanted == _DOUBLES:
        numbers = [_double(item) for item in value]
        if None not in numbers:
            return wanted, numbers
    if not value:
        return (wanted if wanted > _TO_ARRAY else _STRINGS), []
    kinds = {_NUMBERS.get(type(item)) for item in value}
    kind = kinds.pop()
    if kinds or kind is None:
        raise ValueError(f"'{text}' is not a list of only booleans, integers, doubles or strings")
    return kind + _TO_ARRAY, value


def _double(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)  # YAML reads 1e-3 as a string
    except (ValueError, OverflowError):
        return None
