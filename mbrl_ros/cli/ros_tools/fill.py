"""Messages from YAML."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import yaml

from mbrl_ros.cli.ros_tools.interfaces import FieldType, field_types
from mbrl_ros.core.yaml_text import UNREADABLE

#: Sets a stamp that was given as `now` or `auto`.
Stamp = Callable[[Any], None]

_INTEGERS = {f"{sign}int{bits}": bits for sign in ("", "u") for bits in (8, 16, 32, 64)}
_INTEGERS |= {"char": 8, "octet": 8}


def parse_values(text: str, message_class: Any) -> dict[str, Any]:
    """Return the fields in a YAML text.

    Raises:
        ValueError: if it is not YAML, or not a mapping.
    """
    try:
        values = yaml.safe_load(text)
    except UNREADABLE as error:
        mark = getattr(error, "problem_mark", None)
        where = "" if mark is None else f" at line {mark.line + 1}, column {mark.column + 1}"
        problem = getattr(error, "problem", " ".join(str(error).split()))
        raise ValueError(f"not YAML: {problem}{where}") from None
    if not isinstance(values, dict):
        kinds = message_class.get_fields_and_field_types()
        known = ", ".join(f"{name}: {kind}" for name, kind in kinds.items())
        raise ValueError(
            f"the values must be a mapping in YAML, {{{known}}}, not {_describe(values)}"
        )
    return values


def fill(message: Any, values: Any, path: str = "") -> list[Stamp]:
    """Set fields of a message.

    Args:
        message: the message.
        values: field values by name, from YAML; a stamp may be ``now``, a header ``auto``.
        path: name of the message inside another one.

    Returns:
        functions that set the stamps, each time before it is sent.

    Raises:
        ValueError: naming the field, and what was expected.
    """
    if not isinstance(values, dict):
        fields = ", ".join(field_types(message))
        raise ValueError(
            f"field '{path}' must be a mapping of the fields {fields}, not {_describe(values)}"
        )
    kinds = field_types(message)
    stamps: list[Stamp] = []
    for name, value in values.items():
        full = f"{path}.{name}".lstrip(".")
        if name not in kinds:
            raise ValueError(
                f"no field '{full}': {path or type(message).__name__} has the fields "
                f"{', '.join(kinds) or '(none)'}"
            )
        kind = kinds[name]
        if (kind.element, value, kind.is_list) == ("builtin_interfaces/Time", "now", False):
            stamps.append(_setter(message, name))
            continue
        if (kind.element, value, kind.is_list) == ("std_msgs/Header", "auto", False):
            stamps.append(_setter(getattr(message, name), "stamp"))
            continue
        try:
            setattr(message, name, _value(kind, value, full, stamps))
        except (TypeError, AssertionError, OverflowError) as error:
            raise ValueError(f"field '{full}': {error}") from None
    return stamps


def _setter(message: Any, name: str) -> Stamp:
    return lambda stamp: setattr(message, name, stamp)


def _value(kind: FieldType, value: Any, path: str, stamps: list[Stamp]) -> Any:
    if not kind.is_list:
        return _element(kind, value, path, stamps)
    if not isinstance(value, list):
        raise ValueError(f"field '{path}' must be a list of {kind.element}, not {_describe(value)}")
    if kind.size is not None and (
        len(value) != kind.size if kind.is_array else len(value) > kind.size
    ):
        expected = f"{'' if kind.is_array else 'at most '}{kind.size} elements"
        raise ValueError(f"field '{path}' must have {expected}, not {len(value)}")
    return [_element(kind, item, f"{path}[{n}]", stamps) for n, item in enumerate(value)]


def _element(kind: FieldType, value: Any, path: str, stamps: list[Stamp]) -> Any:
    if kind.is_message:
        message = kind.message_class()()
        stamps += fill(message, value, path)
        return message
    try:
        return _primitive(kind.element, value)
    except (ValueError, TypeError, OverflowError, struct.error) as error:
        reason = f" ({error})" if isinstance(error, _RangeError) else ""
        raise ValueError(
            f"field '{path}' must be {kind.element}, not {_describe(value)}{reason}"
        ) from None


class _RangeError(ValueError):
    """A number is out of range; the text gives the range."""


def _primitive(kind: str, value: Any) -> Any:
    if kind == "boolean":
        if not isinstance(value, bool):
            raise TypeError
        return value
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise TypeError
    if kind.startswith(("string", "wstring")):
        return str(value)
    if kind in ("double", "float"):
        # YAML reads 1e-3 as a string.
        number = float(value)
        if kind == "float":
            struct.pack("<f", number)
        return number
    bits = _INTEGERS[kind]
    if isinstance(value, float):
        raise TypeError
    number = int(value)
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if kind[0] == "i" else (0, (1 << bits) - 1)
    if not low <= number <= high:
        raise _RangeError(f"from {low} to {high}")
    return bytes([number]) if kind == "octet" else number


def _describe(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, str):
        return f"the text {value!r}"
    return str(value).lower() if isinstance(value, bool) else str(value)
