"""Formulas of dimension names, parsed without running Python code."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

MAX_LENGTH = 500
_MAX_DEPTH = 32
_MAX_POWER = 8

#: The functions there are, and of how many values.
FUNCTIONS = {
    "abs": 1,
    "sqrt": 1,
    "exp": 1,
    "log": 1,
    "sin": 1,
    "cos": 1,
    "tan": 1,
    "tanh": 1,
    "wrap": 1,
    "atan2": 2,
    "min": 2,
    "max": 2,
}
_OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}

#: Evaluates a part of a formula from what is known, name to value.
Part = Callable[[Any], Any]
#: Compiles a node that formulas do not have by themselves, with a function that compiles those
#: within it; None: it is none of its own.
Further = Callable[[ast.expr, Callable[[ast.expr], Part]], "Part | None"]


@dataclass(frozen=True, eq=False)
class Arithmetic:
    """What a formula is computed with.

    Attributes:
        functions: each of `FUNCTIONS`.
        constant: makes a value of a number.
    """

    functions: Mapping[str, Callable[..., Any]]
    constant: Callable[[float], Any] = float


@dataclass(frozen=True)
class Formula:
    """A parsed formula.

    Attributes:
        names: the dimensions it reads, each once.
        value: returns its value from what is known, name to value.
    """

    names: tuple[str, ...]
    value: Callable[[Any], Any]


@lru_cache(maxsize=64)
def read_formula(text: str, arithmetic: Arithmetic) -> Formula:
    """Parse a formula of numbers, names, ``+ - * / **``, parentheses and known functions.

    Raises:
        ValueError: naming what is not allowed.
    """
    formula = compile_formula(text, arithmetic)
    if not formula.names:
        raise ValueError(f"expected a formula of at least one dimension, got '{text}'")
    return formula


def compile_formula(text: str, arithmetic: Arithmetic, further: Further | None = None) -> Formula:
    """Parse a formula, which may have nodes of the caller's own.

    Args:
        text: to parse.
        arithmetic: to compute it with.
        further: compiles the caller's own nodes, which come before the usual ones; None: none.

    Raises:
        ValueError: naming what is not allowed.
    """
    if len(text) > MAX_LENGTH:
        raise ValueError(f"expected at most {MAX_LENGTH} characters, got {len(text)}")
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        reason = error.msg if isinstance(error, SyntaxError) else str(error)
        raise ValueError(f"expected a formula, got '{text}': {reason}") from None
    names: dict[str, None] = {}
    value = _part(tree.body, names, 0, arithmetic, further)
    return Formula(tuple(names), value)


def _part(
    node: ast.expr,
    names: dict[str, None],
    depth: int,
    arithmetic: Arithmetic,
    further: Further | None,
) -> Part:
    """Compile one node; adds the names that it reads to ``names``."""
    if depth > _MAX_DEPTH:
        raise ValueError(f"expected at most {_MAX_DEPTH} operations within each other")

    def inner(child: ast.expr) -> Part:
        return _part(child, names, depth + 1, arithmetic, further)

    if further is not None and (own := further(node, inner)) is not None:
        return own
    match node:
        case ast.Constant(value=bool() | complex() | str() | bytes() | None):
            raise ValueError(f"'{ast.unparse(node)}' is no number")
        case ast.Constant(value=int() | float() as number):
            return _constant(number, arithmetic)
        case ast.Name(id="pi"):
            return _constant(math.pi, arithmetic)
        case ast.Name(id=name):
            names[name] = None
            return lambda known: known[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            negated = inner(operand)
            return lambda known: -negated(known)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return inner(operand)
        case ast.BinOp(left=base, op=ast.Pow(), right=exponent):
            return _power(inner(base), exponent)
        case ast.BinOp(left=left, op=combination, right=right) if type(combination) in _OPERATORS:
            combine = _OPERATORS[type(combination)]
            a, b = inner(left), inner(right)
            return lambda known: combine(a(known), b(known))
        case ast.Call(func=ast.Name(id=name), args=given, keywords=[]) if name in FUNCTIONS:
            function = arithmetic.functions[name]
            if len(given) != FUNCTIONS[name]:
                raise ValueError(f"{name} takes {FUNCTIONS[name]} value(s), got {len(given)}")
            parts = [inner(argument) for argument in given]
            return lambda known: function(*(part(known) for part in parts))
    raise ValueError(
        f"'{_short(node)}' is not allowed: expected numbers, names of dimensions, pi, + - * / **, "
        f"parentheses, {', '.join(FUNCTIONS)}"
    )


def _constant(number: Any, arithmetic: Arithmetic) -> Part:
    try:
        value = float(number)
    except OverflowError:
        value = math.inf
    if not math.isfinite(value):
        raise ValueError("expected numbers that a float can hold")
    constant = arithmetic.constant(value)
    return lambda _: constant


def _power(base: Part, exponent: ast.expr) -> Part:
    match exponent:
        case ast.Constant(value=int() | float() as power):
            if not isinstance(power, bool) and power <= _MAX_POWER:
                return lambda known: base(known) ** power
    raise ValueError(
        f"'** {_short(exponent)}': expected a number from 0 to {_MAX_POWER} as the exponent"
    )


def _short(node: ast.AST) -> str:
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= 60 else text[:57] + "..."
