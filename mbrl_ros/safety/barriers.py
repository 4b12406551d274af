"""Barriers: functions of an observation that are negative in states that must never be entered."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mbrl_ros.core.formula import Arithmetic, read_formula
from mbrl_ros.core.kinematics import Kinematics
from mbrl_ros.core.limits import LimitSettings, index
from mbrl_ros.core.numbers import shown
from mbrl_ros.core.spaces import FloatArray, Space

# Step of a difference that stands for a derivative, relative to the value.
_STEP = 1e-6
_TURN = 2 * math.pi
_Value = Callable[[FloatArray], float]


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
    h: _Value

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
    robot = settings.kinematics(observation)
    found: list[Barrier] = []
    for name, i, least, most in settings.ranges(observation):
        reads, value = _dimension(i, observation, robot)
        straight = reads == (i,)
        if least > -math.inf:
            text = f"{name} >= {shown(least)}"
            found.append(Barrier(text, reads, straight, _above(value, least)))
        if most < math.inf:
            text = f"{name} <= {shown(most)}"
            found.append(Barrier(text, reads, straight, _below(value, most)))
    return (*found, *(_outside(text, observation, robot) for text in settings.forbidden))


def _dimension(
    i: int, observation: Space, robot: Kinematics | None
) -> tuple[tuple[int, ...], _Value]:
    """Return the dimensions that one depends on, which may be of a robot's point, and its value."""
    if robot is None or i < observation.dim:
        return (i,), lambda observed: float(observed[i])
    point = i - observation.dim
    return robot.reads[point], lambda observed: float(robot(observed)[point])


def _above(value: _Value, least: float) -> _Value:
    return lambda observed: value(observed) - least


def _below(value: _Value, most: float) -> _Value:
    return lambda observed: most - value(observed)


def _outside(text: str, observation: Space, robot: Kinematics | None) -> Barrier:
    try:
        formula = read_formula(text, _NUMBERS)
    except ValueError as error:
        raise ValueError(f"limits.forbidden: {error}") from None
    where = f"limits.forbidden: '{text}'"
    each = {
        name: _dimension(index(observation, name, where, robot), observation, robot)
        for name in formula.names
    }
    reads = tuple(dict.fromkeys(i for dimensions, _ in each.values() for i in dimensions))

    def h(observed: FloatArray) -> float:
        known = {name: value(observed) for name, (_, value) in each.items()}
        try:
            return -float(formula.value(known))
        except (ValueError, ArithmeticError, TypeError):  # such as the root of a negative number
            return math.nan

    return Barrier(f"{text} <= 0", reads, False, h)
