"""The parameters of reward terms; a separate module, so that reading them does not need torch."""

from __future__ import annotations

import math
from dataclasses import dataclass

from mbrl_ros.core.settings import group, setting
from mbrl_ros.objectives.limits import LARGEST
from mbrl_ros.objectives.reference import ReferenceSettings

# Fields with one number for all dimensions, or a list with one per dimension.
PER_DIMENSION = ("target", "scale", "lower", "upper")


@dataclass(frozen=True)
class TermSettings:
    """Parameters of all terms, ``offset + weight * f``."""

    type: str = setting("", "kind of the term, which defines f, or module:attribute of your own")
    weight: float = setting(1.0, "factor of f", low=-LARGEST, high=LARGEST, live=True)
    offset: float = setting(
        0.0, "added to weight * f", low=-LARGEST, high=LARGEST, live=True
    )  # fmt: skip


@dataclass(frozen=True)
class DimensionSettings(TermSettings):
    """Parameters of a term of named dimensions."""

    of: list[str] = setting([], "dimensions it reads; of several, their Euclidean norm")

    def each(self, values: list[float]) -> list[float]:
        """Return one value per dimension."""
        return values * len(self.of) if len(values) == 1 else values


@dataclass(frozen=True)
class AimedSettings(DimensionSettings):
    """Parameters of a term of the deviation from a target."""

    target: list[float] = setting(
        [0.0], "target of the dimensions [their unit]; one number, or one per dimension",
        low=-LARGEST, high=LARGEST, live=True,
    )  # fmt: skip
    scale: list[float] = setting(
        [1.0], "divisor of the deviation [the dimensions' unit]; one number, or one per dimension",
        low=1e-12, high=LARGEST, live=True,
    )  # fmt: skip
    change: bool = setting(
        False, "use the change of the dimensions since the previous step instead of their values"
    )
    reference: ReferenceSettings = group(ReferenceSettings)


@dataclass(frozen=True)
class ToleranceSettings(AimedSettings):
    """The bounds of full reward, and the falloff outside."""

    lower: list[float] = setting(
        [0.0], "lower bound of full reward [dimension's unit]; one number, or one per dimension",
        live=True,
    )  # fmt: skip
    upper: list[float] = setting(
        [0.0], "upper bound of full reward [dimension's unit]; one number, or one per dimension",
        live=True,
    )  # fmt: skip
    margin: float = setting(
        0.0, "distance outside at which f is value_at_margin; 0: f is 0 outside",
        low=0.0, high=LARGEST, live=True,
    )  # fmt: skip
    value_at_margin: float = setting(0.1, "f at the margin", low=0.0, high=1.0, live=True)
    sigmoid: str = setting(
        "gaussian", "shape of the falloff", choices=("gaussian", "linear", "quadratic", "long_tail")
    )


@dataclass(frozen=True)
class BoundedSettings(DimensionSettings):
    """Fixed bounds, not affected by goals."""

    lower: list[float] = setting(
        [-math.inf],
        "lower bound [the dimension's unit]; one number, or one per dimension",
        live=True,
    )
    upper: list[float] = setting(
        [math.inf],
        "upper bound [the dimension's unit]; one number, or one per dimension",
        live=True,
    )


@dataclass(frozen=True)
class ExpressionSettings(TermSettings):
    """The formula."""

    expression: str = setting(
        "", "formula of dimension names, such as cos(a) - 0.1*abs(b)", live=True
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

# Terms that require a learned reward model.
LEARNED = ("learned_reward", "learned_survival")


def settings_of_kind(name: str) -> type[TermSettings]:
    """Return the settings of a kind of term; ``module:attribute`` is a user-defined function.

    Raises:
        ValueError: if the kind is unknown.
    """
    if ":" in name:
        return TermSettings
    if name not in TERM_SETTINGS:
        raise ValueError(
            f"parameter 'type': expected one of {', '.join(TERM_SETTINGS)} or module:attribute, "
            f"got {name!r}"
        )
    return TERM_SETTINGS[name]
