import math

import pytest
import torch
from support.systems import drive, fed, trained, with_gate

from mbrl_ros.core.records import Transition
from mbrl_ros.models.packing import pack, unpack


def test_a_decision_is_due_at_first_with_enough_data_then_at_intervals():
    learner, due = fed(count=0), []
    for count, transition in enumerate(drive(180), start=1):
        learner.append(Transition(*transition))
        if count == 60:
            learner.update()
        if learner.is_due:
            due.append(count)
            learner.judge()
    assert due == [100, 125, 150, 175]


def test_a_model_that_was_never_fitted_is_not_due():
    assert not fed(count=300).is_due


def test_the_first_model_must_be_good_enough():
    learner = trained(300)
    error = learner.judge().holdout_error
    assert error < 0.3
    held_back = trained(300, settings=with_gate(first_error=error / 2)).judge()
    assert held_back.update is None
    assert held_back.holdout_error == pytest.approx(error)
    assert f"held back: hold-out error {error:.3f}" in held_back.reason
    published = trained(300, settings=with_gate(first_error=error * 1.01)).judge()
    assert published.update is not None
    assert published.reason.startswith("published")


def test_the_figures_of_a_decision_are_those_of_the_published_model():
    learner = trained(100)
    decision = learner.judge()
    model = unpack(decision.update)
    assert decision.holdout_error == learner.holdout.open_loop_error(model, model.observation_std)
    assert decision.one_step_error == learner.holdout.one_step_error(model)


def test_the_hold_out_error_tells_a_good_model_from_a_bad_one():
    assert trained(400).judge().holdout_error < 0.5 * trained(10).judge().holdout_error


def test_a_model_much_worse_than_the_published_one_is_held_back_until_it_recovers():
    learner = trained(300, settings=with_gate(good_error=0.0))
    first = learner.judge()
    assert first.update is not None
    last = learner.model.network.biases[-1]
    good = last.detach().clone()
    with torch.no_grad():
        last += 0.5
    worse = learner.judge()
    assert worse.update is None
    assert worse.holdout_error > 1.3 * first.holdout_error
    assert "held back" in worse.reason
    with torch.no_grad():
        last.copy_(good)
    assert learner.judge().update is not None


def test_a_model_a_little_worse_may_pass():
    learner = trained(300, settings=with_gate(good_error=0.0, factor=1.3))
    first = learner.judge().holdout_error
    bias = learner.model.network.biases[-1]
    # In steps too small to matter, until it is clearly worse but within the factor.
    while (
        learner.holdout.open_loop_error(learner.model, learner.model.observation_std) < 1.1 * first
    ):
        with torch.no_grad():
            bias[..., :2] += 0.0002
    second = learner.judge()
    assert 1.1 * first <= second.holdout_error <= 1.3 * first
    assert second.update is not None


def test_models_are_compared_in_the_same_units():
    learner = trained(300, settings=with_gate(good_error=0.0))
    assert learner.judge().update is not None
    # Data of a hundred times the size: the old normalisation would make the published
    # model's error on it look a hundred times larger, and let anything pass.
    for observation, action, next_observation, episode, step in drive(400, seed=1):
        learner.append(
            Transition(100 * observation, action, 100 * next_observation, 100 + episode, step)
        )
    for _ in range(200):
        learner.update()
    with torch.no_grad():
        learner.model.network.biases[-1] += 3.0
    spoiled = learner.judge()
    assert spoiled.update is None, spoiled.reason


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_weights_that_are_not_finite_are_held_back(value):
    learner = trained(50)
    assert learner.judge().update is not None
    with torch.no_grad():
        learner.model.network.weights[0][0, 0, 0] = value
    decision = learner.judge()
    assert decision.update is None
    assert math.isnan(decision.holdout_error)
    assert "held back" in decision.reason
    assert "not finite" in decision.reason


def test_nothing_is_published_that_could_not_be_judged():
    learner = trained(10, count=30)
    assert len(learner.holdout) == 0
    assert learner.judge().update is None
    learner.restore(pack(trained(50).model))
    decision = learner.judge()
    assert decision.update is None
    assert decision.holdout_error == math.inf


def test_after_many_transitions_at_once_fitting_makes_a_decision_due_again():
    learner = fed(count=300)
    learner.update()
    learner.judge()
    waited = 0
    while not learner.is_due:
        learner.update()
        waited += 1
    assert waited == 25
