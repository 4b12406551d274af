import math

import numpy as np
import pytest
import torch
from support.systems import ACTION, fed, random_model, with_gate

from mbrl_ros.core.records import Transition
from mbrl_ros.core.spaces import Space
from mbrl_ros.data.segments import Segments
from mbrl_ros.data.stacking import Stacking
from mbrl_ros.learning.holdout import Holdout, is_kept_back
from mbrl_ros.learning.settings import GateSettings

LINE = Space.of(["position"])
UNIT = torch.ones(1)


def claims(count, **settings):
    """Return which of so many rows are kept back."""
    gate = GateSettings(**settings)
    return np.array([is_kept_back(row, gate) for row in range(count)])


class Keeping:
    """A hold-out of a line, and what decides which rows it is given."""

    def __init__(self, settings, capacity=5000):
        self.gate, self.count = settings, 0
        self.stacking = Stacking(LINE, ACTION, 1, 1)
        rows = Segments(1, (1, 1, 1), settings.segment)
        self.holdout = Holdout(rows, capacity, settings, seed=0)

    def take(self, before, after, episode, step):
        row = self.stacking.push(Transition([before], [0.0], [after], episode, step))
        if is_kept_back(self.count, self.gate):
            self.holdout.append(row)
        self.count += 1


def persistence():
    """Return a model that predicts no change at all."""
    model = random_model(LINE)
    for weight in (*model.network.weights, *model.network.biases):
        weight.data.zero_()
    model.target_mean.zero_()
    model.target_std.fill_(1.0)
    model.low.fill_(-torch.inf)
    model.high.fill_(torch.inf)
    return model


def walked(starts_episode, settings, count=400):
    """Return a hold-out of a walk by one a step; an episode starts elsewhere, far away."""
    keeping = Keeping(settings)
    position, episode, step = 0.0, 0, 0
    for row in range(count):
        if row and starts_episode(row):
            position, episode, step = position + 1e4, episode + 1, 0
        keeping.take(position, position + 1, episode, step)
        position, step = position + 1, step + 1
    return keeping.holdout


def walking_error(horizon):
    """Return the error of standing still: one after one step, two after two, and so on."""
    return math.sqrt(np.mean(np.arange(1, horizon + 1) ** 2))


@pytest.mark.parametrize("fraction", [0.05, 0.1, 0.3])
def test_the_share_kept_back_is_as_asked_everywhere(fraction):
    kept = claims(10_000, holdout_fraction=fraction)
    for part in kept.reshape(4, -1):
        assert part.mean() == pytest.approx(fraction, abs=0.02)


def test_whole_segments_are_kept_back_and_always_the_same():
    kept = claims(2000, segment=20)
    assert (kept.reshape(-1, 20).all(axis=1) == kept.reshape(-1, 20).any(axis=1)).all()
    np.testing.assert_array_equal(kept, claims(2000, segment=20))


def test_something_is_kept_back_by_the_time_of_the_first_model():
    gate = GateSettings()
    assert claims(gate.first_transitions).sum() >= gate.segment


def test_the_first_rows_are_for_training():
    assert not claims(10, holdout_fraction=0.5)[:2].any()


def test_the_open_loop_error_is_that_of_predictions_stepped_over_the_horizon():
    for horizon in (1, 4, 8):
        holdout = walked(lambda row: False, GateSettings(horizon=horizon))
        error = holdout.open_loop_error(persistence(), UNIT)
        assert error == pytest.approx(walking_error(horizon), rel=1e-5)
        assert holdout.open_loop_error(persistence(), 2 * UNIT) == pytest.approx(error / 2)


def test_windows_never_cross_the_end_of_an_episode():
    # Episodes of seven steps, out of step with the segments of ten: across an end, the
    # error would be that of a jump by ten thousand.
    holdout = walked(lambda row: row % 7 == 0, GateSettings(horizon=5))
    assert holdout.open_loop_error(persistence(), UNIT) == pytest.approx(walking_error(5), rel=1e-5)


def test_windows_are_no_longer_than_the_data_has_unbroken_stretches():
    short = walked(lambda row: row % 3 == 0, GateSettings(horizon=8))
    assert short.open_loop_error(persistence(), UNIT) == pytest.approx(walking_error(3), rel=1e-5)
    # Neighbouring segments are not joined to longer windows either.
    pieces = walked(lambda row: False, GateSettings(horizon=8, segment=4, holdout_fraction=0.5))
    assert pieces.open_loop_error(persistence(), UNIT) == pytest.approx(walking_error(4), rel=1e-5)


def test_windows_never_cross_a_restart_of_the_plant_or_missing_steps():
    for jump in (lambda step: step + 1, lambda step: step + 3):
        keeping = Keeping(GateSettings(horizon=8, segment=10, holdout_fraction=0.5))
        position, step = 0.0, 0
        for row in range(400):
            if row % 5 == 0:
                # The next row counts on in the same episode, but from another place.
                position, step = position + 1e4, jump(step)
            keeping.take(position, position + 1, 0, step)
            position, step = position + 1, step + 1
        error = keeping.holdout.open_loop_error(persistence(), UNIT)
        assert error == pytest.approx(walking_error(5), rel=1e-5)


def test_the_one_step_error_is_in_deviations_of_the_change():
    holdout, model = walked(lambda row: False, GateSettings()), persistence()
    assert holdout.one_step_error(model) == pytest.approx(1.0)
    model.target_std.fill_(4.0)
    assert holdout.one_step_error(model) == pytest.approx(0.25)


def test_with_nothing_kept_back_there_is_no_error():
    holdout = Holdout(Segments(1, (2, 1, 1), 10), 5000, GateSettings(), seed=0)
    assert math.isnan(holdout.one_step_error(random_model()))
    assert holdout.open_loop_error(random_model(), torch.ones(2)) == math.inf


def test_nothing_kept_back_is_ever_trained_on():
    settings = with_gate(segment=5)
    kept = claims(300, segment=5)
    learner = fed(settings, count=0)
    rng = np.random.default_rng(0)
    observation, action = rng.normal(size=(300, 2)), rng.uniform(-1, 1, (300, 1))
    # What is kept back jumps a million times farther, which every figure of the
    # normalisation, and then the weights, would tell.
    next_observation = observation + rng.normal(size=(300, 2)) * np.where(kept, 1e6, 1.0)[:, None]
    for row in range(300):
        learner.append(Transition(observation[row], action[row], next_observation[row], 0, row))
    for _ in range(20):
        learner.update()
    change = (next_observation - observation)[~kept]
    np.testing.assert_allclose(learner.model.target_std.numpy(), change.std(axis=0), rtol=1e-4)
    assert learner.model.high.max() < 100
    assert learner.take_loss() < 5.0


@pytest.mark.parametrize("episodes", [True, False], ids=["episodes", "missing_steps"])
def test_windows_are_unbroken_even_if_the_state_happens_to_go_on(episodes):
    keeping = Keeping(GateSettings(horizon=8))
    for row in range(400):
        piece = row // 3
        episode, step = (piece, row) if episodes else (0, row + piece)
        keeping.take(row, row + 1, episode, step)
    error = keeping.holdout.open_loop_error(persistence(), UNIT)
    assert error == pytest.approx(walking_error(3), rel=1e-5)
