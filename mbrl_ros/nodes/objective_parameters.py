"""The objective's parameters, whose names depend on its terms."""

from __future__ import annotations

from dataclasses import replace

from mbrl_ros.core.spaces import Space
from mbrl_ros.nodes.parameters import declare_one, forget, overrides_of
from mbrl_ros.objectives.objective_set import ObjectiveSet
from mbrl_ros.ros import Node
from mbrl_ros.system.schema import OBJECTIVE, objective_parameters


def declare_objective(
    node: Node, observation: Space, action: Space, period: float | None = None
) -> ObjectiveSet:
    """Declare ``objective.*``, ``objective.<term>.*`` and ``objective.variants.*``.

    Returns:
        their values.

    Raises:
        ValueError: naming the invalid parameter.
    """
    given = objective_parameters(overrides_of(node))
    objectives = ObjectiveSet.from_parameters(given, observation, action, period)
    for spec, value in objectives.parameters.values():
        declare_one(node, replace(spec, name=OBJECTIVE + spec.name), value)
    return replace(objectives, values={n: v for n, (_, v) in objectives.parameters.items()})


def mirror_objective(node: Node, before: ObjectiveSet, after: ObjectiveSet) -> None:
    """Update the parameters to a set that was changed by another source.

    Args:
        node: the node that owns the parameters.
        before: their current values.
        after: their new values.
    """
    old, new = before.parameters, after.parameters
    for name, stated in old.items():
        if new.get(name) != stated:
            forget(node, OBJECTIVE + name)
    for name, (spec, value) in new.items():
        if old.get(name) != (spec, value):
            declare_one(node, replace(spec, name=OBJECTIVE + name), value)
