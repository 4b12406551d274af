"""Typed settings read from ROS 2 parameter files.

A group of settings is a frozen dataclass whose fields are declared with `setting`: type, default,
bounds and description are defined once, for the YAML files, the ROS parameter descriptors and the
documentation. Groups nest; a nested group's parameters have dotted names (``planner.horizon``).
"""

from __future__ import annotations

import dataclasses
import functools
import math
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from mbrl_ros.core.numbers import shown
from mbrl_ros.core.rcl_yaml import WORDS

Value = bool | int | float | str | list[bool] | list[int] | list[float] | list[str]
Group = TypeVar("Group")

_SCALARS = (bool, int, float, str)
# Range of a ROS integer parameter.
_SMALLEST_INTEGER, _LARGEST_INTEGER = -(2**63), 2**63 - 1


#: Present names of parameters of earlier versions.
RENAMED = {
    "damping": "safe_damping, under /**,",
    "model.type": "learner, under /**, and for an ensemble model.likelihood,",
    "model.outcomes": "model.reward_model",
    "model.gaussian_process.exact": "model.exact",
    "model.gaussian_process.inducing": "model.inducing",
}


class SettingsError(ValueError):
    """A parameter is unknown, of the wrong type or out of bounds; the message is one line."""


def setting(
    default: Any,
    description: str,
    *,
    low: float = -math.inf,
    high: float = math.inf,
    choices: tuple[str, ...] = (),
    live: bool = False,
    off: float | None = None,
    at_most: str = "",
) -> Any:
    """Declare one setting of a group.

    Args:
        default: value if none is given; its type is the field's annotation.
        description: unit and meaning.
        low: smallest value allowed, of a number or each element of a list.
        high: largest value allowed.
        choices: the words allowed, for text.
        live: whether it may change while the node runs.
        off: a number that is allowed beside those within the limits, and switches something off.
        at_most: name of another setting of the group, which it must not exceed.
    """
    metadata = {
        "description": description,
        "low": low,
        "high": high,
        "choices": choices,
        "live": live,
        "off": off,
        "at_most": at_most,
    }
    if isinstance(default, list):
        return dataclasses.field(default_factory=lambda: list(default), metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def group(cls: type[Group]) -> Group:
    """Declare a nested group of settings."""
    return typing.cast(Group, dataclasses.field(default_factory=cls))


@dataclass(frozen=True)
class Spec:
    """Specification of one parameter, with a flat, dotted name."""

    name: str
    kind: type
    is_list: bool
    default: Value
    description: str
    low: float
    high: float
    choices: tuple[str, ...]
    live: bool
    off: float | None = None
    at_most: str = ""

    @property
    def expected(self) -> str:
        """Description of valid values."""
        if self.choices:
            return f"one of {', '.join(self.choices)}"
        words = {bool: "true or false", int: "an integer", float: "a number", str: "text"}
        text = f"a list of {self.kind.__name__}" if self.is_list else words[self.kind]
        if math.isfinite(self.low) and math.isfinite(self.high):
            text += f" in [{shown(self.low)}, {shown(self.high)}]"
        elif math.isfinite(self.low):
            text += f" >= {shown(self.low)}"
        elif math.isfinite(self.high):
            text += f" <= {shown(self.high)}"
        return text if self.off is None else f"{shown(self.off)}, or {text}"

    def check(self, value: Any) -> Value:
        """Return the value in its declared type.

        Raises:
            SettingsError: naming the parameter, the value and the expected one.
        """
        if self.is_list:
            if not isinstance(value, list | tuple):
                raise self._refusal(value)
            return typing.cast(Value, [self._scalar(element, value) for element in value])
        return self._scalar(value, value)

    def _scalar(self, element: Any, whole: Any) -> Any:
        if isinstance(element, bool) and self.kind is not bool:
            raise self._refusal(whole)
        if isinstance(element, int) and not _SMALLEST_INTEGER <= element <= _LARGEST_INTEGER:
            raise self._refusal(whole)
        if self.kind is bool and isinstance(element, str):
            element = WORDS.get(element, element)
        if self.kind is float and isinstance(element, int):
            element = float(element)
        fits = isinstance(element, self.kind)
        # NaN fails all comparisons. Limits may be infinite by design.
        limited = self.kind in (int, float) and element != self.off
        if not fits or (limited and not self.low <= element <= self.high):
            raise self._refusal(whole)
        if self.choices and element not in self.choices:
            raise self._refusal(whole)
        if self.kind is str and not _is_utf8(element):
            # A path of other bytes; parameter files and ROS have no way to write it.
            raise SettingsError(f"parameter '{self.name}': expected text in UTF-8, got {whole!r}")
        return element

    def _refusal(self, value: Any) -> SettingsError:
        return SettingsError(f"parameter '{self.name}': expected {self.expected}, got {value!r}")


def _is_utf8(text: str) -> bool:
    return text == text.encode(errors="replace").decode()


@functools.cache
def _hints(cls: Any) -> dict[str, Any]:
    """Return the types of a group's fields; cached, since slow and needed at every change."""
    return typing.get_type_hints(cls)


def specs(cls: type, prefix: str = "") -> tuple[Spec, ...]:
    """Return the flat specification of every setting of a group, nested ones included.

    Args:
        cls: a dataclass of settings.
        prefix: of every name.
    """
    return _specs(cls, prefix)


# Cached, since needed at every change of a parameter; bounded, since anyone may name objectives.
@functools.lru_cache(maxsize=4096)
def _specs(cls: Any, prefix: str) -> tuple[Spec, ...]:
    hints = _hints(cls)
    found: list[Spec] = []
    for field in dataclasses.fields(cls):
        hint = hints[field.name]
        name = prefix + field.name
        if dataclasses.is_dataclass(hint):
            found += _specs(typing.cast(type, hint), f"{name}.")
            continue
        is_list = typing.get_origin(hint) is list
        kind = typing.get_args(hint)[0] if is_list else hint
        if kind not in _SCALARS or isinstance(hint, types.UnionType):
            raise TypeError(f"setting '{name}' has type {hint}, which no parameter can hold")
        if field.default_factory is not dataclasses.MISSING:
            default = field.default_factory()
        else:
            default = field.default
        metadata = dict(field.metadata)
        if metadata["at_most"]:
            metadata["at_most"] = prefix + metadata["at_most"]
        found.append(Spec(name, kind, is_list, default, **metadata))
    return tuple(found)


def build(cls: type[Group], values: Mapping[str, Any], where: str = "") -> Group:
    """Create a group of settings from flat, dotted parameters.

    Args:
        cls: a dataclass of settings.
        values: dotted names to values; missing ones take their defaults.
        where: prefix of error messages, such as a file's name.

    Raises:
        SettingsError: for an unknown name, a wrong type, a value out of bounds, or two that
            contradict each other.
    """
    checked = check(cls, values, where)
    try:
        return _construct(cls, checked, "")
    except ValueError as error:
        raise SettingsError(f"{where}: {error}" if where else str(error)) from None


def check(cls: type, values: Mapping[str, Any], where: str = "") -> dict[str, Value]:
    """Return flat, dotted parameters in the types that a group of settings declares.

    Args:
        cls: as for `build`.
        values: as for `build`; none are added.
        where: as for `build`.

    Raises:
        SettingsError: as `build`.
    """
    known = {spec.name: spec for spec in specs(cls)}
    try:
        for name in values:
            if name not in known:
                raise SettingsError(unknown_parameter(name, known))
        checked = {name: known[name].check(value) for name, value in values.items()}
        _check_order(known, checked)
    except SettingsError as error:
        raise SettingsError(f"{where}: {error}" if where else str(error)) from None
    return checked


def _check_order(known: Mapping[str, Spec], values: Mapping[str, Any]) -> None:
    for spec in known.values():
        if not spec.at_most:
            continue
        limit = known[spec.at_most]
        value, most = (values.get(each.name, each.default) for each in (spec, limit))
        if value > most:
            raise SettingsError(
                f"parameter '{spec.name}': expected at most {limit.name}, {most}, got {value}"
            )


def _construct(cls: type[Group], values: Mapping[str, Any], prefix: str) -> Group:
    hints = _hints(typing.cast(Any, cls))
    arguments: dict[str, Any] = {}
    for field in dataclasses.fields(typing.cast(Any, cls)):
        name = prefix + field.name
        if dataclasses.is_dataclass(hints[field.name]):
            arguments[field.name] = _construct(hints[field.name], values, f"{name}.")
        elif name in values:
            arguments[field.name] = values[name]
    return cls(**arguments)


def unknown_parameter(name: str, known: Mapping[str, Any] | list[str]) -> str:
    """Return the message for an unknown parameter, with a suggestion."""
    import difflib

    if name in RENAMED:
        return f"unknown parameter '{name}': it is {RENAMED[name]} now"
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"unknown parameter '{name}'" + (f": did you mean '{close[0]}'?" if close else "")


def flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Turn nested mappings into dotted names."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            flat.update(flatten(value, f"{name}."))
        else:
            flat[name] = value
    return flat


def flat(instance: Any, prefix: str = "") -> dict[str, Any]:
    """Return a group of settings as flat, dotted parameters."""
    values: dict[str, Any] = {}
    for field in dataclasses.fields(instance):
        value = getattr(instance, field.name)
        if dataclasses.is_dataclass(value):
            values.update(flat(value, f"{prefix}{field.name}."))
        else:
            values[prefix + field.name] = value
    return values


def for_node(nodes: Mapping[str, Mapping[str, Any]], node: str) -> dict[str, Any]:
    """Return the parameters of one node: the shared ones, overridden by its own."""
    return {**nodes.get("**", {}), **nodes.get(node, {})}
