"""The objective's parameters, whose names depend on the terms it has."""

from __future__ import annotations

from typing import Any

from mbrl_ros.nodes.parameters import declare_one, plain
from mbrl_ros.objectives.objective import Objective
from mbrl_ros.objectives.settings import ObjectiveSettings, TermSettings
from mbrl_ros.ros import Node
from mbrl_ros.settings import flat, specs
from mbrl_ros.spaces import Space
from mbrl_ros.system.schema import OBJECTIVE, objective_parameters


def declare_objective(node: Node, observation: Space, action: Space) -> dict[str, Any]:
    """Declare ``objective.*`` and ``objective.<term>.*``.

    Returns:
        all of them with their values, without the prefix.

    Raises:
        ValueError: naming the parameter that is wrong.
    """
    given = objective_parameters({n: plain(p.value) for n, p in node._parameter_overrides.items()})
    objective = Objective.from_parameters(given, observation, action)
    values = flat(objective.settings)
    groups: list[tuple[str, type]] = [("", ObjectiveSettings)]
    for name, term in objective.terms.items():
        values.update(flat(term, f"{name}."))
        groups.append((f"{name}.", TermSettings))
    for prefix, group in groups:
        for spec in specs(group, OBJECTIVE + prefix):
            declare_one(node, spec, values[spec.name.removeprefix(OBJECTIVE)])
    return values
