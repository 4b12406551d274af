"""Physics of simulations, found again in what they did."""

import math

import numpy as np
import pytest
from support.recorded import simulated

from mbrl_ros.evaluation.real2sim import identify
from mbrl_ros.simulation.mujoco_steps import MujocoSteps
from mbrl_ros.simulation.settings import SimulatorSettings

PENDULUM = "dm_control/pendulum-swingup-v0"
HIDDEN = "actuation_delay_told:=false"


def stepped(task, environment):
    spaces = task.observation_space(), task.action_space()
    return MujocoSteps(SimulatorSettings(environment=environment), *spaces, task.period)


def found(log, task, environment, fitted, bodies=(), **settings):
    return identify(stepped(task, environment), log, fitted, bodies, **settings)


def check(identified, **truth):
    assert {e.name for e in identified.estimates} == truth.keys()
    for e in identified.estimates:
        assert e.low <= truth[e.name] <= e.high, e
        assert e.high < 1.1 * e.low


def test_damping_gain_and_delay_of_a_pendulum():
    words = "physics.friction_scale:=2.0", "physics.gain_scale:=0.8", "actuation_delay:=2"
    task, log = simulated("pendulum_swingup", 300, *words, HIDDEN)
    made = found(log, task, PENDULUM, ["friction", "gain", "delay"], max_delay=3)
    check(made, friction_scale=2.0, gain_scale=0.8)
    assert made.delay == 2
    assert made.delay_errors[2] < 0.1 * min(made.delay_errors[1], made.delay_errors[3])
    assert made.after.shape == made.before.shape == (12, 3)
    assert (made.after < 1e-3 * made.before).all()
    assert made.notes == ()
    assert made.physics.gain_scale == made.estimates[1].value


@pytest.mark.process
def test_payload_damping_gain_and_delay_of_a_cart_pole():
    words = "physics.mass_scale:=1.4", "physics.bodies:=[pole_1]", "physics.gain_scale:=0.8"
    task, log = simulated(
        "cartpole_swingup", 220, *words, "physics.friction_scale:=3.0", "actuation_delay:=1", HIDDEN
    )
    environment = "dm_control/cartpole-swingup-v0"
    fitted = ["mass", "friction", "gain", "delay"]
    made = found(log, task, environment, fitted, ["pole_1"], max_delay=2)
    check(made, mass_scale=1.4, friction_scale=3.0, gain_scale=0.8)
    assert made.delay == 1


@pytest.mark.process
def test_with_noise_the_intervals_are_as_wide_as_they_must_be():
    """Without their own starts, windows would pull the gain out of its interval."""
    words = "physics.friction_scale:=2.0", "physics.gain_scale:=0.8"
    within, width = 0, []
    for seed in range(3):
        task, log = simulated("pendulum_swingup", 250, *words, seed=seed, noise=0.02)
        made = found(log, task, PENDULUM, ["friction", "gain"])
        for e, truth in zip(made.estimates, (2.0, 0.8), strict=True):
            within += e.low <= truth <= e.high
            width.append(e.high / e.low)
            assert e.value == pytest.approx(truth, rel=0.1)
    assert within >= 5  # 95 % of 6 are nearly all
    assert 1.01 < np.mean(width) < 1.3


def test_what_only_acts_together_is_not_told_apart():
    task, log = simulated("pendulum_swingup", 200, "physics.gain_scale:=0.8")
    made = found(log, task, PENDULUM, ["mass", "friction", "gain"])
    (note,) = made.notes
    assert note.endswith("cannot be told apart: fit fewer of them")
    for e in made.estimates:
        assert e.name in note
        assert (e.low, e.high) == (0.0, math.inf)
    alone = found(log, task, PENDULUM, ["gain"])
    check(alone, gain_scale=0.8)


def test_without_anything_to_fit_the_gap_is_told():
    task, log = simulated("pendulum_swingup", 100)
    made = found(log, task, PENDULUM, [])
    assert made.estimates == ()
    np.testing.assert_allclose(made.after, made.before)
    assert (made.after < 1e-9).all()


def test_actions_that_do_nothing_tell_nothing_of_their_delay():
    task, log = simulated("pendulum_swingup", 150, "action.low:=[-1e-6]", "action.high:=[1e-6]")
    made = found(log, task, PENDULUM, ["delay"], max_delay=2)
    assert made.delay_errors[0] == pytest.approx(made.delay_errors[1], abs=1e-4)


def test_too_little_data_is_named():
    task, log = simulated("pendulum_swingup", 30)
    with pytest.raises(ValueError, match=r"expected at least 3 unbroken stretches of 12 steps"):
        found(log, task, PENDULUM, ["gain", "delay"])
