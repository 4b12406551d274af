import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from support.systems import ACTION, OBSERVATION, SMALL, drive, fed, trained, weights, with_model

from mbrl_ros.core.records import Transition
from mbrl_ros.learning.dynamics_learner import DynamicsLearner
from mbrl_ros.learning.holdout import is_kept_back
from mbrl_ros.models.packing import unpack


def test_the_same_seed_and_data_give_the_same_model():
    first, second = trained(20, seed=3), trained(20, seed=3)
    assert torch.equal(weights(first), weights(second))
    assert first.judge().holdout_error == second.judge().holdout_error
    assert not torch.equal(weights(first), weights(trained(20, seed=4)))


def test_updates_are_owed_in_proportion_to_the_data():
    settings = replace(SMALL, optimizer=replace(SMALL.optimizer, updates_per_transition=2.5))
    learner = fed(settings, count=0)
    for count, transition in enumerate(drive(120), start=1):
        assert learner.owed_updates == (2.5 * (count - 1) if count > 50 else 0)
        learner.append(Transition(*transition))
    for _ in range(3):
        learner.update()
    assert learner.owed_updates == 2.5 * 120 - 3


def test_bad_transitions_are_refused_and_change_nothing():
    learner = fed(count=60)
    good = ([0.0, 0.0], [0.0], [0.0, 0.0])
    for place in range(3):
        for bad in ([math.nan, 0.0, 0.0], [1.0] * 7, [math.inf] * (1 if place == 1 else 2), ["x"]):
            values = list(good)
            values[place] = bad
            with pytest.raises(ValueError, match=r"observation|action|next_observation"):
                learner.append(Transition(*values, 5, 5))
    for count in ((-1, 0), (0, -1)):
        with pytest.raises(ValueError, match="expected a count"):
            learner.append(Transition(*good, *count))
    assert learner.received == 60


def test_the_loss_falls_and_is_told_once():
    learner = fed()
    assert math.isnan(learner.take_loss())
    for _ in range(20):
        learner.update()
    early = learner.take_loss()
    for _ in range(200):
        learner.update()
    learner.take_loss()
    for _ in range(20):
        learner.update()
    assert learner.take_loss() < early
    assert math.isnan(learner.take_loss())


def test_every_member_is_fitted_to_samples_of_its_own():
    learner = fed()
    with torch.no_grad():
        for tensor in learner.model.network.parameters():
            tensor.copy_(tensor[:1].expand_as(tensor).clone())
    learner.update()
    first = learner.model.network.weights[0]
    assert not torch.equal(first[0], first[1])


def test_many_transitions_keep_their_order_and_place():
    learner = fed(count=2500)
    assert learner.received == 2500
    kept = np.array([is_kept_back(row, SMALL.gate) for row in range(2500)])
    expected = np.array([t[0] for t in drive(2500)], dtype=np.float32)
    for rows, of in ((learner.replay.rows, ~kept), (learner.holdout.rows, kept)):
        batch = rows.batch(np.arange(len(rows)), 0)
        np.testing.assert_array_equal(batch.state.numpy(), expected[of])
    learner.update()


def with_optimizer(**values):
    return replace(SMALL, optimizer=replace(SMALL.optimizer, **values))


def test_the_step_size_falls_and_then_stays():
    settings = with_optimizer(learning_rate=1e-2, final_learning_rate=1e-4, decay_updates=40)
    learner, sizes = fed(settings), []
    for _ in range(60):
        sizes.append(learner._trainer.learning_rate)
        learner.update()
    assert sizes[0] == pytest.approx(1e-2)
    assert sizes[20] == pytest.approx(1e-3)
    assert sizes[40] == sizes[59] == pytest.approx(1e-4)


def test_weights_are_drawn_anew_when_the_data_has_grown():
    learner = fed(with_optimizer(restart_growth=2.0), count=100)
    while learner.owed_updates >= 1:
        learner.update()
    assert learner.updates == 100
    known = learner.holdout.open_loop_error(learner.model, torch.ones(2))
    for transition in drive(100, seed=1):
        learner.append(Transition(*transition))
    learner.update()
    # It begins again, and owes what all the data calls for.
    assert learner.holdout.open_loop_error(learner.model, torch.ones(2)) > known
    assert learner.owed_updates > 180
    while learner.owed_updates >= 1:
        learner.update()
    assert learner.holdout.open_loop_error(learner.model, torch.ones(2)) < known


@pytest.mark.parametrize(
    "settings",
    [
        with_model(likelihood="deterministic"),
        with_model(history=3),
        with_model(absolute=["velocity"]),
        with_model(delay=-1, max_delay=2),
        with_optimizer(steps=4),
    ],
    ids=["deterministic", "history", "absolute", "delay", "multi-step"],
)
def test_every_kind_of_model_learns_the_linear_system(settings):
    learner = trained(500, settings=settings)
    assert learner.model.delay == 0
    decision = learner.judge()
    assert decision.holdout_error < 0.15, decision.reason
    model = unpack(decision.update)
    assert model.settings == replace(settings.model, delay=0)


