from dataclasses import replace

import numpy as np
import pytest
import torch
from support.systems import ACTION, OBSERVATION, SMALL, drive

from mbrl_ros.core.records import Transition
from mbrl_ros.learning.dynamics_learner import DynamicsLearner
from mbrl_ros.models.packing import pack, unpack

SETTINGS = replace(SMALL, model=replace(SMALL.model, reward_model=True))


def reward(before, action, after):
    return after[0] ** 2 + 0.5 * action[0] - 0.3 * before[1]


def learner(paid=True, ends=True, count=600):
    made = DynamicsLearner(OBSERVATION, ACTION, SETTINGS, 0)
    for before, action, after, episode, step in drive(count):
        pays = reward(before, action, after) if paid else float("nan")
        made.append(
            Transition(before, action, after, episode, step, pays, ends and abs(after[0]) > 0.4)
        )
    return made


@pytest.fixture(scope="module")
def reward_model():
    made = learner()
    for _ in range(1500):
        made.update()
    return unpack(pack(made.model)).reward_model


def batch(seed=1):
    rows = list(drive(300, seed=seed))
    return [torch.from_numpy(np.stack([row[i] for row in rows])).float() for i in range(3)]


@pytest.mark.process
def test_what_the_plant_pays_is_learned(reward_model):
    before, action, after = batch()
    expected = after[:, 0] ** 2 + 0.5 * action[:, 0] - 0.3 * before[:, 1]
    error = reward_model.reward(before, action, after) - expected
    assert error.square().mean().sqrt() < 0.1 * expected.std()


@pytest.mark.process
def test_each_member_has_a_head_and_they_differ_where_nothing_was_seen(reward_model):
    before, action, after = batch()
    heads = SETTINGS.model.members
    assert reward_model.heads == heads > 1
    shape, far = (heads, 300, 2), 10.0
    own = reward_model.reward(before.expand(shape), action, after.expand(shape), own=True)
    torch.testing.assert_close(own.mean(dim=0), reward_model.reward(before, action, after))
    elsewhere = reward_model.termination(
        (far * before).expand(shape), far * action, (far * after).expand(shape), own=True
    )
    known = reward_model.termination(before.expand(shape), action, after.expand(shape), own=True)
    assert elsewhere.std(dim=0).mean() > 0
    assert own.std(dim=0).mean() < 0.1 * own.std()
    # Of a planner that uses fewer members, each has the same head.
    fewer = reward_model.reward(before.expand(1, 300, 2), action, after.expand(1, 300, 2), own=True)
    torch.testing.assert_close(fewer[0], own[0])
    torch.testing.assert_close(known.mean(dim=0), reward_model.termination(before, action, after))


@pytest.mark.process
def test_no_reward_is_promised_far_from_those_that_were_paid(reward_model):
    before, action, after = batch()
    least, most, apart = reward_model.least, reward_model.most, reward_model.unit
    # A tenth of the data is held out.
    paid = np.sort([reward(*row[:3]) for row in drive(600)])
    assert paid[0] - 1e-5 <= least <= paid[60]
    assert paid[-60] <= most <= paid[-1] + 1e-5
    promised = reward_model.reward(1e3 * before, action, 1e3 * after)
    assert promised.max() <= most + 0.2 * apart + 1e-5
    assert promised.min() >= least - 0.2 * apart - 1e-5


@pytest.mark.process
def test_where_the_task_ends_is_learned(reward_model):
    before, action, after = batch()
    ended = after[:, 0].abs() > 0.4
    assert 0.05 < ended.float().mean() < 0.95
    likely = reward_model.termination(before, action, after)
    assert ((likely > 0.5) == ended).float().mean() > 0.93
    assert likely.min() >= 0
    assert likely.max() <= 1


@pytest.mark.process
def test_many_trajectories_are_judged_at_once(reward_model):
    before, action, after = batch()
    shape = (3, 4, 25)
    many = reward_model.reward(
        before.view(3, 4, 25, 2), action.view(3, 4, 25, 1)[0], after.view(3, 4, 25, 2)
    )
    assert many.shape == shape
    alone = reward_model.reward(before[:25], action[:25], after[:25])
    torch.testing.assert_close(many[0, 0], alone)


def test_without_rewards_and_ends_there_is_nothing_to_learn():
    made = learner(paid=False, ends=False)
    for _ in range(20):
        made.update()
    assert not made.model.reward_model.has_reward
    assert not made.model.reward_model.has_termination
    assert made.judge().update is not None or made.updates == 20


def test_they_are_learned_only_where_asked_for():
    assert DynamicsLearner(OBSERVATION, ACTION, SMALL, 0).model.reward_model is None
