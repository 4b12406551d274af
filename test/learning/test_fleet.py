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


def test_each_robots_transitions_stay_together_and_in_order():
    logs = [drive(robot, 3, 23) for robot in range(3)]
    chance, left = random.Random(0), [list(log) for log in logs]
    fleet = Fleet(3, stretch=10)
    merged = Transitions(OBSERVATION, ACTION)
    while any(left):
        robot = chance.choice([i for i, log in enumerate(left) if log])
        for transition in fleet.add(robot, left[robot].pop(0)):
            merged.append(transition)
    assert len(merged) == sum(map(len, logs))
    seen = merged.observation
    for robot, log in enumerate(logs):
        mine = seen[seen[:, 0] == robot]
        np.testing.assert_array_equal(mine, [t.observation for t in log])
    lengths = [rows.stop - rows.start for rows in merged.episodes()]
    assert set(lengths) <= {3, 10, 13, 20, 23}  # whole stretches, and the ends of episodes
    numbers = {(int(row[0]), int(row[1]), number) for row, number in zip(
        seen, merged.episode, strict=True)}  # fmt: skip
    assert len(numbers) == len({number for _, _, number in numbers}) == 9


def test_what_one_robot_has_begun_waits_for_no_other_and_not_for_ever():
    fleet = Fleet(2, stretch=2)
    first, second, third, *_ = drive(0, 1, 5)
    assert fleet.add(0, first) == []
    assert fleet.add(1, drive(1, 1, 1)[0])[0].episode == 1
    assert [t.step for t in fleet.add(0, second)] == [0, 1]
    assert fleet.add(0, third) == []
    assert fleet.left_over() == []  # it has just come
    assert [t.step for t in fleet.left_over()] == [2]  # its robot is gone
    assert fleet.left_over() == []
