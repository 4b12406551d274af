"""The objective's parameters, whose names depend on the terms it has."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mbrl_ros.nodes.parameters import declare_one, plain
from mbrl_ros.objectives.book import ObjectiveBook
from mbrl_ros.ros import Node
from mbrl_ros.spaces import Space
from mbrl_ros.system.schema import OBJECTIVE, objective_parameters


def declare_objective(
    node: Node, observation: Space, action: Space, period: float | None = None
) -> dict[str, Any]:
    """Declare ``objective.*``, ``objective.<term>.*`` and ``objective.variants.*``.

    Returns:
        all of them with their values, without the prefix.

    Raises:
        ValueError: naming the parameter that is wrong.
    """
    given = objective_parameters({n: plain(p.value) for n, p in node._parameter_overrides.items()})
    book = ObjectiveBook.from_parameters(given, observation, action, period)
    values: dict[str, Any] = {}
    for spec, value in book.parameters():
        declare_one(node, replace(spec, name=OBJECTIVE + spec.name), value)
        values[spec.name] = value
    return values
