import hashlib

import numpy as np
import pytest

from mbrl_ros.core.settings import flatten
from mbrl_ros.core.spaces import Space
from mbrl_ros.objectives.objective_manager import ObjectiveManager, Way
from mbrl_ros.objectives.objective_set import ObjectiveSet
from mbrl_ros.objectives.sequence import Waypoint

OBSERVATION = Space.of(["x", "pole"], [-2.0, -1.0], [2.0, 1.0])
ACTION = Space.of(["u"], [-1.0], [1.0])
TREE = {
    "name": "balance",
    "terms": ["upright", "centered"],
    "upright": {"of": ["pole"]},
    "centered": {"type": "quadratic", "of": ["x"]},
    "variants": {"hang": {"upright": {"weight": -1.0}}},
}


@pytest.fixture
def manager():
    return ObjectiveManager(ObjectiveSet.from_parameters(flatten(TREE), OBSERVATION, ACTION, 0.04))


def acted(manager, objective):
    return [(c.way, c.objective.digest, so) for c, so in manager.acted(objective.digest)]


def test_each_way_is_told_with_the_plan_that_was_first_made_for_it(manager):
    start = manager.objective
    assert acted(manager, start) == [(Way.START, start.digest, True)]
    assert acted(manager, start) == []
    manager.take(Way.PARAMETERS, manager.objectives.changed({"centered.target": 1.0}))
    # A plan that had begun before the change says nothing of it.
    assert acted(manager, start) == []
    assert acted(manager, manager.objective) == [(Way.PARAMETERS, manager.objective.digest, True)]


def test_what_was_overtaken_before_a_plan_is_told_as_such(manager):
    start = manager.objective
    manager.acted(start.digest)
    manager.take(Way.SERVICE, manager.objectives.select("hang"))
    hang = manager.objective
    manager.take(Way.GOAL, manager.objectives.with_goal({"x": 1.0}))
    manager.take(Way.GOAL, manager.objectives.with_goal({"x": -1.0}))
    third = manager.objective
    manager.take(Way.GOAL, manager.objectives.with_goal({"x": 0.5}))
    told = acted(manager, third)
    assert [so for _, _, so in told] == [False, False, True]
    assert told[0] == (Way.SERVICE, hang.digest, False)
    assert told[2] == (Way.GOAL, third.digest, True)
    assert len(acted(manager, manager.objective)) == 1
    assert manager.accepted == 4


def test_a_sequence_sets_one_goal_after_another(manager):
    manager.acted(manager.objective.digest)
    goals = [Waypoint({"x": -1.0}, {"x": 0.1}), Waypoint({"x": 1.0}, {"x": 0.1})]
    manager.follow(goals)
    assert manager.objective.goal == {"x": -1.0}
    manager.observe(np.array([0.0, 0.0]), 0.04)
    assert manager.objective.goal == {"x": -1.0}
    manager.observe(np.array([-1.0, 0.0]), 0.04)
    assert manager.objective.goal == {"x": 1.0}
    manager.observe(np.array([1.0, 0.0]), 0.04)
    assert manager.objective.goal == {"x": 1.0}
    assert manager.accepted == 2
    assert [way for way, _, _ in acted(manager, manager.objective)] == [Way.GOAL_SEQUENCE] * 2


def test_the_newest_word_ends_a_sequence(manager):
    manager.follow([Waypoint({"x": -1.0}, {"x": 0.1}), Waypoint({"x": 1.0}, {"x": 0.1})])
    manager.take(Way.GOAL, manager.objectives.with_goal({"x": 0.0}))
    assert manager.sequence is None
    manager.observe(np.array([-1.0, 0.0]), 0.04)
    assert manager.objective.goal == {"x": 0.0}


def test_a_sequence_is_refused_as_a_whole(manager):
    manager.follow([Waypoint({"x": -1.0}, {"x": 0.1})])
    before, running = manager.objective, manager.sequence
    bad = [Waypoint({"x": 1.0}, {"x": 0.1}), Waypoint({"x": 3.0}, {"x": 0.1})]
    with pytest.raises(ValueError, match=r"goals\[1\]: goal 'x': expected a number in \[-2, 2\]"):
        manager.follow(bad)
    assert manager.objective is before
    assert manager.sequence is running


def test_refusals_are_counted_with_their_reason(manager):
    before = manager.objective
    with pytest.raises(ValueError, match="'y'"), manager.judging():
        manager.take(Way.GOAL, manager.objectives.with_goal({"y": 1.0}))
    assert (manager.accepted, manager.refused) == (0, 1)
    assert "unknown dimension 'y'" in manager.refusal
    assert manager.objective is before


def test_the_digest_is_that_of_the_content(manager):
    objective = manager.objective
    assert objective.digest == hashlib.sha256(objective.content.encode()).hexdigest()[:16]
    moved = manager.objectives.with_goal({"x": 1.0}).objective
    assert moved.digest != objective.digest
    assert '"goal": {"x": 1.0}' in moved.content
