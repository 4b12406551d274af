import math

import numpy as np
import pytest
import torch
from known import ACTION, OBSERVATION, SAFE, controller, reading, step

from mbrl_ros.control.past import Past
from mbrl_ros.control.trust import Level
from mbrl_ros.core.records import Transition
from mbrl_ros.data.transitions import Transitions
from mbrl_ros.dynamics.model import DynamicsModel
from mbrl_ros.dynamics.segments import one_segment
from mbrl_ros.dynamics.settings import ModelSettings


def model(history=1, delay=0):
    settings = ModelSettings(members=1, hidden=[4], history=history, delay=delay)
    return DynamicsModel(OBSERVATION, ACTION, settings)


def recorded(count, seed=0):
    """Return a log, and the same as the controller's readings."""
    rng = np.random.default_rng(seed)
    values, applied = rng.normal(size=(count + 1, 2)), rng.uniform(0.25, 1.0, (count, 1))
    log = Transitions(OBSERVATION, ACTION)
    readings = [reading(0, values[0])]
    for k in range(count):
        log.append(Transition(values[k], applied[k], values[k + 1], 0, k))
        readings.append(reading(k + 1, values[k + 1], applied=applied[k]))
    return log, readings


@pytest.mark.parametrize("history", [1, 2, 4])
@pytest.mark.parametrize("delay", [0, 1, 3])
def test_a_model_is_told_the_same_as_in_its_training(history, delay):
    told = model(history, delay)
    log, readings = recorded(20)
    rows = one_segment(log, history, delay).batch(np.arange(20), delay)
    past = Past(ACTION, np.array(SAFE), 100)
    for k, seen in enumerate(readings[:-1]):
        past.see(seen)
        torch.testing.assert_close(past.state(k, told), rows.state[k])
        happened = past.last_step(seen, told)
        if k:
            torch.testing.assert_close(happened.state, rows.state[k - 1])
            torch.testing.assert_close(happened.action, rows.action[k - 1])
            torch.testing.assert_close(happened.following, rows.following[k - 1])
    assert len(past.steps_for(told)) == 19
    assert past.steps_for(model(history + 1, delay)) == []
    assert past.steps_for(model(history, delay + 1)) == []
    # Told in another way now: nothing of before is to be learned from.
    assert past.last_step(readings[-1], model(history, delay + 1)) is None
    assert past.steps_for(told) == []


@pytest.mark.parametrize("wrong", [[], [math.nan], [0.5, 0.5]], ids=["none", "nan", "size"])
def test_where_the_plant_does_not_tell_what_it_applied_nothing_is_learned(wrong):
    told, past = model(), Past(ACTION, np.array(SAFE), 100)
    for k in range(4):
        seen = reading(k, [float(k), 0.0], applied=wrong)
        past.see(seen)
        assert past.last_step(seen, told) is None
    seen = reading(4, [4.0, 0.0], applied=[0.5])
    past.see(seen)
    assert past.last_step(seen, told).action.tolist() == [0.5]


def test_over_a_reading_that_was_missed_nothing_is_learned():
    told, past = model(history=2), Past(ACTION, np.array(SAFE), 100)
    for k in (0, 1, 3, 4):
        seen = reading(k, [float(k), 0.0], applied=[0.5] if k else ())
        past.see(seen)
        assert (past.last_step(seen, told) is None) == (k in (0, 3))


def test_commands_that_were_lost_do_not_count_against_the_model():
    made = controller(trust=True, adaptation=True)
    state, applied = np.array([0.0, 0.0]), ()
    rng = np.random.default_rng(0)
    for k in range(60):
        command = made.tick(reading(k, state, applied=applied))
        # Every other command is lost, and the plant says so.
        applied = command.values if rng.random() < 0.5 else np.array(SAFE)
        state = step(state, applied)
    assert made.trust.level is Level.FULL
    assert made.trust.one_step < 0.01
    assert made.correction < 1e-3
