"""Message and service classes by the names users type, and the types of their fields."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from mbrl_ros.ros.interfaces import interface

_ARRAY = re.compile(r"(?P<element>.+)\[(?P<size>\d+)\]")
_SEQUENCE = re.compile(r"sequence<(?P<element>.+?)(, (?P<size>\d+))?>")


def find_interface(name: str, kind: str) -> Any:
    """Return a class by its name; std_msgs/String stands for std_msgs/msg/String.

    Args:
        name: as the user gave it.
        kind: ``msg`` or ``srv``.

    Raises:
        ValueError: if the name is invalid or unknown.
    """
    what = {"msg": "message", "srv": "service"}[kind]
    parts = name.split("/")
    if len(parts) == 2:
        parts.insert(1, kind)
    if len(parts) != 3 or parts[1] != kind or not all(parts):
        example = {"msg": "std_msgs/msg/String", "srv": "std_srvs/srv/Trigger"}[kind]
        raise ValueError(f"'{name}' is not a {what} type such as {example}")
    try:
        return interface("/".join(parts))
    except LookupError:
        raise ValueError(f"unknown {what} type '{name}'") from None


@dataclass(frozen=True)
class FieldType:
    """Type of a field: one element, an array of ``size``, or a sequence of any length."""

    element: str  # in rosidl's spelling, such as double or std_msgs/Header
    is_list: bool = False
    size: int | None = None  # of an array; bound of a sequence
    is_array: bool = False

    @property
    def is_message(self) -> bool:
        """Whether the elements are messages."""
        return "/" in self.element

    def message_class(self) -> Any:
        """Return the class of the elements, which are messages."""
        package, _, name = self.element.rpartition("/")
        return interface(f"{package.removesuffix('/msg')}/msg/{name}")


def field_types(message: Any) -> dict[str, FieldType]:
    """Return the types of the fields of a message or message class, in order."""
    return {name: _parse(text) for name, text in message.get_fields_and_field_types().items()}


def _parse(text: str) -> FieldType:
    if match := _SEQUENCE.fullmatch(text):
        size = match["size"]
        return FieldType(match["element"], True, None if size is None else int(size))
    if match := _ARRAY.fullmatch(text):
        return FieldType(match["element"], True, int(match["size"]), True)
    return FieldType(text)


def check_field(message_class: Any, path: str) -> list[str]:
    """Return the parts of a dotted field name.

    Raises:
        ValueError: if the message has no such field.
    """
    parts = path.split(".")
    current, done = message_class, ""
    for number, part in enumerate(parts):
        fields = field_types(current)
        if part not in fields:
            raise ValueError(
                f"no field '{path}': {done or current.__name__} has the fields "
                f"{', '.join(fields) or '(none)'}"
            )
        done = f"{done}.{part}".lstrip(".")
        kind = fields[part]
        if number + 1 < len(parts):
            if kind.is_list or not kind.is_message:
                raise ValueError(f"no field '{path}': {done} has no fields")
            current = kind.message_class()
    return parts
