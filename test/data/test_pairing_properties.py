"""Whatever happens to a stream of observations, no transition is made of what is not one step."""

import itertools
import math

import numpy as np
import pytest
from bag_messages import ACTION_SPACE, OBSERVATION_SPACE

from mbrl_ros.core.records import Observation
from mbrl_ros.data.pairing import TransitionPairer

hypothesis = pytest.importorskip("hypothesis")
from hypothesis import strategies as st  # noqa: E402

PERIOD = 40_000_000
# How each episode of a plant ends: by itself, or by a reset that nobody announces.
ENDS = st.sampled_from(["terminated", "truncated", "reset"])
EPISODES = st.lists(st.tuples(st.integers(1, 6), ENDS), min_size=1, max_size=4)
# Each plant is started after the one before was killed, and counts from 0 again.
PLANTS = st.lists(EPISODES, min_size=1, max_size=3)
# What happens to an observation on its way; late: it comes after the next ones.
FATES = st.sampled_from(["comes", "comes", "comes", "dropped", "repeated", "late", "very late"])


def lives(plants):
    """Return all that the plants observe, each with a place of its own in the log of all."""
    seen, stamp = [], 0
    for episodes in plants:
        stamp += 100 * PERIOD
        for episode, (steps, end) in enumerate(episodes):
            for step in range(steps + 1):
                stamp += PERIOD
                number = len(seen)
                last = step == steps
                seen.append(
                    Observation(
                        episode, step, np.array([float(number), 0.5]),
                        np.array([0.001 * number]), step - 1,
                        float(number) if step else math.nan,
                        last and end == "terminated", last and end == "truncated", stamp,
                    )
                )  # fmt: skip
    return seen


def disturbed(seen, fates):
    """Return the observations in the order in which they come."""
    arrivals = []
    for number, (one, fate) in enumerate(zip(seen, fates, strict=True)):
        delay = {"late": 1.5, "very late": 4.5}.get(fate, 0.0)
        if fate != "dropped":
            arrivals.append((number + delay, one))
        if fate == "repeated":
            arrivals.append((number + 0.5, one))
    return [one for _, one in sorted(arrivals, key=lambda each: each[0])]


def neighbours(seen):
    """The slow, obvious reference: numbers of observations whose next one is a step further."""
    return {
        number
        for number, (one, other) in enumerate(itertools.pairwise(seen))
        if (other.episode, other.step) == (one.episode, one.step + 1) and not one.ended
    }


@hypothesis.settings(max_examples=400, deadline=None)
@hypothesis.given(plants=PLANTS, data=st.data())
def test_every_transition_is_a_step_that_was_made_once(plants, data):
    seen = lives(plants)
    fates = data.draw(st.lists(FATES, min_size=len(seen), max_size=len(seen)))
    stream = disturbed(seen, fates)
    pairer = TransitionPairer(OBSERVATION_SPACE, ACTION_SPACE, period=1e-9 * PERIOD)
    made = []
    for one in stream:
        pair = pairer.feed(one)
        if pair is None:
            assert pairer.reason or one.step == 0  # counted, or an episode begins
            continue
        number = int(pair.observation[0])
        assert number in neighbours(seen)
        before, after = seen[number], seen[number + 1]
        assert pair.next_observation[0] == number + 1
        assert (pair.episode, pair.step) == (before.episode, before.step)
        assert pair.action[0] == after.action[0]
        assert pair.reward == after.reward
        assert (pair.terminated, pair.truncated) == (after.terminated, after.truncated)
        made.append(number)
    assert len(made) == len(set(made))
    assert len(made) + sum(pairer.skipped.values()) + starts_of(stream) >= len(stream)


def starts_of(stream):
    return sum(one.step == 0 for one in stream)


@hypothesis.settings(max_examples=200, deadline=None)
@hypothesis.given(plants=PLANTS, data=st.data())
def test_what_came_in_order_is_paired_without_exception(plants, data):
    seen = lives(plants)
    fate = st.sampled_from(["comes", "comes", "dropped", "repeated"])
    fates = data.draw(st.lists(fate, min_size=len(seen), max_size=len(seen)))
    # That a plant was started anew must show.
    fates = [
        "comes" if one.step == 0 and one.episode == 0 else fate
        for one, fate in zip(seen, fates, strict=True)
    ]
    pairer = TransitionPairer(OBSERVATION_SPACE, ACTION_SPACE, period=1e-9 * PERIOD)
    stream = disturbed(seen, fates)
    made = [int(pair.observation[0]) for one in stream if (pair := pairer.feed(one)) is not None]
    came = {number for number, fate in enumerate(fates) if fate != "dropped"}
    assert made == sorted(n for n in neighbours(seen) if {n, n + 1} <= came)
    assert pairer.skipped["duplicate"] == fates.count("repeated")


def test_a_restart_whose_first_observation_is_lost_is_no_step():
    seen = lives([[(3, "reset")], [(3, "reset")]])
    pairer = TransitionPairer(OBSERVATION_SPACE, ACTION_SPACE, period=1e-9 * PERIOD)
    made = [pairer.feed(one) for one in (*seen[:2], *seen[6:])]
    assert [pair is not None for pair in made] == [False, True, False, True]
    assert pairer.skipped == {"gap": 1}
