"""Messages of any type, filled by formulas such as ``linear.x = speed``."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from mbrl_ros.robot.assignments import read_assignments
from mbrl_ros.robot.fields import (
    LABELS,
    FieldType,
    FindClass,
    Label,
    Step,
    class_name,
    field_of,
    fields_of,
    find_class,
    read_path,
)
from mbrl_ros.robot.formulas import Formula, Values
from mbrl_ros.robot.settings import BridgeSettings, CommandSettings

_TIMES = ("builtin_interfaces/msg/Time", "builtin_interfaces/msg/Duration")
_TEXT = re.compile(r"\s*(.+?)\s*=\s*(\"[^\"]*\"|'[^']*')\s*")
_INTEGER = re.compile(r"(u?)int(\d+)")
_LARGEST_FLOAT = 3.4e38  # of 32 bits
_LIST = re.compile(r"\s*(.+?)\s*=\s*\[(.*)\]\s*", re.S)

# Makes a value from what the names stand for.
_Make = Callable[[Values], Any]
# What is assigned below a field: by step, or at its end.
_Tree = dict[Step, "_Tree | Formula | str"]


class MessageWriter:
    """Makes messages of one type.

    Attributes:
        names: that its formulas read, each once.
        formulas: by the fields that they fill, such as ``data[0]``.
    """

    def __init__(
        self,
        lines: Sequence[str],
        message_class: Any,
        find: FindClass,
        known: Sequence[str],
        where: str,
        many: Sequence[str] = (),
    ) -> None:
        """Check what is assigned against the type.

        Args:
            lines: assignments to fields; of a formula, a list of formulas, or a text in quotes.
            message_class: of the messages.
            find: classes of the messages within.
            known: names that the formulas may read.
            where: the parameter, for messages.
            many: as for `read_assignments`.

        Raises:
            ValueError: naming the line that does not fit.
        """
        self._find = find
        tree: _Tree = {}
        names: dict[str, None] = {}
        formulas: list[str] = []
        for line in lines:
            if found := _TEXT.fullmatch(line):
                _put(tree, found[1], found[2][1:-1], where)
            elif found := _LIST.fullmatch(line):
                parts = _split_list(found[2], f"{where}: '{line}'")
                formulas += [f"{found[1]}[{i}] = {part}" for i, part in enumerate(parts)]
            else:
                formulas.append(line)
        self.formulas = read_assignments(formulas, where, known=known, many=many)
        for target, formula in self.formulas.items():
            if formula.memories:
                raise ValueError(f"{where}: '{target}': rates and filters are for messages heard")
            _put(tree, target, formula, where)
            names |= dict.fromkeys(formula.names)
        if not tree:
            raise ValueError(
                f"{where}: expected at least one line, such as data[0] = NAME, got none"
            )
        self.names = tuple(names)
        try:
            self._make = self._message(message_class, tree, None)
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from None

    def __call__(self, values: Values) -> Any:
        """Return a message.

        Args:
            values: what the names stand for.

        Raises:
            ValueError: naming a formula without a finite value.
        """
        return self._make(values)

    def _message(self, message_class: Any, tree: _Tree, labels: list[str] | None) -> _Make:
        """Return what makes a message.

        Args:
            message_class: of the message.
            tree: what is assigned to its fields.
            labels: names of elements, of the message around it; None: nothing around has some.
        """
        makes: dict[str, _Make] = {}
        own = next((name for name in LABELS if name in fields_of(message_class)), None)
        if own is not None and fields_of(message_class)[own].many and own not in tree:
            labels = []
        for step, below in tree.items():
            if not isinstance(step, str):
                raise ValueError(f"expected a field of {class_name(message_class)}, got an index")
            kind = field_of(message_class, step)
            try:
                makes[step] = self._field(kind, below, labels)
            except ValueError as error:
                raise ValueError(f"{step}: {error}") from None
        if labels and own is not None and own not in tree:
            made = list(labels)
            makes[own] = lambda _: made
        return lambda values: message_class(**{n: make(values) for n, make in makes.items()})

    def _field(self, kind: FieldType, below: Any, labels: list[str] | None) -> _Make:
        if kind.many:
            if not isinstance(below, dict):
                raise ValueError(f"is an array of {kind.base}: expected [..] after it, or a list")
            return self._array(kind, below, labels)
        if kind.base in _TIMES and isinstance(below, Formula):
            return self._time(self._find(kind.base), below)
        if kind.is_message:
            if not isinstance(below, dict):
                known = ", ".join(fields_of(self._find(kind.base)))
                raise ValueError(f"is a {kind.base}: expected one of its fields {known} after it")
            return self._message(self._find(kind.base), below, labels)
        return _single(kind, below)

    def _array(self, kind: FieldType, below: _Tree, labels: list[str] | None) -> _Make:
        element = FieldType(kind.base)
        given = list(below)
        if all(isinstance(step, Label) for step in given):
            words = [step.text for step in given if isinstance(step, Label)]
            if labels is None:
                raise ValueError(f"[{words[0]}]: the message does not name its elements")
            if labels and labels != words:
                raise ValueError(
                    f"expected the same names as in the other arrays, {', '.join(labels)}, in the "
                    f"same order, got {', '.join(words)}"
                )
            labels[:] = words
        elif not all(isinstance(step, int) for step in given):
            raise ValueError("expected either numbers or names in all brackets")
        elif sorted(given, key=_number) != list(range(len(given))):
            raise ValueError(f"expected all of [0] to [{max(map(_number, given))}]")
        else:
            given.sort(key=_number)
        if kind.size and len(given) != kind.size:
            raise ValueError(f"expected {kind.size} elements, got {len(given)}")
        makes = [self._field(element, below[step], labels) for step in given]
        return lambda values: [make(values) for make in makes]

    def _time(self, message_class: Any, formula: Formula) -> _Make:
        low, high = _range("int32")

        def make(values: Values) -> Any:
            value = formula.value(values)
            if not low <= value <= high:
                raise ValueError(f"{formula.text} is {value:g} s, more than a time can hold")
            nanoseconds = round(1e9 * value)
            seconds, rest = divmod(nanoseconds, 10**9)
            return message_class(sec=seconds, nanosec=rest)

        return make


def _number(step: Step) -> int:
    return step if isinstance(step, int) else -1


def _single(kind: FieldType, below: Any) -> _Make:
    if isinstance(below, dict):
        raise ValueError(f"is a {kind.base}: expected nothing after it")
    if isinstance(below, str):
        if not kind.base.startswith("string"):
            raise ValueError(f"is a {kind.base}, got the text '{below}'")
        return lambda _: below
    if not kind.is_number:
        raise ValueError(f"is a {kind.base}, got a formula: expected a text in quotes")
    low, high = _range(kind.base)
    convert: Callable[[float], Any] = float if kind.base in ("double", "float") else round

    def make(values: Values) -> Any:
        value = below.value(values)
        if not low <= value <= high:
            raise ValueError(f"{below.text} is {value:g}, more than a {kind.base} can hold")
        return bool(round(value)) if kind.base == "boolean" else convert(value)

    return make


def _range(base: str) -> tuple[float, float]:
    """Return the numbers that a type can hold."""
    if base == "double":
        return -math.inf, math.inf
    if base == "float":
        return -_LARGEST_FLOAT, _LARGEST_FLOAT
    if found := _INTEGER.fullmatch(base):
        bits = int(found[2])
        return (0, 2**bits - 1) if found[1] else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    return (0, 1) if base == "boolean" else (0, 255)


def _put(tree: _Tree, target: str, what: Formula | str, where: str) -> None:
    try:
        path = read_path(ast.parse(target, mode="eval").body, target)
    except (SyntaxError, ValueError) as error:
        raise ValueError(f"{where}: '{target}': {error}") from None
    *steps, last = (path.root, *path.steps)
    for step in steps:
        inner = tree.setdefault(step, {})
        if not isinstance(inner, dict):
            raise ValueError(f"{where}: '{target}': something around it is assigned to already")
        tree = inner
    if last in tree:
        raise ValueError(f"{where}: '{target}' is assigned to already")
    tree[last] = what


def _split_list(text: str, where: str) -> Iterable[str]:
    try:
        tree = ast.parse(f"[{text}]", mode="eval").body
    except (SyntaxError, ValueError) as error:
        raise ValueError(f"{where}: expected a list of formulas: {error}") from None
    if not isinstance(tree, ast.List):  # as of "[a][b]"
        raise ValueError(f"{where}: expected one list of formulas")
    return [ast.unparse(element) for element in tree.elts]


def commanded(writers: Mapping[str, MessageWriter], names: Sequence[str]) -> None:
    """Check that every action is sent somewhere.

    Args:
        writers: of all commands, by name.
        names: of the actions.

    Raises:
        ValueError: naming an action that is not.
    """
    sent = {name for writer in writers.values() for name in writer.names}
    for name in names:
        if name not in sent:
            raise ValueError(f"commands: the action '{name}' is sent by none of them")


def seconds_of(stamp: Any) -> float:
    """Return a ``builtin_interfaces/Time`` in seconds; NaN for zero, which means none."""
    seconds = float(stamp.sec) + 1e-9 * float(stamp.nanosec)
    return seconds if seconds != 0.0 else math.nan


def make_writers(
    settings: BridgeSettings, names: tuple[str, ...], find: FindClass
) -> dict[str, MessageWriter]:
    """Return what makes the messages of each command.

    Args:
        settings: the bridge's.
        names: of the actions.
        find: the class of a message by its full name; raises LookupError if there is none.

    Raises:
        ValueError: naming what does not fit.
    """
    writers = {}
    for name in settings.commands:
        own: CommandSettings = getattr(settings, name)
        message_class = find_class(find, own.type, f"{name}.type")
        writers[name] = MessageWriter(own.send, message_class, find, names, f"{name}.send")
    commanded(writers, names)
    return writers
