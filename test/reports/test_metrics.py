import json
import math

import pytest

from mbrl_ros.reports.metrics import RunMetrics, Tally

from . import messages as m


@pytest.fixture
def metrics():
    return RunMetrics(action_repeat=4)


def play(metrics, episode, steps, reward=1.0, first=0, time=0.0):
    for step in range(first, steps + 1):
        message = m.observation(episode, step, reward, ended=step == steps)
        metrics.feed("Observation", message, time + 0.04 * step)


def test_returns_are_of_complete_episodes(metrics):
    play(metrics, 0, 10, first=3)  # joined late
    play(metrics, 1, 10, time=1.0)
    for step in (0, 1, 2, 4, 5):  # one is missing
        metrics.feed("Observation", m.observation(2, step, ended=step == 5), 2.0)
    metrics.feed("Observation", m.observation(3, 0), 3.0)  # the next one has only begun
    assert metrics.returns == [10.0]
    assert metrics.env_steps == 4 * (10 + 10 + 5)
    assert metrics.episodes[0].env_steps == 4 * 20
    assert metrics.episodes[0].time == pytest.approx(1.4)


def test_a_plant_that_pays_nothing_has_episodes_without_returns(metrics):
    play(metrics, 0, 5, reward=math.nan)
    assert (len(metrics.episodes), metrics.returns) == (1, [])
    json.dumps(metrics.snapshot(1.0), allow_nan=False)


def test_a_plant_that_starts_again_counts_from_zero(metrics):
    play(metrics, 0, 10)
    metrics.feed("Observation", m.observation(1, 0), 1.0)
    metrics.feed("Observation", m.observation(1, 1), 1.04)
    play(metrics, 0, 10, time=5.0)
    assert metrics.returns == [10.0, 10.0]
    assert metrics.env_steps == 4 * 21


def test_repeated_observations_count_once(metrics):
    for step in (0, 1, 1, 1, 2):
        metrics.feed("Observation", m.observation(0, step), 0.1 * step)
    assert (metrics.env_steps, metrics.running_return) == (8, 2.0)


def test_counts_go_on_over_restarts_of_controller_and_trainer(metrics):
    metrics.feed("ControllerStatus", m.controller_status(50, 2, (40, 0, 0, 10, 0, 0)), 1.0)
    metrics.feed("ControllerStatus", m.controller_status(5, 1, (3, 0, 0, 2, 0, 0)), 2.0)
    assert (metrics.ticks, metrics.ticks_late) == (55, 3)
    assert metrics.sources["PLANNED"] == 43
    metrics.feed("TrainingStatus", m.training_status(10, epoch=1, sequence=4), 3.0)
    metrics.feed("TrainingStatus", m.training_status(12, epoch=2, sequence=1), 4.0)
    metrics.feed("ControllerStatus", m.controller_status(6, model=(1, 5)), 4.5)
    assert metrics.models_published == 6
    assert metrics.trained == 12


def test_silence_counts_while_the_controller_is_active(metrics):
    for now in (10.0, 10.04, 10.3, 10.34):
        metrics.feed("Action", m.action(sent=now), now)
    assert metrics.longest_silence == pytest.approx(0.26)
    # Told to be silent: no fault of its.
    metrics.feed("ControllerStatus", m.controller_status(4, state="inactive"), 10.5)
    for now in (11.0, 11.5, 12.0):
        metrics.feed("Observation", m.observation(0, 0), now)
    metrics.feed("Action", m.action(sent=12.4), 12.4)
    assert metrics.longest_silence == pytest.approx(0.26)


def test_silence_of_a_controller_that_died_counts(metrics):
    metrics.feed("Action", m.action(sent=10.0), 10.0)
    for now in (10.5, 11.0, 11.5):
        metrics.feed("Observation", m.observation(0, 0), now)
    metrics.feed("ControllerStatus", m.controller_status(0, state="inactive"), 11.8)
    metrics.feed("Action", m.action(sent=12.0), 12.0)
    assert metrics.longest_silence == pytest.approx(2.0)


def test_what_the_listener_missed_is_no_silence(metrics):
    metrics.feed("Action", m.action(sent=10.0), 10.0)
    metrics.feed("Action", m.action(sent=15.0), 15.0)
    assert metrics.longest_silence == 0.0


def test_who_is_alive(metrics):
    metrics.feed("Transition", m.transition(0), 0.0)
    metrics.feed("Observation", m.observation(0, 0), 0.1)
    metrics.feed("TrainingStatus", m.training_status(0), 5.0)
    assert metrics.alive(6.0) == {
        "mujoco_sim": False,
        "data_logger": True,  # has nothing to say while the plant is silent
        "model_trainer": True,
    }
    # Paused, the plant repeats itself.
    metrics.feed("Observation", m.observation(0, 1), 7.0)
    metrics.feed("Transition", m.transition(1), 7.0)
    for time in range(8, 12):
        metrics.feed("Observation", m.observation(0, 1), float(time))
    assert metrics.alive(11.5)["data_logger"]
    metrics.feed("Observation", m.observation(0, 2), 12.0)
    assert not metrics.alive(12.5)["data_logger"]


def test_a_tally_of_one_counter():
    tally = Tally(1)
    for value in (3, 7, 2, 4):
        tally.update([value])
    assert tally.totals == [11]
