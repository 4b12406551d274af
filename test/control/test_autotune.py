import threading
import time
from dataclasses import asdict

import pytest
from known import ACTION, OBSERVATION, controller, objective

from mbrl_ros.control import autotune as module
from mbrl_ros.control.autotune import EFFORTS, Effort, autotune
from mbrl_ros.control.tuning import least_effort
from mbrl_ros.control.tuning import tune as tune_of
from mbrl_ros.control.turns import TuningStoppedError, Turns
from mbrl_ros.models.dynamics_model import DynamicsModel
from mbrl_ros.models.ensemble.model import EnsembleModel
from mbrl_ros.models.ensemble.settings import EnsembleSettings
from mbrl_ros.planning.settings import PlannerSettings

MODEL = EnsembleModel(DynamicsModel(OBSERVATION, ACTION, EnsembleSettings(hidden=[8])))
LEAST, MOST = EFFORTS[0], EFFORTS[-1]


def tune(budget, pinned=(), **settings):
    planner = PlannerSettings(horizon=4, **settings)
    return autotune(ACTION, planner, pinned, MODEL, objective(), budget, Turns())


@pytest.fixture
def cost(monkeypatch):
    """Plans that take 1 us per predicted step of a member."""

    def times(settings, action, model, objective, turns, completed):
        members = settings.members or model.members
        return [1e-6 * settings.candidates * settings.iterations * members] * 10

    monkeypatch.setattr(module, "_times", times)


def test_efforts_grow():
    cost = [e.candidates * e.iterations * (e.members or 5) for e in EFFORTS]
    assert cost == sorted(set(cost))


@pytest.mark.parametrize("effort", EFFORTS)
def test_the_most_that_fits_is_chosen(cost, effort):
    needed = 1e-6 * effort.candidates * effort.iterations * (effort.members or 5)
    tuning = tune(1.001 * needed)
    assert tuning.effort == effort
    fitting = [t for t in tuning.trials if t.p99 <= tuning.budget]
    assert fitting[-1].effort == effort
    if effort is not MOST:
        # That the next one does not fit was measured, too.
        assert tuning.trials[-1].effort == EFFORTS[EFFORTS.index(effort) + 1]


def test_what_surely_fits_is_not_tried(cost):
    tuning = tune(1.0)
    assert tuning.effort == MOST
    assert len(tuning.trials) == 1


def test_if_nothing_fits_it_is_the_least_and_the_words_say_so(cost):
    tuning = tune(1e-9)
    assert tuning.effort == LEAST
    assert len(tuning.trials) == 1
    assert "the least there is, not one whose plans fit" in str(tuning)


def test_one_slow_plan_does_not_end_the_search(cost, monkeypatch):
    alone, first = module._times, set()

    def disturbed(settings, *rest):
        """The first plans of each effort meet something else on the machine."""
        times = alone(settings, *rest)
        effort = (settings.candidates, settings.iterations)
        if effort not in first:
            first.add(effort)
            times[0] = 1.0
        return times

    undisturbed = tune(2e-3)
    monkeypatch.setattr(module, "_times", disturbed)
    assert tune(2e-3).effort == undisturbed.effort


def test_what_is_pinned_stays(cost):
    tuning = tune(4.1e-3, ["candidates", "horizon"], candidates=200)
    assert tuning.effort == Effort(200, 4, 20, 0)
    everything = tune(1e-9, asdict(LEAST), candidates=7, iterations=9, knots=2, members=1)
    assert everything.effort == Effort(7, 9, 2, 1)


def test_the_words_name_the_choice_and_the_figures(cost):
    words = str(tune(1e-6 * 64 * 3 * 5))
    assert words.startswith("64 candidates x 3 iterations, 20 knots, all members, the most whose")
    assert "fit into 1.0 ms" in words
    assert "96 candidates x 3 iterations, 20 knots, all members: 1.4 ms" in words


def test_real_plans_are_measured():
    tuning = tune(60.0)
    assert tuning.effort == MOST
    assert all(0 < trial.median <= trial.p99 for trial in tuning.trials)
    assert tune(1e-7).effort == LEAST


def test_a_controller_tunes_with_its_model_and_plans_as_tuned():
    made = controller(model=False, lock_step=False)
    with pytest.raises(ValueError, match="there is no model yet"):
        tune_of(made, [], Turns())
    made = controller(lock_step=False, period=30.0)
    assert least_effort(made, []) == LEAST
    assert least_effort(made, ["candidates"]).candidates == 16
    assert least_effort(made, ["iterations", "members"]) == Effort(16, 2, 10, 0)
    tuning = tune_of(made, ["iterations"], Turns())
    assert tuning.effort == Effort(200, 2, 20, 0)
    # Room for what the machine does beside: a plan that only just fits is cut short.
    assert tuning.budget == 0.8 * made.budget


def test_under_a_quota_plans_and_their_measurement_leave_some_of_it(monkeypatch):
    """A controller that may use a quarter of a core would stand still for what it used up."""
    monkeypatch.setattr("mbrl_ros.control.tuning.cpu_quota", lambda: 0.25)
    made = controller(lock_step=False, period=10.0)
    computed, began = time.thread_time(), time.monotonic()
    tuning = tune_of(made, asdict(LEAST), Turns())
    computed, took = time.thread_time() - computed, time.monotonic() - began
    assert tuning.budget == 0.5 * 0.25 * 10.0
    assert computed < 0.25 * took


def test_another_thread_can_stop_it():
    stop = threading.Event()
    timer = threading.Timer(0.05, stop.set)
    timer.start()
    planner = PlannerSettings(horizon=1000)
    with pytest.raises(TuningStoppedError):
        autotune(ACTION, planner, (), MODEL, objective(), 1e9, Turns(stop))