def test_what_a_model_is_not_told_of_does_not_move_it():
    learner = fed(with_model(ignored=["position"]))
    for _ in range(20):
        learner.update()
    near, far = torch.tensor([[0.1, 0.5]]), torch.tensor([[0.3, 0.5]])
    shape = (3, 1, -1)
    with torch.no_grad():
        first, _ = learner.model(near.expand(*shape), torch.zeros(3, 1, 1))
        second, _ = learner.model(far.expand(*shape), torch.zeros(3, 1, 1))
    torch.testing.assert_close(first, second, atol=0, rtol=0)


def test_unknown_dimensions_are_refused_by_name():
    for field in ("ignored", "absolute"):
        with pytest.raises(ValueError, match=f"model.{field}: 'speed' is not one of position, vel"):
            DynamicsLearner(OBSERVATION, ACTION, with_model(**{field: ["speed"]}), 0)


def test_a_loss_over_several_steps_is_that_of_predictions_on_predictions():
    settings = with_optimizer(steps=3)
    learner = fed(settings)
    learner.update()
    model, rows = learner.model, learner.replay.rows
    chosen = np.array([[0, 1], [12, 13], [30, 31]])
    found = learner._trainer._loss(rows, chosen).item()
    losses = []
    state = rows.batch(chosen, 0).state
    for k in range(3):
        batch = rows.batch(chosen + k, 0)
        assert rows.unbroken(chosen, k).all()
        mean, log_variance = model(state, batch.action)
        target = model.normalized_target(state, batch.next_observation)
        losses.append(model.network.loss(mean, log_variance, target).mean())
        state = model.next_observation(state, mean)
    assert found == pytest.approx(torch.stack(losses).mean().item(), rel=1e-5)
    # Where the data breaks off, what would be beyond is left out.
    end = np.array([[9, 9], [9, 9], [9, 9]])
    alone = learner._trainer._loss(rows, end).item()
    batch = rows.batch(end, 0)
    mean, log_variance = model(batch.state, batch.action)
    target = model.normalized_target(batch.state, batch.next_observation)
    one = model.network.loss(mean, log_variance, target).mean().item()
    assert alone == pytest.approx(one, rel=1e-5)


@pytest.mark.process
@pytest.mark.parametrize("kind", ["gaussian", "deterministic"])
@pytest.mark.parametrize("unit", [1e-2, 1e3])
def test_much_larger_or_smaller_units_are_learned_in_as_well(kind, unit):
    learners = {}
    for scale in (1.0, unit):
        learners[scale] = learner = DynamicsLearner(
            OBSERVATION, ACTION, with_model(likelihood=kind), 0
        )
        for before, action, after, episode, step in drive(400):
            learner.append(Transition(scale * before, action, scale * after, episode, step))
        for _ in range(400):
            learner.update()
    errors = {scale: learner.judge().one_step_error for scale, learner in learners.items()}
    assert errors[unit] < max(10 * errors[1.0], 0.05)


@pytest.mark.process
def test_transitions_after_a_gap_are_not_learned_from_if_what_came_before_matters():
    clean, broken = (DynamicsLearner(OBSERVATION, ACTION, with_model(delay=2), 0) for _ in range(2))
    for k, transition in enumerate(drive(600, delay=2)):
        clean.append(Transition(*transition))
        if k % 10:
            broken.append(Transition(*transition))
    for learner in (clean, broken):
        for _ in range(600):
            learner.update()
    assert broken.received == 540
    # The two after each gap.
    assert len(broken.replay) + len(broken.holdout) == 540 - 2 * 60
    errors = [clean.holdout.one_step_error(learner.model) for learner in (clean, broken)]
    assert errors[1] < 5 * errors[0]


def test_data_that_is_all_gaps_ends_no_training():
    learner = DynamicsLearner(OBSERVATION, ACTION, with_model(delay=2), 0)
    for k, transition in enumerate(drive(600, delay=2)):
        if k % 2:
            learner.append(Transition(*transition))
    assert learner.received == 300
    assert learner.owed_updates == 0
    assert not learner.is_due


@pytest.mark.process
def test_a_loss_over_several_steps_does_not_count_as_the_error_of_one():
    claimed = {}
    for steps in (1, 4):
        settings = with_model(likelihood="deterministic")
        settings = replace(settings, optimizer=replace(SMALL.optimizer, steps=steps))
        # Short episodes: many stretches of rows lead into another one.
        learner = trained(800, settings=settings, episode_length=6)
        claimed[steps] = learner.model.network.mean_square.sqrt()
    assert (claimed[4] < 3 * claimed[1]).all()
