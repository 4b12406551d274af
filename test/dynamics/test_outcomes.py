from dataclasses import replace

import numpy as np
import pytest
import torch
from systems import ACTION, OBSERVATION, SMALL, drive

from mbrl_ros.core.records import Transition
from mbrl_ros.dynamics.checkpoint import pack, unpack
from mbrl_ros.dynamics.learner import Learner

SETTINGS = replace(SMALL, model=replace(SMALL.model, outcomes=True))


def reward(before, action, after):
    return after[0] ** 2 + 0.5 * action[0] - 0.3 * before[1]


def learner(paid=True, ends=True, count=600):
    made = Learner(OBSERVATION, ACTION, SETTINGS, 0)
    for before, action, after, episode, step in drive(count):
        pays = reward(before, action, after) if paid else float("nan")
        made.append(
            Transition(before, action, after, episode, step, pays, ends and abs(after[0]) > 0.4)
        )
    return made


@pytest.fixture(scope="module")
def outcomes():
    made = learner()
    for _ in range(1500):
        made.update()
    return unpack(pack(made.model)).outcomes


def batch(seed=1):
    rows = list(drive(300, seed=seed))
    return [torch.from_numpy(np.stack([row[i] for row in rows])).float() for i in range(3)]


@pytest.mark.process
def test_what_the_plant_pays_is_learned(outcomes):
    before, action, after = batch()
    expected = after[:, 0] ** 2 + 0.5 * action[:, 0] - 0.3 * before[:, 1]
    error = outcomes.reward(before, action, after) - expected
    assert error.square().mean().sqrt() < 0.1 * expected.std()


@pytest.mark.process
def test_where_the_task_ends_is_learned(outcomes):
    before, action, after = batch()
    ended = after[:, 0].abs() > 0.4
    assert 0.05 < ended.float().mean() < 0.95
    likely = outcomes.termination(before, action, after)
    assert ((likely > 0.5) == ended).float().mean() > 0.93
    assert likely.min() >= 0
    assert likely.max() <= 1


@pytest.mark.process
def test_many_trajectories_are_judged_at_once(outcomes):
    before, action, after = batch()
    shape = (3, 4, 25)
    many = outcomes.reward(
        before.view(3, 4, 25, 2), action.view(3, 4, 25, 1)[0], after.view(3, 4, 25, 2)
    )
    assert many.shape == shape
    alone = outcomes.reward(before[:25], action[:25], after[:25])
    torch.testing.assert_close(many[0, 0], alone)


def test_without_rewards_and_ends_there_is_nothing_to_learn():
    made = learner(paid=False, ends=False)
    for _ in range(20):
        made.update()
    assert not made.model.outcomes.has_reward
    assert not made.model.outcomes.has_termination
    assert made.judge().model is not None or made.updates == 20


def test_they_are_learned_only_where_asked_for():
    assert Learner(OBSERVATION, ACTION, SMALL, 0).model.outcomes is None
