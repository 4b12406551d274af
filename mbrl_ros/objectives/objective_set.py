"""All objectives of a task, one of which is active."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from mbrl_ros.core.settings import Spec, Value, flatten
from mbrl_ros.core.spaces import Space
from mbrl_ros.objectives.objective import Objective
from mbrl_ros.objectives.parsing import (
    VARIANTS,
    parameters,
    parse,
    place,
    selected,
    whole_objectives,
)
from mbrl_ros.objectives.term import Aimed

#: Maximum number of objectives, so that loading new ones cannot exhaust memory.
MOST = 64


@dataclass(frozen=True)
class ObjectiveSet:
    """A task's named objectives, with the active one and its goal.

    Immutable: every change returns another set or is rejected as a whole, so readers always see a
    consistent state.

    Attributes:
        values: all parameters, flat, without the prefix ``objective.``.
        objectives: name to objective, the base first; the active one has the goal.
        active: name of the active one.
        whole: name to an objective's parameters, completed from the base.
    """

    values: Mapping[str, Any]
    objectives: Mapping[str, Objective]
    active: str
    whole: Mapping[str, Mapping[str, Any]]

    @classmethod
    def from_parameters(
        cls,
        values: Mapping[str, Any],
        observation: Space,
        action: Space,
        period: float | None = None,
    ) -> ObjectiveSet:
        """Read all objectives from flat parameters without their prefix ``objective.``.

        Args:
            values: name to value.
            observation: O dimensions.
            action: A dimensions.
            period: of control [s]; None: unknown.

        Raises:
            ValueError: naming the parameter that does not fit.
        """
        whole = whole_objectives(values)
        return cls(
            dict(values),
            {n: cls._checked(n, whole, observation, action, period) for n in whole},
            selected(values, whole),
            whole,
        )

    @staticmethod
    def _checked(
        name: str,
        whole: Mapping[str, Mapping[str, Any]],
        observation: Space,
        action: Space,
        period: float | None,
        *known: tuple[Mapping[str, Any], Objective],
    ) -> Objective:
        where = place(name, next(iter(whole)))
        settings = [(own, {n: t.settings for n, t in o.terms.items()}) for own, o in known]
        parsed = parse(whole[name], where, *settings)
        terms = [term for _, objective in known for term in objective.terms.values()]
        return Objective.checked(*parsed, observation, action, period, where, terms)

    @property
    def objective(self) -> Objective:
        """The active objective."""
        return self.objectives[self.active]

    @cached_property
    def parameters(self) -> dict[str, tuple[Spec, Value]]:
        """Every parameter by its name without the prefix, with its value."""
        parsed = {
            name: (made.settings, {n: term.settings for n, term in made.terms.items()})
            for name, made in self.objectives.items()
        }
        described = parameters(self.values, self.active, parsed)
        return {spec.name: (spec, value) for spec, value in described}

    def changed(self, values: Mapping[str, Any]) -> ObjectiveSet:
        """Return the set after changing parameters together.

        The latest request wins: a goal ends when a target of its dimension changes or another
        objective is selected.

        Raises:
            ValueError: naming an invalid parameter, or one without effect because the active
                variant has its own.
        """
        objectives = self._with_values({**self.values, **values})
        own = f"{VARIANTS}{objectives.active}."
        for name in values:
            if f"{own}{name}" in objectives.values:
                raise ValueError(
                    f"objective.{name}: '{objectives.active}', which is active, has its own: "
                    f"change objective.{own}{name}"
                )
        if objectives.active != self.active:
            return objectives
        goal = self.objective.goal
        goal = {n: v for n, v in goal.items() if n not in _targets(values, objectives)}
        return objectives._with(objectives.objective.with_goal(goal)) if goal else objectives

    def select(self, name: str) -> ObjectiveSet:
        """Return the set with another (or the same) objective active, without a goal.

        Raises:
            ValueError: if the name is unknown.
        """
        objectives = self.changed({"active": name})
        return objectives._with(replace(objectives.objective, goal={}, digest=""))

    def with_goal(self, goal: Mapping[str, float]) -> ObjectiveSet:
        """Return the set with other targets for the named dimensions.

        Raises:
            ValueError: as `Objective.with_goal`.
        """
        return self._with(self.objective.with_goal(goal))

    def load(self, name: str, values: Mapping[str, Any]) -> ObjectiveSet:
        """Return the set with a variant added or replaced, and selected.

        Args:
            name: of the variant.
            values: differences from the base, as in a parameter file; may be nested.

        Raises:
            ValueError: naming the parameter that does not fit.
        """
        if not re.fullmatch(r"\w{1,64}", name):
            raise ValueError(f"name: expected up to 64 letters, digits and _, got {name!r}")
        if name == next(iter(self.objectives)):
            raise ValueError(f"name: '{name}', the base objective, cannot be replaced")
        if name not in self.objectives and len(self.objectives) >= MOST:
            raise ValueError(f"name: '{name}' exceeds the maximum of {MOST} objectives")
        prefix = f"{VARIANTS}{name}."
        kept = {n: v for n, v in self.values.items() if not n.startswith(prefix)}
        objectives = self._with_values({**kept, **flatten(values, prefix)})
        return objectives.select(name)

    def _with_values(self, values: Mapping[str, Any]) -> ObjectiveSet:
        """Return the set of these parameters, without a goal."""
        whole: Mapping[str, Mapping[str, Any]] = whole_objectives(values)
        one = self.objective
        objectives: dict[str, Objective] = {}
        for name, own in whole.items():
            # Most objectives are unchanged, and most terms of the others.
            if own == self.whole.get(name):
                before = self.objectives[name]
                objectives[name] = replace(before, goal={}, digest="") if before.goal else before
            else:
                known = [(whole[n], made) for n, made in objectives.items()][:1]
                if name in self.objectives:
                    known.append((self.whole[name], self.objectives[name]))
                spaces = one.observation, one.action
                objectives[name] = self._checked(name, whole, *spaces, one.period, *known)
        return replace(
            self,
            values=values,
            objectives=objectives,
            active=selected(values, whole),
            whole=whole,
        )

    def _with(self, objective: Objective) -> ObjectiveSet:
        return replace(self, objectives={**self.objectives, self.active: objective})


def _targets(values: Mapping[str, Any], objectives: ObjectiveSet) -> set[str]:
    """Return the dimensions whose target changed parameters set."""
    found: set[str] = set()
    for name in values:
        term, _, field = name.removeprefix(f"{VARIANTS}{objectives.active}.").partition(".")
        aimed = objectives.objective.terms.get(term)
        if isinstance(aimed, Aimed) and field == "target":
            found.update(aimed.settings.of)
    return found
