"""Settings of an objective, as they stand in a parameter file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mbrl_ros.settings import SettingsError, build, setting, unknown_parameter


@dataclass(frozen=True)
class TermSettings:
    """One reward term: ``offset + weight * f(dimensions - target)``.

    Under ``objective.<name>.`` in a parameter file.
    """

    type: str = setting(
        "linear",
        "shape of f: the value itself, its negative square, 1 within bounds falling off outside,"
        " or the cosine of an angle",
        choices=("linear", "quadratic", "tolerance", "cosine"),
    )
    of: list[str] = setting([], "dimensions it reads; several enter by their Euclidean norm")
    weight: float = setting(1.0, "factor of f", live=True)
    offset: float = setting(0.0, "added to the weighted f", live=True)
    target: float = setting(0.0, "subtracted from the dimensions first [their unit]", live=True)
    lower: float = setting(0.0, "tolerance: lower bound of full reward [the dimension's unit]")
    upper: float = setting(0.0, "tolerance: upper bound of full reward [the dimension's unit]")
    margin: float = setting(
        0.0, "tolerance: distance outside at which value_at_margin is left", low=0.0
    )
    value_at_margin: float = setting(0.1, "tolerance: f at the margin", low=0.0, high=1.0)
    sigmoid: str = setting(
        "gaussian",
        "tolerance: how f falls off",
        choices=("gaussian", "linear", "quadratic", "long_tail"),
    )


@dataclass(frozen=True)
class ObjectiveSettings:
    """The fixed part of an objective's parameters."""

    terms: list[str] = setting([], "names of the reward terms; each has parameters of its own")
    combine: str = setting(
        "sum", "how the terms make one reward per step", choices=("sum", "product")
    )
    caution: float = setting(
        0.0, "standard deviations between members taken off a plan's return; negative: curious"
    )


def split_terms(
    values: Mapping[str, Any],
) -> tuple[ObjectiveSettings, dict[str, TermSettings]]:
    """Read an objective from flat parameters without their prefix ``objective.``.

    Raises:
        SettingsError: for an unknown name, a wrong type or a value out of bounds.
    """
    fixed = {name: value for name, value in values.items() if "." not in name}
    settings = build(ObjectiveSettings, fixed, "objective")
    grouped: dict[str, dict[str, Any]] = {name: {} for name in settings.terms}
    if len(grouped) < len(settings.terms):
        double = next(name for name in grouped if settings.terms.count(name) > 1)
        raise SettingsError(f"objective.terms: '{double}' stands there more than once")
    for name, value in values.items():
        term, dot, field = name.partition(".")
        if not dot:
            continue
        if term not in grouped:
            raise SettingsError(f"objective: {unknown_parameter(term, settings.terms)}")
        grouped[term][field] = value
    return settings, {
        name: build(TermSettings, fields, f"objective.{name}") for name, fields in grouped.items()
    }
