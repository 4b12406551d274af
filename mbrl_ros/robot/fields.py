"""Fields of message classes, whichever ROS runtime made them, and paths to them."""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

#: Fields with the names of what the arrays beside or below them hold, as in JointState.
LABELS = ("name", "joint_names")

#: Returns the class of a message by its full name, such as ``sensor_msgs/msg/JointState``.
FindClass = Callable[[str], Any]

_SEQUENCE = re.compile(r"sequence<(.+?)(, \d+)?>")
_ARRAY = re.compile(r"(.+)\[(\d+)\]")


@dataclass(frozen=True)
class Label:
    """An index into an array by what the message itself calls the element."""

    text: str


#: The name of a field, the index of an element, or its label.
Step = str | int | Label


@dataclass(frozen=True)
class Path:
    """Where a number is, such as ``joints.position[slider]``.

    Attributes:
        text: as written.
        root: its first name.
        steps: that follow.
    """

    text: str
    root: str
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class FieldType:
    """Type of a field.

    Attributes:
        base: a primitive, such as ``double``, or a message's full name.
        many: whether it holds several.
        size: how many, if fixed; 0: any number.
    """

    base: str
    many: bool = False
    size: int = 0

    @property
    def is_message(self) -> bool:
        """Whether it holds messages."""
        return "/" in self.base

    @property
    def is_number(self) -> bool:
        """Whether it holds what can be read as numbers."""
        return not self.is_message and not self.base.startswith(("string", "wstring", "octet"))


def fields_of(message_class: Any) -> dict[str, FieldType]:
    """Return the types of a message's fields."""
    return {n: _parsed(t) for n, t in message_class.get_fields_and_field_types().items()}


def _parsed(text: str) -> FieldType:
    if found := _SEQUENCE.fullmatch(text):
        return FieldType(_full(found[1]), True)
    if found := _ARRAY.fullmatch(text):
        return FieldType(_full(found[1]), True, int(found[2]))
    return FieldType(_full(text))


def _full(base: str) -> str:
    package, slash, stem = base.partition("/")
    return f"{package}/msg/{stem}" if slash else base


def class_name(message_class: Any) -> str:
    """Return the short name of a message class, such as ``sensor_msgs/JointState``."""
    return f"{message_class.__module__.partition('.')[0]}/{message_class.__name__}"


def field_of(message_class: Any, name: str) -> FieldType:
    """Return the type of a field.

    Raises:
        ValueError: if there is none of that name.
    """
    fields = fields_of(message_class)
    if name in fields:
        return fields[name]
    close = difflib.get_close_matches(name, list(fields), 1)
    hint = f"did you mean '{close[0]}'?" if close else f"expected one of {', '.join(fields)}"
    raise ValueError(f"{class_name(message_class)} has no field '{name}': {hint}")


def type_at(message_class: Any, steps: tuple[Step, ...], find: FindClass) -> FieldType:
    """Return the type of what a path leads to.

    Args:
        message_class: of the message that it begins at.
        steps: of the path.
        find: classes of the messages within.

    Raises:
        ValueError: if it leads nowhere.
    """
    kind = FieldType(f"{class_name(message_class)}".replace("/", "/msg/"))
    here, labelled = message_class, _has_labels(message_class)
    for step in steps:
        if isinstance(step, str):
            if here is None:
                raise ValueError(f"'{step}': expected an index or nothing after {kind.base}")
            kind = field_of(here, step)
        else:
            if not kind.many:
                raise ValueError(f"[{_shown(step)}]: expected an array, got {kind.base}")
            if isinstance(step, Label) and not labelled:
                raise ValueError(
                    f"[{step.text}]: {class_name(message_class)} has no names of its elements: "
                    "expected a number, such as [0]"
                )
            kind = FieldType(kind.base)
        here = find(kind.base) if kind.is_message and not kind.many else None
        labelled = labelled or (here is not None and _has_labels(here))
    return kind


def _has_labels(message_class: Any) -> bool:
    return any(label in fields_of(message_class) for label in LABELS)


def _shown(step: Step) -> str:
    return step.text if isinstance(step, Label) else str(step)


def read_path(node: ast.expr, text: str) -> Path:
    """Return the path that a part of a formula is.

    Raises:
        ValueError: if it is none.
    """
    steps: list[Step] = []
    while not isinstance(node, ast.Name):
        if isinstance(node, ast.Attribute) and not node.attr.startswith("_"):
            steps.append(node.attr)
        elif isinstance(node, ast.Subscript):
            steps.append(read_index(node.slice))
        else:
            raise ValueError(f"'{text}': expected fields and indices, such as points[0].positions")
        node = node.value
    return Path(text, node.id, tuple(reversed(steps)))


def read_index(node: ast.expr) -> int | Label:
    """Return an index, by number or by label.

    Raises:
        ValueError: if it is neither.
    """
    match node:
        case ast.Constant(value=bool()):
            pass
        case ast.Constant(value=int() as number):
            return number
        case ast.Constant(value=str() as label) | ast.Name(id=label):
            return Label(label)
    raise ValueError(
        f"[{ast.unparse(node)}]: expected a number, or a name, in quotes if it is not made of "
        "letters, digits and _"
    )


def follow(value: Any, path: Path) -> Any:
    """Return what a path leads to.

    Args:
        value: where it begins, after its root.
        path: to follow.

    Raises:
        ValueError: if it leads nowhere in this message.
    """
    holders = [value]
    for step in path.steps:
        if isinstance(step, str):
            try:
                value = getattr(value, step)
            except AttributeError:
                raise ValueError(f"{path.text}: there is no field '{step}'") from None
            holders.append(value)
            continue
        place = step if isinstance(step, int) else _place(step.text, holders, path.text)
        try:
            value = value[place]
        except (IndexError, TypeError, KeyError):
            size = len(value) if hasattr(value, "__len__") else "no"
            raise ValueError(f"{path.text}: there are {size} elements") from None
        holders.append(value)
    return value


def _place(label: str, holders: list[Any], text: str) -> int:
    """Return the index of a label in the nearest message around that has some."""
    for holder in reversed(holders):
        for field in LABELS:
            labels = getattr(holder, field, None)
            if labels is None or isinstance(labels, str):
                continue
            if label in labels:
                return int(list(labels).index(label))
            named = ", ".join(labels) or "none"
            raise ValueError(f"{text}: no '{label}' in the message, which names {named}")
    raise ValueError(f"{text}: the message does not name its elements")


def find_class(find: FindClass, name: str, where: str) -> Any:
    """Return the class of a message.

    Raises:
        ValueError: if there is none of that name.
    """
    try:
        found = find(name)
        found.get_fields_and_field_types  # noqa: B018 -- a service has none
    except (LookupError, AttributeError):
        raise ValueError(
            f"{where}: expected a message that is installed, such as sensor_msgs/msg/JointState, "
            f"got '{name}'"
        ) from None
    return found
