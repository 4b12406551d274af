import math
import random

import numpy as np
import pytest
from bag_messages import ACTION_SPACE, OBSERVATION_SPACE

from mbrl_ros.core.records import Observation
from mbrl_ros.data.pairing import TransitionPairer


def seen(episode, step, plant=0, **changes):
    fields = {
        "episode": episode,
        "step": step,
        "values": [100.0 * episode + step, float(plant)],
        "action": [] if step == 0 else [0.01 * step],
        "reward": math.nan if step == 0 else float(step),
        "terminated": False,
        "truncated": False,
        "stamp": 40 * step,
    }
    return Observation(**{**fields, **changes})


def feed(pairer, observations):
    return [pair for o in observations if (pair := pairer.feed(o)) is not None]


@pytest.fixture
def pairer():
    return TransitionPairer(OBSERVATION_SPACE, ACTION_SPACE)


def test_pairs_every_step_of_every_episode(pairer):
    pairs = feed(
        pairer,
        [seen(0, s) for s in range(4)]
        + [seen(0, 4, terminated=True)]
        + [seen(1, s) for s in range(2)]
        + [seen(1, 2, truncated=True)],
    )
    assert [(p.episode, p.step) for p in pairs] == [(0, 0), (0, 1), (0, 2), (0, 3), (1, 0), (1, 1)]
    first = pairs[0]
    assert list(first.observation) == [0, 0]
    assert list(first.next_observation) == [1, 0]
    assert list(first.action) == [0.01]
    assert (first.reward, first.stamp) == (1.0, 40)
    assert [p.terminated for p in pairs] == [False, False, False, True, False, False]
    assert pairs[-1].truncated
    assert not pairer.skipped


def test_a_lost_observation_costs_two_transitions(pairer):
    pairs = feed(pairer, [seen(0, s) for s in (0, 1, 3, 4)])
    assert [p.step for p in pairs] == [0, 3]
    assert pairer.skipped == {"gap": 1}


def test_starting_in_the_middle_of_an_episode(pairer):
    assert [p.step for p in feed(pairer, [seen(5, 7), seen(5, 8)])] == [7]


def test_repeated_observations_are_counted_once(pairer):
    stream = [seen(0, s) for s in (0, 0, 1, 1, 1, 2, 0, 1, 2, 3)]
    assert [p.step for p in feed(pairer, stream)] == [0, 1, 2]
    assert pairer.skipped == {"duplicate": 6}


def test_a_late_observation_is_skipped(pairer):
    assert [p.step for p in feed(pairer, [seen(0, s) for s in (0, 1, 2, 4, 3, 5)])] == [0, 1, 4]
    assert pairer.skipped == {"gap": 1, "out_of_order": 1}


@pytest.mark.parametrize(
    ("change", "reason", "steps"),
    [
        ({"values": [1.0]}, "bad_observation", [0, 3]),
        ({"values": [1.0, math.nan]}, "bad_observation", [0, 3]),
        ({"values": [1.0, math.inf]}, "bad_observation", [0, 3]),
        ({"values": None}, "bad_observation", [0, 3]),
        ({"action": []}, "bad_action", [0, 2, 3]),
        ({"action": [math.nan]}, "bad_action", [0, 2, 3]),
        ({"action": [0.0, 0.0]}, "bad_action", [0, 2, 3]),
    ],
)
def test_bad_numbers_are_skipped_by_reason(pairer, change, reason, steps):
    pairs = feed(pairer, [seen(0, s, **(change if s == 2 else {})) for s in range(5)])
    assert [p.step for p in pairs] == steps
    assert pairer.skipped[reason] == 1
    assert all(np.isfinite(p.observation).all() and np.isfinite(p.action).all() for p in pairs)


@pytest.mark.parametrize("paid", [math.inf, -math.inf, math.nan])
def test_a_reward_that_is_not_finite_costs_the_reward_only(pairer, paid):
    pairs = feed(pairer, [seen(0, s, reward=paid if s == 2 else 1.0) for s in range(5)])
    assert [p.step for p in pairs] == [0, 1, 2, 3]
    np.testing.assert_equal([p.reward for p in pairs], [1.0, math.nan, 1.0, 1.0])
    assert not pairer.skipped
    assert pairer.unpaid == math.isinf(paid)


def test_counts_beyond_any_run_are_skipped(pairer):
    assert feed(pairer, [seen(0, 0), seen(2**64 - 1, 1), seen(0, 1)])
    assert pairer.skipped == {"bad_observation": 1}


def test_nothing_follows_the_end_of_an_episode(pairer):
    pairs = feed(pairer, [seen(0, 0), seen(0, 1, terminated=True), seen(0, 2), seen(0, 3)])
    assert [p.step for p in pairs] == [0]
    assert pairer.skipped == {"past_end": 2}


def test_a_restarted_plant_is_followed_and_never_mixed_with_the_old_one(pairer):
    old = [seen(0, s) for s in range(6)]
    new = [seen(0, s, plant=1) for s in range(9)]
    pairs = feed(pairer, old + new)
    assert [p.step for p in pairs] == [*range(5), *range(8)]
    assert all(p.observation[1] == p.next_observation[1] for p in pairs)


def test_a_restarted_plant_is_followed_though_its_reset_was_missed(pairer):
    pairs = feed(pairer, [seen(3, s) for s in range(6)])
    pairs = feed(pairer, [seen(0, s, plant=1) for s in range(2, 9)])
    assert [p.step for p in pairs] == [3, 4, 5, 6, 7]


def test_late_observations_of_the_old_plant_are_not_mixed_with_the_new_one():
    pairer = TransitionPairer(OBSERVATION_SPACE, ACTION_SPACE, period=40e-9)
    old = [seen(0, s, stamp=4000 + 40 * s) for s in range(5)]
    new = [seen(0, s, plant=1, stamp=8000 + 40 * s) for s in range(5)]
    # The two intervals between old and new are as long, but do not follow each other.
    pairs = feed(pairer, [old[1], old[2], old[4], old[0], new[1], old[3], new[3], new[4]])
    assert [(p.observation[1], p.step) for p in pairs] == [(0, 1)]


def test_a_plant_that_repeats_its_first_steps_exactly_after_a_restart(pairer):
    feed(pairer, [seen(0, s) for s in range(20)])
    pairs = feed(pairer, [seen(0, s, plant=int(s > 4)) for s in range(30)])
    assert [p.step for p in pairs] == list(range(6, 29))


def test_any_disorder_gives_only_true_transitions_and_each_at_most_once():
    rng = random.Random(0)
    for _ in range(50):
        stream = [seen(e, s) for e in range(5) for s in range(20)]
        for _ in range(rng.randrange(40)):
            i = rng.randrange(len(stream))
            kind = rng.randrange(4)
            if kind == 0:
                del stream[i]
            elif kind == 1:
                stream.insert(i, stream[rng.randrange(max(0, i - 9), i + 1)])
            elif kind == 2:
                j = rng.randrange(len(stream))
                stream[i], stream[j] = stream[j], stream[i]
            else:
                stream[i] = seen(stream[i].episode, stream[i].step, values=[math.nan])
        pairer = TransitionPairer(OBSERVATION_SPACE, ACTION_SPACE)
        pairs = feed(pairer, stream)
        keys = [(p.episode, p.step) for p in pairs]
        assert len(set(keys)) == len(keys)
        for p in pairs:
            assert p.observation[0] == 100 * p.episode + p.step
            assert p.next_observation[0] == p.observation[0] + 1
            assert p.action[0] == pytest.approx(0.01 * (p.step + 1))
