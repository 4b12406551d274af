"""What a parameter's descriptor allows."""

import math
from typing import Any

from mbrl_ros.ros.embedded.parameter import Parameter


def objection(parameter: Parameter, descriptor: Any, *, declaring: bool) -> str:
    """Return why a descriptor does not allow a value, "" if it does.

    Sets the descriptor's name and, with dynamic typing, its type.
    """
    name, kind = parameter.name, parameter.type_
    descriptor.name = name
    if descriptor.read_only and not declaring:
        return f"Trying to set a read-only parameter: {name}."
    if descriptor.dynamic_typing:
        descriptor.type = kind.value
    elif kind is Parameter.Type.NOT_SET:
        if not declaring:
            return "Static parameter cannot be undeclared"
    elif kind.value != descriptor.type:
        return f"Wrong parameter type, expected '{Parameter.Type(descriptor.type)}' got '{kind}'"
    ranges: Any = ()
    if kind is Parameter.Type.INTEGER:
        ranges = descriptor.integer_range
    elif kind is Parameter.Type.DOUBLE:
        ranges = descriptor.floating_point_range
    return _out_of_range(parameter, ranges[0]) if ranges else ""


def _out_of_range(parameter: Parameter, limits: Any) -> str:
    """Return why a value is not in a range, "" if it is."""
    value, low, high, step = parameter.value, limits.from_value, limits.to_value, limits.step
    # The ends are allowed even if no step falls on them.
    if value in (low, high) or math.isclose(value, low) or math.isclose(value, high):
        return ""
    if not low < value < high:
        return f"Parameter {parameter.name} out of range. Min: {low}, Max: {high}, value: {value}"
    if step and not math.isclose(round((value - low) / step) * step + low, value):
        return (
            f"The parameter value for {parameter.name} is not a valid step. "
            f"Min: {low}, max: {high}, value: {value}, step: {step}"
        )
    return ""
