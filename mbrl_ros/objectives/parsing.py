"""Parsing of objectives from a parameter file, below ``objective.``.

The parameters of one objective are its own fields and, for each term, ``<term>.<field>``. Further
objectives are defined below ``variants.<name>.`` by their differences.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from mbrl_ros.core.settings import SettingsError, Spec, Value, build, flat, specs, unknown_parameter
from mbrl_ros.objectives.settings import ObjectiveSettings, SelectionSettings
from mbrl_ros.objectives.term_settings import (
    PER_DIMENSION,
    AimedSettings,
    TermSettings,
    settings_of_kind,
)

VARIANTS = "variants."
_SELECTION = [spec.name for spec in specs(SelectionSettings)]


def whole_objectives(values: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the complete parameters of every objective, the base first.

    A variant inherits the parameters of the base that it does not set. A term whose type it sets
    inherits nothing; if it sets ``terms``, it has no others.

    Args:
        values: flat, without the prefix ``objective.``.

    Returns:
        name to flat parameters.

    Raises:
        SettingsError: for a duplicate name, or an invalid name or term.
    """
    base: dict[str, Any] = {}
    variants: dict[str, dict[str, Any]] = {}
    for key, value in values.items():
        if key.startswith(VARIANTS):
            name, _, rest = key.removeprefix(VARIANTS).partition(".")
            if not rest or rest == "name":
                raise SettingsError(f"objective: {unknown_parameter(key, [])}")
            variants.setdefault(name, {})[rest] = value
        elif key not in _SELECTION:
            base[key] = value
    found = {build(ObjectiveSettings, _fixed(base), "objective").name: base}
    for name, own in variants.items():
        if name in found:
            raise SettingsError(f"objective.variants: '{name}' is the name of the base objective")
        found[name] = {"name": name, **_completed(own, base)}
    if "" in found:
        raise SettingsError("objective: expected a name for every objective, got ''")
    return found


def parse(
    values: Mapping[str, Any],
    where: str,
    *known: tuple[Mapping[str, Any], Mapping[str, TermSettings]],
) -> tuple[ObjectiveSettings, dict[str, TermSettings]]:
    """Read one objective from its flat parameters.

    Args:
        values: without a prefix.
        where: prefix of parameter names in messages.
        known: flat parameters of others with their terms; of equal ones the terms are taken.

    Raises:
        SettingsError: for an unknown name, a wrong type or a value out of bounds.
    """
    settings = build(ObjectiveSettings, _fixed(values), where)
    for name in settings.terms:
        if settings.terms.count(name) > 1:
            raise SettingsError(f"{where}.terms: '{name}' appears more than once")
        if not name or "." in name or f"{name}." == VARIANTS:
            raise SettingsError(f"{where}.terms: '{name}' is not a valid term name")
    stated = _by_term(values)
    for name in stated:
        if name not in settings.terms:
            raise SettingsError(f"{where}: {unknown_parameter(name, settings.terms)}")
    others = [(_by_term(own), terms) for own, terms in known]
    made = {}
    for name in settings.terms:
        fields = stated.get(name, {})
        equal = (t[name] for own, t in others if name in t and _same(own.get(name, {}), fields))
        made[name] = next(equal, None) or _term(fields, f"{where}.{name}")
    return settings, made


def parse_all(
    values: Mapping[str, Any],
) -> tuple[str, dict[str, tuple[ObjectiveSettings, dict[str, TermSettings]]]]:
    """Read all objectives from flat parameters without their prefix ``objective.``.

    Returns:
        the name of the active one, and name to objective, the base first.

    Raises:
        SettingsError: for an unknown name, a wrong type or a value out of bounds.
    """
    whole = whole_objectives(values)
    base = next(iter(whole))
    parsed = {name: parse(own, place(name, base)) for name, own in whole.items()}
    return selected(values, whole), parsed


