import random

import numpy as np

from mbrl_ros.core.records import Transition
from mbrl_ros.core.spaces import Space
from mbrl_ros.data.transitions import Transitions
from mbrl_ros.learning.fleet import Fleet

OBSERVATION = Space(("robot", "episode", "step"), (-np.inf,) * 3, (np.inf,) * 3)
ACTION = Space(("push",), (-1.0,), (1.0,))


def drive(robot, episodes, length):
    """Return a robot's log: where it was tells which robot, episode and step it is of."""
    return [
        Transition([robot, episode, step], [0.0], [robot, episode, step + 1], episode, step,
                   terminated=step == length - 1)
        for episode in range(episodes)
        for step in range(length)
    ]  # fmt: skip


def merged(fleet, logs, most=10**6):
    """Return what a learner gets, with transitions that come in a random order of the robots."""
    chance, left = random.Random(0), [list(log) for log in logs]
    found = Transitions(OBSERVATION, ACTION)
    while any(left) and len(found) < most:
        robot = chance.choice([i for i, log in enumerate(left) if log])
        for transition in fleet.add(robot, left[robot].pop(0)):
            found.append(transition)
    return found


def test_every_segment_of_the_learners_is_of_one_robot():
    """Also where episodes have other lengths, as they end by chance."""
    logs = [drive(robot, 5, 23) for robot in range(3)]
    fleet = Fleet(3, stretch=10, period=0.04)
    found = merged(fleet, logs)
    for first in range(0, len(found) - 9, 10):
        assert len(set(found.observation[first : first + 10, 0])) == 1
    fleet.left_over()
    for transition in fleet.left_over():
        found.append(transition)
    assert len(found) == sum(map(len, logs))
    seen = found.observation
    for robot, log in enumerate(logs):
        np.testing.assert_array_equal(seen[seen[:, 0] == robot], [each.observation for each in log])
    whose = {
        (int(row[0]), int(row[1])): number for row, number in zip(seen, found.episode, strict=True)
    }
    assert len(set(whose.values())) == len(whose) == 15


def test_after_a_robot_has_left_segments_are_whole_again():
    fleet = Fleet(2, stretch=10, period=0.04)
    for transition in drive(1, 1, 3):
        fleet.add(1, transition)
    fleet.left_over()
    gone = fleet.left_over()
    assert [each.step for each in gone] == [0, 1, 2]
    found = merged(fleet, [drive(0, 2, 23), drive(1, 2, 23)], most=60)
    for first in range(7, len(found) - 9, 10):
        assert len(set(found.observation[first : first + 10, 0])) == 1


def test_what_one_robot_has_begun_waits_for_no_other_and_not_for_ever():
    fleet = Fleet(2, stretch=2, period=0.04)
    first, second, third, *_ = drive(0, 1, 5)
    assert fleet.add(0, first) == []
    assert fleet.add(1, drive(1, 1, 1)[0]) == []
    assert [t.step for t in fleet.add(0, second)] == [0, 1]
    assert fleet.add(0, third) == []
    assert fleet.left_over() == []  # it has just come
    assert [(t.episode, t.step) for t in fleet.left_over()] == [(0, 2), (1, 0)]  # both are gone
    assert fleet.left_over() == []


def test_robots_with_a_slow_control_period_have_not_left_in_between():
    fleet, period, asked, lengths = Fleet(2, stretch=10, period=5.0), 5.0, 0.0, []
    for step, both in enumerate(zip(drive(0, 1, 100), drive(1, 1, 100), strict=True)):
        lengths += [len(fleet.add(robot, new)) for robot, new in enumerate(both)]
        while (step + 1) * period > asked + fleet.patience:
            asked += fleet.patience
            assert fleet.left_over() == []
    assert [length for length in lengths if length] == [10] * 20
