"""What of a node's parameters a person may change, and how it is shown."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import yaml

from mbrl_ros.core.yaml_text import UNREADABLE

#: Numbers of types, as in rcl_interfaces/msg/ParameterType.
_BOOL, _INTEGER, _DOUBLE, _STRING = 1, 2, 3, 4
_CHOICES = "one of "
# A range of more whole numbers than this is too fine for a slider.
_WIDEST = 1000
# Other values than these, and zero, are too small or too large for one.
_LEAST, _MOST = 1e-100, 1e100
# Of an objective's term, what is rarely changed while it runs; `param set` does.
_RARE = (".of", ".type", ".change", ".combine", ".name", ".terms")
_HIDDEN = ("objective.variants.", "exploration.", "trust.")


@dataclass(frozen=True)
class Control:
    """A parameter that may be changed.

    Attributes:
        node: that has it.
        name: of the parameter.
        value: present one.
        description: with its unit.
        low: smallest value, ``-inf``: none.
        high: largest value, ``inf``: none.
        choices: the only values; empty: any.
    """

    node: str
    name: str
    value: Any
    description: str = ""
    low: float = -math.inf
    high: float = math.inf
    choices: tuple[str, ...] = ()

    @property
    def group(self) -> str:
        """What it belongs to: ``planner``, or ``objective: upright`` for a term's."""
        words = self.name.split(".")[:-1]
        return ": ".join(words) or "general"

    @property
    def label(self) -> str:
        """Its name within the group."""
        return self.name.rpartition(".")[2]

    @property
    def kind(self) -> tuple[object, ...]:
        """What its widget depends on, besides the value."""
        return (self.node, self.name, type(self.value), self.choices)

    def slider(self) -> tuple[float, float, float] | None:
        """Return a slider's ends and step; None: a number is better typed.

        A range without an end gets one by the present value, a power of ten times 1 or 5.
        """
        value = self.value
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        if isinstance(value, int) and self.high - self.low <= _WIDEST:
            return (self.low, self.high, 1) if self.low < self.high else None
        if value != 0 and not _LEAST < abs(value) < _MOST:
            return None
        reach = _round_up(2 * abs(value) or 1.0)
        low, high = max(self.low, -reach), min(self.high, reach)
        if not low <= value <= high or low == high:
            return None
        step = 1 if isinstance(value, int) else 10.0 ** _magnitude((high - low) / 200)
        return low, high, step

    def parsed(self, given: Any) -> Any:
        """Return what was entered, in the parameter's type.

        Raises:
            ValueError: naming it and what was expected.
        """
        wrong = f"{self.name}: expected {type(self.value).__name__}, got {given!r}"
        try:
            if isinstance(self.value, list) and isinstance(given, str):
                given = yaml.safe_load(given)
            if isinstance(self.value, list):
                if not isinstance(given, list):
                    raise ValueError(wrong)
                # What is empty may be of any kind; the node knows.
                kind = type(self.value[0]) if self.value else None
                return [_as(kind, item) if kind else item for item in given]
            made = _as(type(self.value), given)
        except (TypeError, OverflowError, *UNREADABLE):
            raise ValueError(wrong) from None
        if not self.low <= (made if isinstance(made, int | float) else self.low) <= self.high:
            raise ValueError(f"{self.name}: expected {self.low:g} to {self.high:g}, got {made:g}")
        return made


def control_of(node: str, descriptor: Any, value: Any) -> Control | None:
    """Return the control of a parameter; None: it cannot be changed, or rarely is.

    Args:
        node: that has it.
        descriptor: rcl_interfaces/msg/ParameterDescriptor.
        value: present one; None: it is not set.
    """
    name = descriptor.name
    rare = name.startswith("objective.") and (name.endswith(_RARE) or ".reference." in name)
    hidden = rare or name.startswith(_HIDDEN)
    if descriptor.read_only or value is None or hidden or name == "use_sim_time":
        return None
    ranges = [*descriptor.floating_point_range, *descriptor.integer_range]
    low, high = (ranges[0].from_value, ranges[0].to_value) if ranges else (-math.inf, math.inf)
    constraints = descriptor.additional_constraints
    told = constraints.removeprefix(_CHOICES) if constraints.startswith(_CHOICES) else ""
    choices = tuple(told.split(", ")) if told else ()
    if choices and value not in choices:
        choices = (value, *choices)
    return Control(node, name, value, descriptor.description, float(low), float(high), choices)


def _as(kind: type, given: Any) -> Any:
    """Return a value as another type; ValueError: it is none, such as 3.7 as a whole number."""
    made = kind(given)
    if kind in (int, bool) and made != given:
        raise ValueError
    return made


def _magnitude(value: float) -> int:
    return math.floor(math.log10(value))


def _round_up(value: float) -> float:
    """Return the next of 1, 5, 10, 50, 100 and so on."""
    power = 10.0 ** _magnitude(value)
    return next(power * factor for factor in (1, 5, 10) if power * factor >= value * (1 - 1e-9))
