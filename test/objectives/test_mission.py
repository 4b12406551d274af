import hashlib

import numpy as np
import pytest

from mbrl_ros.core.settings import flatten
from mbrl_ros.core.spaces import Space
from mbrl_ros.objectives.book import ObjectiveBook
from mbrl_ros.objectives.mission import Mission, Way
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
def mission():
    return Mission(ObjectiveBook.from_parameters(flatten(TREE), OBSERVATION, ACTION, 0.04))


def acted(mission, objective):
    return [(c.way, c.objective.digest, so) for c, so in mission.acted(objective.digest)]


def test_each_way_is_told_with_the_plan_that_was_first_made_for_it(mission):
    start = mission.objective
    assert acted(mission, start) == [(Way.START, start.digest, True)]
    assert acted(mission, start) == []
    mission.take(Way.PARAMETERS, mission.book.changed({"centered.target": 1.0}))
    # A plan that had begun before the change says nothing of it.
    assert acted(mission, start) == []
    assert acted(mission, mission.objective) == [(Way.PARAMETERS, mission.objective.digest, True)]


def test_what_was_overtaken_before_a_plan_is_told_as_such(mission):
    start = mission.objective
    mission.acted(start.digest)
    mission.take(Way.SERVICE, mission.book.select("hang"))
    hang = mission.objective
    mission.take(Way.GOAL, mission.book.with_goal({"x": 1.0}))
    mission.take(Way.GOAL, mission.book.with_goal({"x": -1.0}))
    third = mission.objective
    mission.take(Way.GOAL, mission.book.with_goal({"x": 0.5}))
    told = acted(mission, third)
    assert [so for _, _, so in told] == [False, False, True]
    assert told[0] == (Way.SERVICE, hang.digest, False)
    assert told[2] == (Way.GOAL, third.digest, True)
    assert len(acted(mission, mission.objective)) == 1
    assert mission.accepted == 4


def test_a_sequence_sets_one_goal_after_another(mission):
    mission.acted(mission.objective.digest)
    goals = [Waypoint({"x": -1.0}, {"x": 0.1}), Waypoint({"x": 1.0}, {"x": 0.1})]
    mission.follow(goals)
    assert mission.objective.goal == {"x": -1.0}
    mission.observe(np.array([0.0, 0.0]), 0.04)
    assert mission.objective.goal == {"x": -1.0}
    mission.observe(np.array([-1.0, 0.0]), 0.04)
    assert mission.objective.goal == {"x": 1.0}
    mission.observe(np.array([1.0, 0.0]), 0.04)
    assert mission.objective.goal == {"x": 1.0}
    assert mission.accepted == 2
    assert [way for way, _, _ in acted(mission, mission.objective)] == [Way.GOAL_SEQUENCE] * 2


def test_the_newest_word_ends_a_sequence(mission):
    mission.follow([Waypoint({"x": -1.0}, {"x": 0.1}), Waypoint({"x": 1.0}, {"x": 0.1})])
    mission.take(Way.GOAL, mission.book.with_goal({"x": 0.0}))
    assert mission.sequence is None
    mission.observe(np.array([-1.0, 0.0]), 0.04)
    assert mission.objective.goal == {"x": 0.0}


def test_a_sequence_is_refused_as_a_whole(mission):
    mission.follow([Waypoint({"x": -1.0}, {"x": 0.1})])
    before, running = mission.objective, mission.sequence
    bad = [Waypoint({"x": 1.0}, {"x": 0.1}), Waypoint({"x": 3.0}, {"x": 0.1})]
    with pytest.raises(ValueError, match=r"goals\[1\]: goal 'x': expected a number in \[-2, 2\]"):
        mission.follow(bad)
    assert mission.objective is before
    assert mission.sequence is running


def test_refusals_are_counted_with_their_reason(mission):
    before = mission.objective
    with pytest.raises(ValueError, match="'y'"), mission.judging():
        mission.take(Way.GOAL, mission.book.with_goal({"y": 1.0}))
    assert (mission.accepted, mission.refused) == (0, 1)
    assert "unknown dimension 'y'" in mission.refusal
    assert mission.objective is before


def test_the_digest_is_that_of_the_content(mission):
    objective = mission.objective
    assert objective.digest == hashlib.sha256(objective.content.encode()).hexdigest()[:16]
    moved = mission.book.with_goal({"x": 1.0}).objective
    assert moved.digest != objective.digest
    assert '"goal": {"x": 1.0}' in moved.content
