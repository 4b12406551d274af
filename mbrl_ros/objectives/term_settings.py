"""The parameters of reward terms; apart from the terms, so that reading them needs no torch."""

from __future__ import annotations

import math
from dataclasses import dataclass

from mbrl_ros.core.settings import group, setting
from mbrl_ros.objectives.limits import LARGEST
from mbrl_ros.objectives.reference import ReferenceSettings

# Fields that hold one number for all dimensions, or a list with one for each.
PER_DIMENSION = ("target", "scale", "lower", "upper")


@dataclass(frozen=True)
class TermSettings:
    """What every term has: it is ``offset + weight * f``."""

    type: str = setting("", "kind of the term: what f is, or module:attribute of one's own")
    weight: float = setting(1.0, "factor of f", low=-LARGEST, high=LARGEST, live=True)
    offset: float = setting(
        0.0, "added to the weighted f", low=-LARGEST, high=LARGEST, live=True
    )  # fmt: skip


@dataclass(frozen=True)
class DimensionSettings(TermSettings):
    """What a term of named dimensions has."""

    of: list[str] = setting([], "dimensions it reads; several enter by their Euclidean norm")

    def each(self, values: list[float]) -> list[float]:
        """Return one value per dimension."""
        return values * len(self.of) if len(values) == 1 else values


@dataclass(frozen=True)
class AimedSettings(DimensionSettings):
    """What a term of how far dimensions are from a target has."""

    target: list[float] = setting(
        [0.0], "subtracted from the dimensions first [their unit]; a number, or one for each",
        low=-LARGEST, high=LARGEST, live=True,
    )  # fmt: skip
    scale: list[float] = setting(
        [1.0], "the difference is divided by it [the dimensions' unit]; a number, or one for each",
        low=1e-6, high=LARGEST, live=True,
    )  # fmt: skip
    change: bool = setting(
        False, "judge the change of the dimensions since the step before in their place"
    )
    reference: ReferenceSettings = group(ReferenceSettings)


@dataclass(frozen=True)
class ToleranceSettings(AimedSettings):
    """The bounds of full reward, and how it falls off outside."""

    lower: list[float] = setting(
        [0.0], "lower bound of full reward [the dimension's unit]; a number, or one for each",
        live=True,
    )  # fmt: skip
    upper: list[float] = setting(
        [0.0], "upper bound of full reward [the dimension's unit]; a number, or one for each",
        live=True,
    )  # fmt: skip
    margin: float = setting(
        0.0, "distance outside at which value_at_margin is left; 0: nothing is left outside",
        low=0.0, high=LARGEST, live=True,
    )  # fmt: skip
    value_at_margin: float = setting(0.1, "f at the margin", low=0.0, high=1.0, live=True)
    sigmoid: str = setting(
        "gaussian", "how f falls off", choices=("gaussian", "linear", "quadratic", "long_tail")
    )


@dataclass(frozen=True)
class BoundedSettings(DimensionSettings):
    """Fixed bounds, which no goal moves."""

    lower: list[float] = setting(
        [-math.inf], "lower bound [the dimension's unit]; a number, or one for each", live=True
    )
    upper: list[float] = setting(
        [math.inf], "upper bound [the dimension's unit]; a number, or one for each", live=True
    )


@dataclass(frozen=True)
class ExpressionSettings(TermSettings):
    """The formula."""

    expression: str = setting(
        "", "formula over names of dimensions, such as cos(a) - 0.1*abs(b)", live=True
    )


TERM_SETTINGS: dict[str, type[TermSettings]] = {
    "linear": AimedSettings,
    "quadratic": AimedSettings,
    "smooth_l1": AimedSettings,
    "cosine": AimedSettings,
    "tolerance": ToleranceSettings,
    "barrier": BoundedSettings,
    "alive": BoundedSettings,
    "expression": ExpressionSettings,
    "learned_reward": TermSettings,
    "learned_survival": TermSettings,
}

# Those that the model has to learn.
LEARNED = ("learned_reward", "learned_survival")


def settings_of_kind(name: str) -> type[TermSettings]:
    """Return the settings of a kind of term; ``module:attribute`` is a function of one's own.

    Raises:
        ValueError: if there is none.
    """
    if ":" in name:
        return TermSettings
    if name not in TERM_SETTINGS:
        raise ValueError(
            f"parameter 'type': expected one of {', '.join(TERM_SETTINGS)} or module:attribute, "
            f"got {name!r}"
        )
    return TERM_SETTINGS[name]
