"""Where an objective's goals are: the robot as it is now, with targets in place of dimensions."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from mbrl_ros.core.spaces import FloatArray

# Terms that pay most where a dimension has a value.
_AIMED = ("quadratic", "smooth_l1", "cosine", "tolerance")


def targets_of(content: str) -> dict[str, float]:
    """Return where an objective wants each dimension; without any, or unreadable: none.

    Args:
        content: as in ``msg/Objective``.
    """
    return {name: target + middle for name, (target, middle) in windows_of(content).items()}


def windows_of(content: str) -> dict[str, tuple[float, float]]:
    """Return the targets of an objective, and what a goal must leave out to be reached there.

    Args:
        content: as in ``msg/Objective``.

    Returns:
        dimension to target, which a goal replaces, and to the middle of what is paid most around
        it; without any, or unreadable: none.
    """
    try:
        told = json.loads(content)
        found: dict[str, tuple[float, float]] = {}
        for term in told["terms"].values():
            found |= _windows_of_term(term)
        goal = {name: float(value) for name, value in told["goal"].items()}
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
        return {}
    found |= {name: (value, found.get(name, (0.0, 0.0))[1]) for name, value in goal.items()}
    return {name: window for name, window in found.items() if math.isfinite(sum(window))}


def reached(
    observation: FloatArray,
    names: Sequence[str],
    targets: Mapping[str, float],
    placing: Sequence[int],
) -> FloatArray | None:
    """Return the observation where targets are reached; None: none of them is of a place.

    Args:
        observation: present one, shape ``(O,)``.
        names: of its dimensions.
        targets: by dimension; of a sine without its cosine, the other follows, on the present side.
        placing: indices of the dimensions that have a place in space.
    """
    if not {*targets} & {names[i] for i in placing if i < len(names)}:
        return None
    found = dict(zip(names, observation, strict=True))
    found |= {name: value for name, value in targets.items() if name in found}
    for name, value in targets.items():
        stem, _, part = name.rpartition("_")
        other = f"{stem}_{ {'sin': 'cos', 'cos': 'sin'}.get(part, '') }"
        if other in found and other not in targets:
            found[other] = math.copysign(math.sqrt(max(0.0, 1.0 - value**2)), found[other])
    made = observation.copy()
    made[:] = [found[name] for name in names]
    return made


def _windows_of_term(term: Mapping[str, Any]) -> dict[str, tuple[float, float]]:
    """Return the windows of a term; how a target moves with time is not among them."""
    if term["type"] not in _AIMED or term["weight"] <= 0 or term["change"]:
        return {}
    names = list(term["of"])

    def each(field: str) -> list[float]:
        values = [float(value) for value in term.get(field, [0.0])]
        return values * len(names) if len(values) == 1 else values

    triples = zip(names, each("target"), each("lower"), each("upper"), strict=True)
    return {name: (target, (low + high) / 2) for name, target, low, high in triples}
