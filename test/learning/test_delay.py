"""Actions that act later than the plant tells: found out, learned with, and told to others."""

import re

import numpy as np
import pytest
import torch
from support.systems import (
    ACTION,
    OBSERVATION,
    at_random,
    at_rest_again,
    drive,
    fed,
    trained,
    with_model,
)

from mbrl_ros.core.records import Transition
from mbrl_ros.core.spaces import Space
from mbrl_ros.learning.delay import identify
from mbrl_ros.learning.dynamics_learner import DynamicsLearner
from mbrl_ros.learning.kernel_ridge import unexplained
from mbrl_ros.models.packing import pack, unpack

TO_FIND = with_model(delay=-1)


@pytest.mark.parametrize("delay", range(5))
@pytest.mark.parametrize("act", [at_random, at_rest_again])
def test_the_delay_is_found_from_little_data_of_explorers_and_of_controllers(delay, act):
    for seed in range(3):
        learner = fed(TO_FIND, count=150, data_seed=seed, delay=delay, act=act)
        found = identify(learner.model, learner.replay)
        assert found.delay == delay, (seed, found.unexplained)
        assert found.unexplained.shape == (6,)
        assert found.unexplained.argmin() == delay


def test_a_model_that_is_shown_a_history_finds_the_delay_of_what_no_single_observation_tells():
    learner = DynamicsLearner(Space.of(["position"]), ACTION, with_model(delay=-1, history=3), 0)
    for before, action, after, episode, step in drive(300, delay=2):
        learner.append(Transition(before[:1], action, after[:1], episode, step))
    # A force moves the position one step after the velocity.
    assert identify(learner.model, learner.replay).delay == 3


@pytest.mark.parametrize("history", [1, 3])
def test_a_delay_longer_than_may_be_breaks_nothing(history):
    longest = TO_FIND.model.max_delay
    learner = fed(with_model(delay=-1, history=history), count=150, delay=longest + 1)
    learner.update()
    assert learner.model.delay <= longest


def test_actions_that_tell_nothing_change_no_mind():
    for act in (lambda rng, state: np.array([0.5]), at_random):
        learner = DynamicsLearner(OBSERVATION, ACTION, TO_FIND, 0)
        rng = np.random.default_rng(3)
        for before, action, _, episode, step in drive(150, act=act):
            # Where the plant goes has nothing to do with them.
            learner.append(Transition(before, action, before + rng.normal(size=2), episode, step))
        learner.model.delay = 2
        found = identify(learner.model, learner.replay)
        assert found.delay == 2
        assert found.told == "actions act 2 steps late (not told by these data)"


@pytest.mark.process
def test_the_learner_finds_the_delay_and_predicts_as_well_as_if_it_knew():
    learners = {
        known: trained(800, settings=with_model(delay=known), delay=3) for known in (-1, 3, 0)
    }
    assert learners[-1].model.delay == 3
    errors = {known: learner.judge().one_step_error for known, learner in learners.items()}
    # Found at the first look, it learns what it would have learned anyway.
    assert errors[-1] == errors[3]
    assert errors[0] > 5 * errors[3]


def test_a_delay_that_was_found_travels_with_the_model():
    learner = trained(300, settings=TO_FIND, delay=2)
    decision = learner.judge()
    told = re.search(r"; actions act 2 steps late \(.* leaves ([\d.e+]+) times", decision.reason)
    assert float(told[1]) > 2.0
    update = decision.update
    assert unpack(update).delay == 2
    assert unpack(update).settings.delay == 2
    again = fed(TO_FIND, count=0)
    again.restore(update)
    assert again.model.delay == 2


@pytest.mark.process
def test_what_was_learned_with_a_wrong_delay_does_not_stand_in_the_way():
    learner = fed(TO_FIND, count=60, delay=2, act=lambda rng, state: np.zeros(1))
    # Actions that never change tell nothing at first, and then they do.
    learner.update()
    assert learner.model.delay == 0
    for before, action, after, episode, step in drive(340, seed=1, delay=2):
        learner.append(Transition(before, action, after, 100 + episode, step))
    published = []
    for _ in range(800):
        learner.update()
        if learner.is_due:
            published.append(learner.judge())
    assert learner.model.delay == 2
    assert published[-1].update is not None
    knowing = trained(800, settings=with_model(delay=2), delay=2)
    assert published[-1].one_step_error < 2 * knowing.judge().one_step_error


@pytest.mark.parametrize(
    ("known", "checkpoint"), [({"delay": 2}, 0), ({"delay": 0}, 2), ({"delay": -1}, 6)]
)
def test_a_model_with_another_delay_than_is_known_or_possible_is_not_taken_up(known, checkpoint):
    learner = fed(with_model(**known), count=60)
    with pytest.raises(ValueError, match="other spaces or settings"):
        learner.restore(pack(fed(with_model(delay=checkpoint), count=0).model))
    learner.update()
    assert learner.model.delay == max(0, known["delay"])


def test_what_can_be_told_is_explained_and_what_cannot_is_not():
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(200, 3, generator=generator)
    noise = torch.randn(200, generator=generator)
    outputs = torch.stack(
        [inputs[:, 0], inputs[:, 0] * inputs[:, 1], noise, torch.ones(200)], dim=1
    )
    left = unexplained(inputs, outputs, np.arange(200) // 10)
    assert left[0] < 0.01
    assert left[1] < 0.2
    assert left[2] > 0.9
    # Nothing varies, so there is nothing to explain.
    assert left[3] == 0


def test_a_block_is_told_from_the_others_alone():
    # Alike within a block, and blocks have nothing in common: none tells of another.
    place = torch.randn(20, 2, generator=torch.Generator().manual_seed(1)).repeat_interleave(10, 0)
    value = torch.randn(20, 1, generator=torch.Generator().manual_seed(2)).repeat_interleave(10, 0)
    blocks = np.arange(200) // 10
    assert unexplained(place, value, blocks) > 0.6
    assert unexplained(place, value, np.arange(200)) < 0.01
