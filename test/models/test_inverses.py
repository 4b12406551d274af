import numpy as np
import pytest
import torch
from support.systems import ACTION, OBSERVATION, SMALL, WITH_ANGLES, drive, with_model

from mbrl_ros.core.records import Transition
from mbrl_ros.core.spaces import Space
from mbrl_ros.data.transitions import Transitions
from mbrl_ros.evaluation.accuracy import measure
from mbrl_ros.learning.dynamics_learner import DynamicsLearner
from mbrl_ros.models.inverses import Inverses
from mbrl_ros.models.packing import pack, unpack


def learned(delay=0, updates=1500):
    made = DynamicsLearner(OBSERVATION, ACTION, with_model(inverses=True, delay=delay), 0)
    for row in drive(600, delay=delay):
        made.append(Transition(*row))
    for _ in range(updates):
        made.update()
    return unpack(pack(made.model))


@pytest.fixture(scope="module")
def model():
    return learned()


def rows(seed=1, delay=0):
    found = list(drive(300, seed=seed, delay=delay))
    return [torch.from_numpy(np.stack([row[i] for row in found])).float() for i in range(3)]


def rms(values):
    return values.square().mean(dim=0).sqrt()


@pytest.mark.process
def test_the_action_is_told_from_what_it_did(model):
    before, action, after = rows()
    error = rms(model.inverses.action(before, after) - action)
    assert error < 0.1 * action.std()


@pytest.mark.process
def test_where_a_step_began_is_told_from_where_it_led(model):
    before, action, after = rows()
    error = rms(model.inverses.before(action, after) - before)
    assert (error < 0.1 * rms(after - before)).all()


@pytest.mark.process
def test_an_action_that_acts_late_is_told_from_what_it_did():
    late = learned(delay=2)
    before, action, after = rows(delay=2)
    # What acts in a step was sent two steps before.
    error = rms(late.inverses.action(before, after)[10:50] - action[8:48])
    assert error < 0.15 * action.std()


def test_angles_change_by_the_short_way_round():
    inverses = Inverses(WITH_ANGLES, ACTION)
    before = torch.tensor([0.0, 3.1, 0.0, -3.1])
    after = torch.tensor([0.0, -3.1, 0.0, 3.1])
    change = inverses.between(before, after)[-4:]
    torch.testing.assert_close(change, torch.tensor([0.0, 0.0832, 0.0, -0.0832]), atol=1e-4, rtol=0)


def test_they_are_learned_only_where_asked_for():
    assert DynamicsLearner(OBSERVATION, ACTION, SMALL, 0).model.inverses is None


def test_a_checkpoint_is_taken_up_only_with_the_same():
    learner = DynamicsLearner(OBSERVATION, ACTION, SMALL, 0)
    with pytest.raises(ValueError, match="other spaces or settings"):
        learner.restore(pack(learned(updates=1)))


@pytest.mark.process
def test_errors_the_other_way_round_are_measured(model):
    log = Transitions(OBSERVATION, ACTION)
    for before, action, after, episode, step in drive(300, seed=2):
        log.append(Transition(before, action, after, episode, step))
    accuracy = measure(model, log, 10)
    assert accuracy.backward.shape == (10, 2)
    assert (np.diff(accuracy.backward[[0, 4, 9]], axis=0) > 0).all()
    assert (accuracy.backward[0] < 0.1 * accuracy.unmoved[0]).all()
    assert accuracy.action.shape == (1,)
    assert accuracy.action[0] < 0.06
    without = measure(unpack(pack(DynamicsLearner(OBSERVATION, ACTION, SMALL, 0).model)), log, 10)
    assert without.backward is None
    assert without.action is None


def test_several_actions_are_told_at_once():
    two = Space.of(["left", "right"], [-1.0, -1.0], [1.0, 1.0])
    inverses = Inverses(OBSERVATION, two)
    assert inverses.action(torch.zeros(4, 3, 2), torch.zeros(4, 3, 2)).shape == (4, 3, 2)
    assert inverses.before(torch.zeros(4, 3, 2), torch.zeros(4, 3, 2)).shape == (4, 3, 2)
