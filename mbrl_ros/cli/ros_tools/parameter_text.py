"""Parameter values to text and back, as `ros2 param` has them."""

from __future__ import annotations

from typing import Any

import yaml

#: Type number to its name, the field with the value, and the label before it.
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
_TO_ARRAY = 5  # from the number of a type to that of its array
_DOUBLE, _STRING, _DOUBLES, _STRINGS = 3, 4, 8, 9


def value_of(message: Any) -> Any:
    """Return the Python value of a ParameterValue; None if it is not set."""
    name = TYPES[message.type][1]
    if not name:
        return None
    value = getattr(message, name)
    return value if isinstance(value, bool | int | float | str) else list(value)


def set_value(message: Any, text: str, wanted: int) -> None:
    """Set a ParameterValue from text.

    Args:
        message: the ParameterValue.
        text: what the user typed. It is YAML, and a text where it is none.
        wanted: type the parameter has, 0 for unknown. 1 is as good as 1.0 where a double is
            wanted, and anything is a text where one is.

    Raises:
        ValueError: if it is a list of mixed types, or one no parameter can hold.
    """
    kind, value = _parse(text, wanted)
    message.type = kind
    try:
        setattr(message, TYPES[kind][1], value)
    except (ValueError, TypeError, OverflowError, AssertionError):
        raise ValueError(f"'{text}' is no {TYPES[kind][0]} of 64 bits") from None


def _parse(text: str, wanted: int) -> tuple[int, Any]:
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        value = text
    if wanted == _STRING:
        # A quoted text loses its quotes, and nothing else changes.
        return wanted, value if isinstance(value, str) else text
    if wanted == _DOUBLE and (number := _double(value)) is not None:
        return wanted, number
    if isinstance(value, list):
        return _parse_list(text, value, wanted)
    kind = _NUMBERS.get(type(value))
    # As in ros2, a mapping, a date or nothing is a text.
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
        raise ValueError(f"'{text}' is no list of booleans, integers, doubles or strings alone")
    return kind + _TO_ARRAY, value


def _double(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)  # YAML takes 1e-3 for a text
    except (ValueError, OverflowError):
        return None
