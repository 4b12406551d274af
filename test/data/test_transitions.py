import numpy as np
import pytest
from bag_messages import ACTION_SPACE, OBSERVATION_SPACE

from mbrl_ros.core.records import Transition
from mbrl_ros.data.transitions import Transitions


def fill(table, episode, steps, start=0.0):
    for i, step in enumerate(steps):
        x = start + i
        table.append(
            Transition([x, 0.0], [0.5], [x + 1, 0.0], episode, step, -1.0, stamp=step * 10)
        )


def empty():
    return Transitions(OBSERVATION_SPACE, ACTION_SPACE)


def test_columns_hold_what_was_appended_across_growth():
    table = empty()
    fill(table, 3, range(5000))
    assert len(table) == 5000
    assert table.observation.shape == (5000, 2)
    assert table.action.shape == (5000, 1)
    assert np.array_equal(table.observation[:, 0], np.arange(5000))
    assert np.array_equal(table.next_observation[:, 0], np.arange(5000) + 1)
    assert np.array_equal(table.stamp, np.arange(5000) * 10)
    assert set(table.episode) == {3}
    assert not table.terminated.any()


def test_views_and_slices_stay_true_while_the_table_grows():
    table = empty()
    fill(table, 0, range(10))
    view, part = table.observation, table[2:6]
    fill(table, 1, range(3000), start=7.0)
    assert np.array_equal(view[:, 0], np.arange(10))
    assert np.array_equal(part.observation[:, 0], [2, 3, 4, 5])
    part.append(Transition([9, 9], [0], [9, 9], 0, 6, 0.0, terminated=True))
    assert len(part) == 5
    assert table.observation[6, 0] == 6


@pytest.mark.parametrize("reward", [np.inf, -np.inf, np.nan])
def test_a_reward_that_is_no_number_costs_the_reward_only(reward):
    table = empty()
    table.append(Transition([0, 0], [0], [1, 1], 0, 0, reward))
    assert len(table) == 1
    assert np.isnan(table.reward).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"observation": [1.0]}, "observation: expected 2 values"),
        ({"observation": [1.0, np.nan]}, "'v' is nan"),
        ({"next_observation": [np.inf, 0.0]}, "next_observation: 'x' is inf"),
        ({"action": []}, "action: expected 1 values"),
        ({"step": -1}, "step: expected a count from 0, got -1"),
        ({"episode": 2**63}, "episode: expected a count"),
    ],
)
def test_refuses_what_does_not_fit_and_stays_as_it_was(change, message):
    table = empty()
    row = {
        "observation": [0.0, 0.0],
        "action": [0.0],
        "next_observation": [0.0, 0.0],
        "reward": np.nan,
        "terminated": False,
        "truncated": False,
        "episode": 0,
        "step": 0,
    }
    table.append(Transition(**row))
    with pytest.raises(ValueError, match=message):
        table.append(Transition(**{**row, **change}))
    assert len(table) == 1


def test_windows_do_not_cross_episodes_gaps_or_restarts():
    table = empty()
    fill(table, 0, [0, 1, 2, 3])  # rows 0-3
    fill(table, 1, [0, 1])  # rows 4-5
    fill(table, 2, [0, 1, 3, 4, 5])  # rows 6-10, step 2 is missing
    fill(table, 2, [6, 7], start=50.0)  # rows 11-12, the next steps of another plant
    assert list(table.windows(1)) == list(range(13))
    assert list(table.windows(2)) == [0, 1, 2, 4, 6, 8, 9, 11]
    assert list(table.windows(3)) == [0, 1, 8]
    assert list(table.windows(4)) == [0]
    assert list(table.windows(14)) == []
    assert list(empty().windows(2)) == []
    with pytest.raises(ValueError, match="at least 1, got 0"):
        table.windows(0)
