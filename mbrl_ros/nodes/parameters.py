"""Settings dataclasses as ROS parameters: declared, described, bounded, checked."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

from mbrl_ros.core.parameter_files import ROS_OWN
from mbrl_ros.core.settings import SettingsError, Spec, build, specs, unknown_parameter
from mbrl_ros.ros import (
    FloatingPointRange,
    IntegerRange,
    Node,
    Parameter,
    ParameterDescriptor,
    SetParametersResult,
)
from mbrl_ros.system.configuration import anchor

Group = TypeVar("Group")


def overridden(node: Node, name: str, default: Any) -> Any:
    """Return the override of a parameter that is not declared yet, or its default."""
    return overrides_of(node).get(name, default)


def declare(
    node: Node, *groups: type[Any], dynamic: Iterable[str] = (), live: Collection[str] = ()
) -> list[Any]:
    """Declare every setting of the groups as a ROS parameter and return the filled groups.

    Settings that are not ``live`` are read-only from then on.

    Args:
        node: the node that owns the parameters.
        groups: settings dataclasses; their names must not clash.
        dynamic: prefixes of parameters that the node declares itself.
        live: parameters that may be changed in this node only.

    Raises:
        SettingsError: for an unknown parameter, a wrong type or a value out of bounds.
    """
    known = {spec.name: spec for cls in groups for spec in specs(cls)}
    overrides = overrides_of(node)
    for name in overrides:
        if name not in known and not name.startswith((*ROS_OWN, *dynamic)):
            raise SettingsError(f"{node.get_name()}: {unknown_parameter(name, known)}")
    filled = []
    for cls in groups:
        own = {spec.name for spec in specs(cls)}
        given = {n: v for n, v in overrides.items() if n in own}
        filled.append(build(cls, given, node.get_name()))
    for name, spec in known.items():
        value = spec.check(overrides[name]) if name in overrides else spec.default
        declare_one(node, replace(spec, live=spec.live or name in live), value)
    return filled


def overrides_of(node: Node) -> dict[str, Any]:
    """Return a node's overrides; files that they name may lie beside a parameter file."""
    files = [file for flag, file in pairwise(sys.argv) if flag == "--params-file"]
    given = {name: plain(p.value) for name, p in node._parameter_overrides.items()}
    # To rclpy an empty list, which has no type, is no value.
    values = {name: [] if value is None else value for name, value in given.items()}
    return anchor(values, [Path(file).parent for file in files])


def declare_one(node: Node, spec: Spec, value: Any) -> None:
    """Declare one parameter with its descriptor, at a value already checked."""
    kind = {
        bool: Parameter.Type.BOOL_ARRAY,
        int: Parameter.Type.INTEGER_ARRAY,
        float: Parameter.Type.DOUBLE_ARRAY,
        str: Parameter.Type.STRING_ARRAY,
    }[spec.kind]
    # The checked value replaces the override: 1 in a file means 1.0 for a double, and rclpy
    # would take an empty list for bytes, so such a parameter is declared unset instead.
    node._parameter_overrides.pop(spec.name, None)
    node.declare_parameter(spec.name, value if value != [] else kind, _descriptor(spec))
    if value == []:
        # If left unset, get_parameters, and so `ros2 param dump`, would return nothing.
        node._parameters[spec.name] = Parameter(spec.name, kind, [])


def forget(node: Node, name: str) -> None:
    """Undeclare a parameter, even a read-only one."""
    del node._parameters[name], node._descriptors[name]


def on_change(node: Node, accept: Callable[[dict[str, Any]], None]) -> None:
    """Let ``accept`` check and apply every change of parameters atomically.

    Args:
        node: the node that owns the parameters.
        accept: called with changed names and values; raises ValueError to reject, without changes.
    """

    def callback(changed: list[Parameter]) -> SetParametersResult:
        try:
            accept({p.name: plain(p.value) for p in changed})
        except ValueError as error:
            return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)

    def typed(changed: list[Parameter]) -> list[Parameter]:
        return [_typed(parameter, node) for parameter in changed]

    node.add_on_set_parameters_callback(callback)
    # Humble has none: there, values must be given in their exact types.
    if hasattr(node, "add_pre_set_parameters_callback"):
        node.add_pre_set_parameters_callback(typed)


def _typed(parameter: Parameter, node: Node) -> Parameter:
    """Return a value in its declared type: 1 for 1.0, or an empty list, which has no type."""
    declared = node.get_parameter_or(parameter.name).type_
    value = plain(parameter.value)
    kinds = Parameter.Type
    if declared is kinds.DOUBLE and parameter.type_ is kinds.INTEGER:
        return Parameter(parameter.name, declared, float(value))
    if declared is kinds.DOUBLE_ARRAY and parameter.type_ is kinds.INTEGER_ARRAY:
        return Parameter(parameter.name, declared, [float(each) for each in value])
    if value == [] and declared.name.endswith("_ARRAY"):
        return Parameter(parameter.name, declared, value)
    return parameter


def _descriptor(spec: Spec) -> ParameterDescriptor:
    descriptor = ParameterDescriptor(
        name=spec.name, description=spec.description, read_only=not spec.live
    )
    if spec.choices:
        descriptor.additional_constraints = f"one of {', '.join(spec.choices)}"
    low = spec.low if spec.off is None else min(spec.low, spec.off)
    bounded = math.isfinite(low) or math.isfinite(spec.high)
    if bounded and spec.kind is int and not spec.is_list:
        least = int(max(low, -(2**63)))
        most = int(spec.high) if math.isfinite(spec.high) else 2**63 - 1
        descriptor.integer_range = [IntegerRange(from_value=least, to_value=most, step=0)]
    elif bounded and spec.kind is float and not spec.is_list:
        descriptor.floating_point_range = [
            FloatingPointRange(from_value=float(low), to_value=float(spec.high), step=0.0)
        ]
    return descriptor


def plain(value: Any) -> Any:
    """Return arrays as lists; rclpy gives array.array for numeric parameter arrays."""
    return list(value) if hasattr(value, "__iter__") and not isinstance(value, str) else value
