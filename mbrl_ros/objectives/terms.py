"""Kinds of reward terms by name."""

from __future__ import annotations

from mbrl_ros.objectives.bounds import Alive, Barrier, Tolerance
from mbrl_ros.objectives.expression import Expression
from mbrl_ros.objectives.function import Function
from mbrl_ros.objectives.shapes import Cosine, Linear, Quadratic, SmoothL1
from mbrl_ros.objectives.term import Term

TERMS: dict[str, type[Term]] = {
    "linear": Linear,
    "quadratic": Quadratic,
    "smooth_l1": SmoothL1,
    "cosine": Cosine,
    "tolerance": Tolerance,
    "barrier": Barrier,
    "alive": Alive,
    "expression": Expression,
}


def term_kind(name: str) -> type[Term]:
    """Return the kind of that name; ``module:attribute`` is a function of the user's own.

    Raises:
        ValueError: if there is none.
    """
    if ":" in name:
        return Function
    if name not in TERMS:
        raise ValueError(
            f"parameter 'type': expected one of {', '.join(TERMS)} or module:attribute, "
            f"got {name!r}"
        )
    return TERMS[name]
