"""Parameters as sliders, lists and fields."""

import math
from dataclasses import replace
from types import SimpleNamespace

import pytest

from mbrl_ros.web.controls import Control, control_of


def described(name, **fields):
    usual = {"description": "what it is [m]", "read_only": False, "additional_constraints": ""}
    ranges = {"floating_point_range": [], "integer_range": []}
    return SimpleNamespace(name=name, **{**usual, **ranges, **fields})


def within(low, high):
    return [SimpleNamespace(from_value=low, to_value=high)]


def test_a_control_is_what_its_descriptor_says():
    descriptor = described("objective.upright.weight", floating_point_range=within(0.0, math.inf))
    control = control_of("mpc_controller", descriptor, 0.5)
    assert control == Control(
        "mpc_controller", "objective.upright.weight", 0.5, "what it is [m]", 0.0, math.inf
    )
    assert (control.group, control.label) == ("objective: upright", "weight")
    agent = control_of("c", described("agent", additional_constraints="one of a, b"), "a")
    assert agent.choices == ("a", "b")
    assert agent.group == "general"


@pytest.mark.parametrize(
    "descriptor",
    [
        described("period", read_only=True),
        described("objective.variants.left.upright.weight"),
        described("objective.upright.type"),
        described("objective.upright.reference.period"),
        described("use_sim_time"),
    ],
)
def test_what_cannot_be_changed_or_rarely_is_no_control(descriptor):
    assert control_of("c", descriptor, 1.0) is None


def test_what_is_not_set_is_no_control():
    assert control_of("c", described("x"), None) is None


@pytest.mark.parametrize(
    ("value", "low", "high", "slider"),
    [
        (0.5, 0.0, 1.0, (0.0, 1.0, 0.001)),
        (0.5, 0.0, math.inf, (0.0, 1.0, 0.001)),
        (0.8, 0.0, math.inf, (0.0, 5.0, 0.01)),
        (1.0, 0.01, 100.0, (0.01, 5.0, 0.01)),
        (-0.5, -math.inf, math.inf, (-1.0, 1.0, 0.01)),
        (0.0, -math.inf, math.inf, (-1.0, 1.0, 0.01)),
        (36, 1, 1000, (1, 1000, 1)),
        (64, 1, 2**63 - 1, (1, 500, 1)),
        (1e-5, 0.0, math.inf, (0.0, 5e-5, 1e-7)),
        (math.inf, 0.0, math.inf, None),
        (math.nan, 0.0, math.inf, None),
        (1.7e308, -math.inf, math.inf, None),
        (5e-324, -math.inf, math.inf, None),
        (True, -math.inf, math.inf, None),
        ("word", -math.inf, math.inf, None),
        ([1.0], -math.inf, math.inf, None),
    ],
)
def test_ranges_become_sliders(value, low, high, slider):
    made = Control("c", "x", value, low=low, high=high).slider()
    assert made == (slider if slider is None else pytest.approx(slider))


@pytest.mark.parametrize("value", [1e-9, 0.3, 1.0, 5.0, 7.2, 123.0, 4.2e6, -3.0, 0, 17, 100_000])
@pytest.mark.parametrize("low", [-math.inf, 0.0, 1e-3])
def test_a_slider_holds_its_value(value, low):
    if value < low:
        return
    low, high, step = Control("c", "x", value, low=low).slider()
    assert low <= value <= high
    assert 0 < step <= high - low


@pytest.mark.parametrize(
    ("value", "given", "parsed"),
    [
        (1.0, 2, 2.0),
        (3, 4.0, 4),
        ([1.0, 2.0], "[1, 3.5]", [1.0, 3.5]),
        (["a"], "[b, c]", ["b", "c"]),
        ([], "[x]", ["x"]),
        (False, True, True),
        ("a", "b", "b"),
    ],
)
def test_what_is_entered_has_the_parameters_type(value, given, parsed):
    made = Control("c", "x", value).parsed(given)
    assert made == parsed
    assert type(made) is type(value)


@pytest.mark.parametrize(
    ("value", "given"),
    [
        ([1.0], "[a, b]"),
        (["a"], "abc"),
        ([1.0], "5"),
        ([1.0], "[1,"),
        (1.0, "far"),
        ([1], ""),
        ([1], "[.inf]"),
        ([1], "[2.5]"),
        (1, 2.5),
        ([True], "[word]"),
        ([1.0], "[" * 5000),
        ([1.0], "2024-99-99"),
    ],
)
def test_what_is_no_such_value_is_told(value, given):
    with pytest.raises(ValueError, match=r"^target: expected"):
        Control("c", "target", value).parsed(given)


def test_bounds_are_kept():
    control = Control("c", "x", 1.0, low=0.0, high=2.0)
    with pytest.raises(ValueError, match="x: expected 0 to 2, got 3"):
        control.parsed(3.0)
    assert replace(control, high=5.0).parsed(3.0) == 3.0
