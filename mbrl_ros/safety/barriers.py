"""Barriers: functions of an observation that are negative in states that must never be entered."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mbrl_ros.core.formula import Arithmetic, read_formula
from mbrl_ros.core.limits import LimitSettings, index
from mbrl_ros.core.numbers import shown
from mbrl_ros.core.spaces import FloatArray, Space

# Step of a difference that stands for a derivative, relative to the value.
_STEP = 1e-6
_TURN = 2 * math.pi


def _least(a: float, b: float) -> float:
    return math.nan if math.isnan(a) or math.isnan(b) else min(a, b)


def _largest(a: float, b: float) -> float:
    return math.nan if math.isnan(a) or math.isnan(b) else max(a, b)


_NUMBERS = Arithmetic(
    {
        "abs": math.fabs,
        "sqrt": math.sqrt,
        "exp": math.exp,
        "log": math.log,
        "sin": math.sin,
        "cos": math.cos,
        "tan": math.tan,
        "tanh": math.tanh,
        "wrap": lambda angle: math.remainder(angle, _TURN),
        "atan2": math.atan2,
        "min": _least,
        "max": _largest,
    }
)


@dataclass(frozen=True)
class Barrier:
    """Keeps a state where a function h of it is at least zero.

    Attributes:
        text: what it keeps, in words.
        reads: indices of the dimensions that h depends on.
        straight: whether h is linear.
        h: of an observation, shape ``(O,)``; NaN where it is not defined.
    """

    text: str
    reads: tuple[int, ...]
    straight: bool
    h: Callable[[FloatArray], float]

    def slope(self, observed: FloatArray) -> FloatArray:
        """Return the derivative of h by the observation, shape ``(O,)``."""
        slope = np.zeros(len(observed))
        for i in self.reads:
            step = _STEP * (1.0 + abs(float(observed[i])))
            there, back = observed.copy(), observed.copy()
            there[i] += step
            back[i] -= step
            slope[i] = (self.h(there) - self.h(back)) / (2 * step)
        return slope


def make_barriers(settings: LimitSettings, observation: Space) -> tuple[Barrier, ...]:
    """Return the barriers of the settings.

    Raises:
        ValueError: naming the parameter that does not fit.
    """
    found: list[Barrier] = []
    for name, i, least, most in settings.ranges(observation):
        if least > -math.inf:
            found.append(Barrier(f"{name} >= {shown(least)}", (i,), True, _above(i, least)))
        if most < math.inf:
            found.append(Barrier(f"{name} <= {shown(most)}", (i,), True, _below(i, most)))
    return (*found, *(_outside(text, observation) for text in settings.forbidden))


def _above(i: int, least: float) -> Callable[[FloatArray], float]:
    return lambda observed: float(observed[i]) - least


def _below(i: int, most: float) -> Callable[[FloatArray], float]:
    return lambda observed: most - float(observed[i])


def _outside(text: str, observation: Space) -> Barrier:
    try:
        formula = read_formula(text, _NUMBERS)
    except ValueError as error:
        raise ValueError(f"limits.forbidden: {error}") from None
    reads = tuple(index(observation, name, f"limits.forbidden: '{text}'") for name in formula.names)

    def h(observed: FloatArray) -> float:
        known = {name: float(observed[i]) for name, i in zip(formula.names, reads, strict=True)}
        try:
            return -float(formula.value(known))
        except (ValueError, ArithmeticError, TypeError):  # such as the root of a negative number
            return math.nan

    return Barrier(f"{text} <= 0", reads, False, h)
