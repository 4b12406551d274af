"""Formulas over named numbers and the fields of messages, parsed without running Python code.

Such as ``cos(joints.position[pole])``, ``yaw(odometry.pose.pose.orientation)`` or
``abs(cart_position) > 1.7``.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Collection, Mapping
from typing import Any

from mbrl_ros.core.formula import FUNCTIONS, Arithmetic, Part, compile_formula
from mbrl_ros.robot import rotations
from mbrl_ros.robot.fields import Label, Path, follow, read_index, read_path
from mbrl_ros.robot.memories import MEMORIES, Memory

#: What the names in a formula stand for: numbers or messages.
Values = Mapping[str, Any]

_Inner = Callable[[ast.expr], Part]


def _wrapped(angle: float) -> float:
    return math.remainder(angle, math.tau)


_OWN: dict[str, Callable[..., Any]] = {"abs": abs, "min": min, "max": max, "wrap": _wrapped}
_ARITHMETIC = Arithmetic({name: _OWN.get(name) or getattr(math, name) for name in FUNCTIONS})
# Of one value each.
_FURTHER: dict[str, Callable[[Any], Any]] = {
    "radians": math.radians,
    "roll": rotations.roll,
    "pitch": rotations.pitch,
    "yaw": rotations.yaw,
    "rotation6d": rotations.rotation6d,
}
_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


class Formula:
    """A parsed formula.

    Attributes:
        text: as written.
        names: that it reads, each once.
        paths: to the fields that it reads.
        memories: its parts that depend on earlier messages, those within others first.
    """

    def __init__(self, text: str, known: Collection[str]) -> None:
        """Parse a formula.

        Args:
            text: to parse.
            known: names that it may read.

        Raises:
            ValueError: naming what is not allowed.
        """
        self.text = text.strip()
        self.paths: list[Path] = []
        self.memories: tuple[Memory, ...] = ()
        self._known = known
        self._part = compile_formula(self.text, _ARITHMETIC, self._further).value
        roots = [path.root for path in self.paths]
        self.names: tuple[str, ...] = tuple(dict.fromkeys(roots))

    def value(self, values: Values) -> float:
        """Return its value.

        Raises:
            ValueError: naming what is missing, or no finite number.
        """
        number = self._number(self._part, values)
        if not math.isfinite(number):
            raise ValueError(f"{self.text} is {number}")
        return number

    def _number(self, part: Part, values: Values) -> float:
        try:
            return float(part(values))
        except (TypeError, OverflowError, ZeroDivisionError, LookupError) as error:
            # Of a text or a message where a number should be, or beyond a matrix.
            raise ValueError(f"{self.text}: {error}") from None
        except ValueError as error:
            text = str(error)
            raise ValueError(text if self.text in text else f"{text}, in {self.text}") from None

    def _further(self, node: ast.expr, inner: _Inner) -> Part | None:
        match node:
            case ast.Name(id="pi"):
                return None
            case ast.Subscript(value=ast.Call() as call, slice=index):
                place, of = read_index(index), inner(call)
                if isinstance(place, Label):
                    raise ValueError(f"'{ast.unparse(node)}': expected a number in the brackets")
                return lambda values: of(values)[place]
            case ast.Name() | ast.Attribute() | ast.Subscript():
                return self._field(node)
            case ast.Compare(left=left, ops=ops, comparators=others):
                compare = [_COMPARISONS[type(op)] for op in ops if type(op) in _COMPARISONS]
                if len(compare) < len(ops):
                    raise ValueError(f"'{ast.unparse(node)}': expected <, <=, > or >=")
                parts = [inner(each) for each in (left, *others)]
                return lambda values: _compared([part(values) for part in parts], compare)
            case ast.BoolOp(op=op, values=operands):
                parts = [inner(each) for each in operands]
                every = all if isinstance(op, ast.And) else any
                return lambda values: every(part(values) for part in parts)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                negated = inner(operand)
                return lambda values: not negated(values)
            case ast.Call(func=ast.Name(id=name), args=[only], keywords=[]) if name in _FURTHER:
                function, argument = _FURTHER[name], inner(only)
                return lambda values: function(argument(values))
            case ast.Call(func=ast.Name(id=name), args=given, keywords=[]) if name in MEMORIES:
                return self._remembered(name, given, inner)
            case ast.Call(func=ast.Name(id=name)) if name not in FUNCTIONS:
                known = ", ".join([*FUNCTIONS, *_FURTHER, *MEMORIES])
                raise ValueError(f"'{ast.unparse(node)}': expected one of the functions {known}")
        return None

    def _field(self, node: ast.expr) -> Part:
        path = read_path(node, ast.unparse(node))
        root = path.root
        if root not in self._known:
            raise ValueError(
                f"'{path.text}': unknown name '{root}': expected one of {', '.join(self._known)}"
            )
        self.paths.append(path)
        return lambda values: follow(values[root], path)

    def _remembered(self, name: str, given: list[ast.expr], inner: _Inner) -> Part:
        kind = MEMORIES[name]
        if len(given) != 1 + len(kind.takes):
            raise ValueError(f"{name} takes {1 + len(kind.takes)} value(s), got {len(given)}")
        before = len(self.paths)
        part = inner(given[0])
        roots = dict.fromkeys(path.root for path in self.paths[before:])
        if len(roots) != 1:
            raise ValueError(
                f"{name}: expected fields of one source, since it follows its messages, got "
                f"{', '.join(roots) or 'none'}"
            )
        further: list[float] = []
        for what, node in zip(kind.takes, given[1:], strict=True):
            match node:
                case ast.Constant(value=int() | float() as number) if number > 0:
                    further.append(float(number))
                case _:
                    raise ValueError(
                        f"{name}: expected {what} as a number > 0, got {ast.unparse(node)}"
                    )
        argument = ast.unparse(given[0])

        def finite(values: Values) -> float:
            number = self._number(part, values)
            if not math.isfinite(number):
                raise ValueError(f"{argument} is {number}")
            return number

        memory = kind(*roots, finite, *further)
        self.memories = (*self.memories, memory)
        return lambda _: memory.value


def _compared(numbers: list[Any], compare: list[Callable[[Any, Any], Any]]) -> bool:
    pairs = zip(compare, numbers[:-1], numbers[1:], strict=True)
    return all(holds(a, b) for holds, a, b in pairs)


def formula_alone(text: str, where: str, known: Any) -> Formula | None:
    """Return the formula that is a parameter's text; None: the text is empty.

    Args:
        text: of the parameter.
        where: its name.
        known: as for `Formula`.

    Raises:
        ValueError: naming the parameter, if it is none.
    """
    if not text:
        return None
    try:
        return Formula(text, known)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
