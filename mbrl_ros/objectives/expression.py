"""Formulas of dimension names, parsed without running Python code."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from mbrl_ros.objectives.batch import Batch, Dimension, wrap
from mbrl_ros.objectives.term import Term
from mbrl_ros.objectives.term_settings import ExpressionSettings

MAX_LENGTH = 500
_MAX_DEPTH = 32
_MAX_POWER = 8

# Evaluates a part of a formula.
_Part = Callable[[Batch], Tensor]

_FUNCTIONS: dict[str, tuple[int, Callable[..., Tensor]]] = {
    "abs": (1, torch.abs),
    "sqrt": (1, torch.sqrt),
    "exp": (1, torch.exp),
    "log": (1, torch.log),
    "sin": (1, torch.sin),
    "cos": (1, torch.cos),
    "tan": (1, torch.tan),
    "tanh": (1, torch.tanh),
    "wrap": (1, wrap),
    "atan2": (2, torch.atan2),
    "min": (2, torch.minimum),
    "max": (2, torch.maximum),
}
_OPERATORS: dict[type[ast.operator], Callable[[Tensor, Tensor], Tensor]] = {
    ast.Add: torch.add,
    ast.Sub: torch.sub,
    ast.Mult: torch.mul,
    ast.Div: torch.div,
}


@dataclass(frozen=True)
class Formula:
    """A parsed formula.

    Attributes:
        names: the dimensions it reads, each once.
    """

    names: tuple[str, ...]
    _value: _Part

    def __call__(self, batch: Batch) -> Tensor:
        """Return its value for each step, shape ``(..., H)``."""
        value = self._value(batch)
        for name in self.names:
            # Planners must see non-finite values: exp(-x) of infinity alone would be 0.
            value = torch.add(value, batch[name], alpha=0.0)
        return value


@lru_cache(maxsize=64)
def read_formula(text: str) -> Formula:
    """Parse a formula of numbers, names, ``+ - * / **``, parentheses and known functions.

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
    value = _part(tree.body, names, 0)
    if not names:
        raise ValueError(f"expected a formula of at least one dimension, got '{text}'")
    return Formula(tuple(names), value)


def _part(node: ast.expr, names: dict[str, None], depth: int) -> _Part:
    """Compile one node; adds the names that it reads to ``names``."""
    if depth > _MAX_DEPTH:
        raise ValueError(f"expected at most {_MAX_DEPTH} operations within each other")
    match node:
        case ast.Constant(value=bool() | complex() | str() | bytes() | None):
            raise ValueError(f"'{ast.unparse(node)}' is no number")
        case ast.Constant(value=int() | float() as number):
            return _constant(number)
        case ast.Name(id="pi"):
            return _constant(math.pi)
        case ast.Name(id=name):
            names[name] = None
            return lambda batch: batch[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            inner = _part(operand, names, depth + 1)
            return lambda batch: -inner(batch)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _part(operand, names, depth + 1)
        case ast.BinOp(left=base, op=ast.Pow(), right=exponent):
            return _power(_part(base, names, depth + 1), exponent)
        case ast.BinOp(left=left, op=operator, right=right) if type(operator) in _OPERATORS:
            combine = _OPERATORS[type(operator)]
            a, b = _part(left, names, depth + 1), _part(right, names, depth + 1)
            return lambda batch: combine(a(batch), b(batch))
        case ast.Call(func=ast.Name(id=name), args=given, keywords=[]) if name in _FUNCTIONS:
            count, function = _FUNCTIONS[name]
            if len(given) != count:
                raise ValueError(f"{name} takes {count} value(s), got {len(given)}")
            parts = [_part(argument, names, depth + 1) for argument in given]
            return lambda batch: function(*(part(batch) for part in parts))
    raise ValueError(
        f"'{_short(node)}' is not allowed: expected numbers, names of dimensions, pi, + - * / **, "
        f"parentheses, {', '.join(_FUNCTIONS)}"
    )


def _constant(number: Any) -> _Part:
    try:
        value = float(number)
    except OverflowError:
        value = math.inf
    if not math.isfinite(value):
        raise ValueError("expected numbers that a float can hold")
    # A zero-dimensional tensor adopts the type of the other operand. It is kept, so it must not be
    # an inference tensor.
    with torch.inference_mode(False):
        tensor = torch.tensor(value, dtype=torch.float64)
    return lambda _: tensor


def _power(base: _Part, exponent: ast.expr) -> _Part:
    match exponent:
        case ast.Constant(value=int() | float() as power):
            if not isinstance(power, bool) and power <= _MAX_POWER:
                return lambda batch: torch.pow(base(batch), power)
    raise ValueError(
        f"'** {_short(exponent)}': expected a number from 0 to {_MAX_POWER} as the exponent"
    )


def _short(node: ast.AST) -> str:
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= 60 else text[:57] + "..."


class Expression(Term[ExpressionSettings]):
    """The value of a formula."""

    def check(self, where: str, known: Mapping[str, Dimension]) -> None:
        """See `Term.check`."""
        try:
            formula = read_formula(self.settings.expression)
        except ValueError as error:
            raise ValueError(f"{where}.expression: {error}") from None
        for name in formula.names:
            if name not in known:
                raise ValueError(
                    f"{where}.expression: unknown dimension '{name}': "
                    f"expected one of {', '.join(known)}"
                )

    def value(self, batch: Batch) -> Tensor:
        """See `Term.value`."""
        return read_formula(self.settings.expression)(batch)
