"""Where an objective's goals are."""

import json

import numpy as np
import pytest

from mbrl_ros.core.spaces import Space
from mbrl_ros.objectives.objective import Objective
from mbrl_ros.scene.goals import reached, targets_of, windows_of

SPACES = (
    Space.of(["x", "pole_cos", "pole_sin", "speed"]),
    Space.of(["motor"], [-1.0], [1.0]),
)


def content(goal=None, **terms):
    values = {f"{name}.{field}": v for name, term in terms.items() for field, v in term.items()}
    made = Objective.from_parameters({"terms": [*terms], **values}, *SPACES, 0.1)
    return (made.with_goal(goal) if goal else made).content


def test_targets_are_of_terms_that_pay_most_at_a_value():
    told = content(
        there={"type": "quadratic", "of": ["x", "speed"], "target": [0.5, 0.0]},
        up={"type": "linear", "of": ["pole_cos"]},
        away={"type": "smooth_l1", "of": ["pole_sin"], "weight": -1.0},
    )
    assert targets_of(told) == {"x": 0.5, "speed": 0.0}
    window = {"type": "tolerance", "of": ["x"], "lower": 1.0, "upper": 2.0, "target": 1.0}
    assert targets_of(content(there=window)) == {"x": 2.5}
    assert targets_of(content(there={**window, "lower": -np.inf})) == {}
    changing = {"type": "quadratic", "of": ["motor"], "change": True}
    assert targets_of(content(calm=changing)) == {}


def test_a_goal_replaces_targets():
    there = {"type": "quadratic", "of": ["x"], "target": 0.5}
    assert targets_of(content({"x": -1.0}, there=there)) == {"x": -1.0}
    # A window goes with its target.
    window = {"type": "tolerance", "of": ["x"], "lower": 1.0, "upper": 2.0, "target": 1.0}
    assert targets_of(content({"x": -1.0}, there=window)) == {"x": 0.5}
    assert windows_of(content({"x": -1.0}, there=window)) == {"x": (-1.0, 1.5)}


@pytest.mark.parametrize(
    "told", ["", "[]", "{}", '{"terms": 3}', '{"terms": {"a": {}}, "goal": {}}', "[" * 10_000,
             json.dumps({"terms": {}, "goal": {"x": "far"}})],
)  # fmt: skip
def test_what_cannot_be_read_has_no_targets(told):
    assert targets_of(told) == {}


def test_the_other_dimensions_stay_as_they_are():
    now = np.array([0.0, 0.0, -1.0, 3.0])
    names = SPACES[0].names
    assert reached(now, names, {"x": 2.0, "elsewhere": 1.0}, (0, 1, 2)).tolist() == [2, 0, -1, 3]
    # Of sine and cosine one follows the other, on the side where the pole is.
    assert reached(now, names, {"pole_cos": 0.6}, (0, 1, 2)) == pytest.approx([0, 0.6, -0.8, 3])
    assert reached(now, names, {"speed": 0.0}, (0, 1, 2)) is None
    assert now.tolist() == [0.0, 0.0, -1.0, 3.0]