def selected(values: Mapping[str, Any], known: Mapping[str, Any]) -> str:
    """Return the name of the active objective from flat parameters.

    Args:
        values: without the prefix ``objective.``.
        known: the objectives by name, the base first.

    Raises:
        SettingsError: if the name is unknown.
    """
    chosen = {key: values[key] for key in _SELECTION if key in values}
    active = build(SelectionSettings, chosen, "objective").active or next(iter(known))
    if active not in known:
        raise SettingsError(f"objective.active: expected one of {', '.join(known)}, got '{active}'")
    return active


def place(name: str, base: str) -> str:
    """Return the prefix of an objective's parameters."""
    return "objective" if name == base else f"objective.{VARIANTS}{name}"


def parameters(
    values: Mapping[str, Any],
    active: str,
    objectives: Mapping[str, tuple[ObjectiveSettings, Mapping[str, TermSettings]]],
) -> Iterator[tuple[Spec, Value]]:
    """Yield every parameter of all objectives with its value, without the prefix.

    The base's are complete; a variant's are those it sets, and all of a term whose type it sets.

    Args:
        values: the parameters given.
        active: name of the active objective.
        objectives: as returned by `parse_all`.
    """
    chosen = specs(SelectionSettings)[0]
    yield replace(chosen, choices=tuple(objectives)), active
    base = next(iter(objectives))
    for name, (settings, terms) in objectives.items():
        prefix = "" if name == base else f"{VARIANTS}{name}."
        for below, part in (
            ("", settings),
            *((f"{term}.", terms[term]) for term in terms),
        ):
            under = prefix + below
            whole = name == base or f"{under}type" in values
            # Most are not a variant's own.
            stated = [s for s in specs(type(part), under) if whole or s.name in values]
            own = flat(part, under) if stated else {}
            for spec in stated:
                yield _described(spec, own[spec.name], spec.name.removeprefix(under))


def _by_term(values: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for key, value in values.items():
        term, dot, field = key.partition(".")
        if dot:
            found.setdefault(term, {})[field] = value
    return found


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Tell whether two are equal, and also of equal types: True is 1.0, but no number."""
    return one == other and repr(one) == repr(other)


def _fixed(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if "." not in key}


def _completed(own: Mapping[str, Any], base: Mapping[str, Any]) -> dict[str, Any]:
    """Return a variant's parameters with those inherited from the base."""
    from_scratch = {key.partition(".")[0] for key in own if key.endswith(".type")}
    listed = own.get("terms")
    kept = {
        key: value
        for key, value in base.items()
        if key != "name"
        and key.partition(".")[0] not in from_scratch
        and (not isinstance(listed, list) or "." not in key or key.partition(".")[0] in listed)
    }
    return {**kept, **own}


def _term(fields: Mapping[str, Any], where: str) -> TermSettings:
    try:
        name = fields.get("type", "linear")
        kind = settings_of_kind(name if isinstance(name, str) else repr(name))
    except ValueError as error:
        raise SettingsError(f"{where}: {error}") from None
    known = {spec.name: spec for spec in specs(kind)}
    listed = {"type": name}
    for field, value in fields.items():
        if field in PER_DIMENSION and field in known and not isinstance(value, list | tuple):
            try:
                value = [replace(known[field], is_list=False).check(value)]
            except SettingsError as error:
                raise SettingsError(f"{where}: {error}") from None
        listed[field] = value
    made = build(kind, listed, where)
    if isinstance(made, AimedSettings):
        # Always one per dimension, so that a parameter can be set to a list at run time.
        made = replace(made, target=made.each(made.target), scale=made.each(made.scale))
    return made


def _described(spec: Spec, value: Any, field: str) -> tuple[Spec, Value]:
    """Return a parameter with its value; a list of one number becomes the number."""
    if field in PER_DIMENSION and len(value) == 1:
        return replace(spec, is_list=False), value[0]
    return spec, value
