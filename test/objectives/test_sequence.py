import math

import numpy as np
import pytest

from mbrl_ros.core.spaces import Space
from mbrl_ros.objectives.sequence import GoalSequence, Progress, Waypoint

SPACE = Space.of(["x", "angle"], angles=["angle"])
LEFT = Waypoint({"x": -1.0}, {"x": 0.1}, dwell=0.5, timeout=2.0)
RIGHT = Waypoint({"x": 1.0}, {"x": 0.1})


def at(x, angle=0.0):
    return np.array([x, angle])


def test_it_goes_on_when_the_plant_has_stayed_long_enough():
    sequence = GoalSequence([LEFT, RIGHT], SPACE)
    assert not sequence.observe(at(0.0), 0.25)
    assert sequence.progress is Progress.UNDER_WAY
    assert not sequence.observe(at(-0.95), 0.25)
    assert sequence.progress is Progress.DWELLING
    assert not sequence.observe(at(-1.05), 0.25)
    assert sequence.observe(at(-1.0), 0.25)
    assert (sequence.index, sequence.goal) == (1, {"x": 1.0})
    assert sequence.progress is Progress.UNDER_WAY
    assert not sequence.observe(at(1.0), 0.25)
    assert sequence.progress is Progress.REACHED
    assert not sequence.observe(at(0.0), 0.25)
    assert sequence.progress is Progress.REACHED


def test_whoever_leaves_begins_to_dwell_anew():
    sequence = GoalSequence([LEFT, RIGHT], SPACE)
    places = [-1.0, -1.0, -0.5, -1.0, -1.0]
    assert not any(sequence.observe(at(x), 0.25) for x in places)
    assert sequence.observe(at(-1.0), 0.25)


def test_it_ends_with_the_goal_that_timed_out():
    sequence = GoalSequence([LEFT, RIGHT], SPACE)
    for _ in range(7):
        assert not sequence.observe(at(0.0), 0.25)
        assert sequence.progress is Progress.UNDER_WAY
    assert not sequence.observe(at(0.0), 0.25)
    assert sequence.progress is Progress.TIMED_OUT
    for _ in range(4):
        assert not sequence.observe(at(-1.0), 0.25)
    assert (sequence.index, sequence.progress) == (0, Progress.TIMED_OUT)


def test_angles_arrive_by_the_short_way_round():
    sequence = GoalSequence([Waypoint({"angle": math.pi}, {"angle": 0.1})], SPACE)
    sequence.observe(at(0.0, 3.3), 0.1)
    assert sequence.progress is Progress.UNDER_WAY
    sequence.observe(at(0.0, -3.1), 0.1)
    assert sequence.progress is Progress.REACHED


@pytest.mark.parametrize("values", [at(math.nan), np.array([]), np.array([1.0])])
def test_a_broken_observation_is_nowhere(values):
    sequence = GoalSequence([RIGHT], SPACE)
    sequence.observe(values, 0.1)
    assert sequence.progress is Progress.UNDER_WAY


@pytest.mark.parametrize(
    ("waypoints", "message"),
    [
        ([], r"goal_sequence\.goals: expected at least one, got none"),
        ([LEFT, Waypoint({}, {})], r"goals\[1\]\.names: expected at least one dimension"),
        ([Waypoint({"y": 0.0}, {"y": 1.0})], "unknown dimension 'y'"),
        ([Waypoint({"x": 0.0}, {})], r"goals\[0\]\.tolerances: .* for 'x', got nan"),
        ([Waypoint({"x": 0.0}, {"x": 0.0})], r"goals\[0\]\.tolerances: .*above 0 for 'x', got 0"),
        ([Waypoint({"x": 0.0}, {"x": 1.0}, dwell=-1.0)], r"goals\[0\]\.dwell: .*got -1"),
        ([Waypoint({"x": 0.0}, {"x": 1.0}, timeout=math.inf)], r"goals\[0\]\.timeout: .*got inf"),
    ],
)
def test_what_does_not_fit_is_named(waypoints, message):
    with pytest.raises(ValueError, match=message):
        GoalSequence(waypoints, SPACE)
