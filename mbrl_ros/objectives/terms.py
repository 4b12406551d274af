"""Kinds of reward terms by name."""

from __future__ import annotations

from typing import Any

from mbrl_ros.objectives.bounds import Alive, Barrier, Tolerance
from mbrl_ros.objectives.expression import Expression
from mbrl_ros.objectives.function import Function
from mbrl_ros.objectives.learned import LearnedReward, LearnedSurvival
from mbrl_ros.objectives.shapes import Cosine, Linear, Quadratic, SmoothL1
from mbrl_ros.objectives.term import Term
from mbrl_ros.objectives.term_settings import TermSettings

TERMS: dict[str, type[Term[Any]]] = {
    "linear": Linear,
    "quadratic": Quadratic,
    "smooth_l1": SmoothL1,
    "cosine": Cosine,
    "tolerance": Tolerance,
    "barrier": Barrier,
    "alive": Alive,
    "expression": Expression,
    "learned_reward": LearnedReward,
    "learned_survival": LearnedSurvival,
}


def make_term(settings: TermSettings) -> Term[Any]:
    """Return the term of the settings."""
    return TERMS.get(settings.type, Function)(settings)
