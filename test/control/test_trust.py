import math
from collections import deque

import numpy as np
import pytest
import torch
from known import ACTION, OBSERVATION, SAFE, controller, reading, step

from mbrl_ros.control.controller import CommandSource
from mbrl_ros.control.settings import TrustSettings
from mbrl_ros.control.trust import Level, Trust
from mbrl_ros.models.dynamics_model import DynamicsModel
from mbrl_ros.models.ensemble.model import EnsembleModel
from mbrl_ros.models.ensemble.settings import EnsembleSettings
from mbrl_ros.models.world_model import Step

QUICK = TrustSettings(steps=4, memory=5)
# Of the RMS of two normal numbers.
MEDIAN = math.sqrt(math.log(2))


def linear_model(std=0.1):
    """Return a model of a plant that never moves, wrong by a known deviation."""
    model = DynamicsModel(
        OBSERVATION, ACTION, EnsembleSettings(members=2, hidden=[], log_variance_low=-20.0)
    )
    with torch.no_grad():
        model.network.weights[0].zero_()
        model.network.biases[0][..., 2:] = 2 * math.log(std)
    return EnsembleModel(model.eval().requires_grad_(False))


def step_of(model, state, next_observation):
    """Return a step of a plant at rest, whose action does nothing."""
    state, after = (torch.as_tensor(x, dtype=torch.float32) for x in (state, next_observation))
    nothing = torch.zeros(1)
    return Step(model.observe(None, nothing, state, is_first=True), nothing, after)


def observe(trust, model, size, count=200, seed=0):
    """Have a plant jump about by deviations, and return the trust after each step."""
    rng, state, levels = np.random.default_rng(seed), np.zeros(2), []
    steps = deque(maxlen=trust._settings.steps)
    for deviation in np.broadcast_to(size, count):
        next_observation = state + deviation * rng.normal(size=2)
        steps.append(step_of(model, state, next_observation))
        trust.observe(tuple(steps), model)
        levels.append(trust.level)
        state = next_observation
    return levels


@pytest.mark.process
def test_errors_as_expected_have_scores_of_about_one():
    trust, model = Trust(TrustSettings(memory=2000)), linear_model()
    observe(trust, model, 0.1, count=2000)
    assert abs(trust.one_step - MEDIAN) < 0.1
    # A walk over several steps is as far as the noise of all of them.
    assert abs(trust.open_loop - MEDIAN) < 0.15
    assert trust.level is Level.FULL


@pytest.mark.process
def test_scores_are_relative_to_the_hold_out():
    trust, model = Trust(TrustSettings(memory=2000)), linear_model()
    model.dynamics.one_step_z.fill_(2.0)
    observe(trust, model, 0.2, count=2000)
    assert abs(trust.one_step - MEDIAN) < 0.1
    assert abs(trust.open_loop - 2.0 * MEDIAN) < 0.3


@pytest.mark.process
def test_trust_falls_by_degrees_and_comes_back():
    for size, level in ((0.2, Level.FULL), (0.85, Level.CAUTIOUS), (1.7, Level.DOUBTFUL)):
        trust = Trust(QUICK)
        assert observe(trust, linear_model(), size)[-1] in (level, Level.FULL)
        seen = set(observe(Trust(QUICK), linear_model(), size))
        assert level in seen
    trust, model = Trust(QUICK), linear_model()
    assert observe(trust, model, 5.0)[-1] is Level.NONE
    assert observe(trust, model, 0.1)[-1] is Level.FULL


def test_scores_are_of_steps_on_end_and_of_the_model_in_use():
    trust, rng = Trust(TrustSettings(steps=4, memory=100)), np.random.default_rng(0)
    models, steps, state = (linear_model(), linear_model(0.3)), deque(maxlen=4), np.zeros(2)
    expected = []
    for k in range(30):
        model = models[k // 8 % 2]
        if k in (11, 13):  # an observation that never came
            steps.clear()
        after = state + 0.1 * rng.normal(size=2)
        steps.append(step_of(model, state, after))
        state = after
        trust.observe(tuple(steps), model)
        if len(steps) == 4:
            acted = torch.zeros(4, 1)
            z = model.surprise(steps[0].belief, acted, steps[-1].observation)
            expected.append(float(z.square().mean().sqrt()))
    assert [*trust._open_loop][-len(expected) :] == pytest.approx(expected, rel=1e-4)
    assert not any([*trust._open_loop][: -len(expected)])


def test_an_event_that_no_model_foresees_is_no_reason_to_distrust_the_rest():
    now_and_then, often = np.full((2, 100), 0.1)
    now_and_then[24::25] = 30.0
    assert set(observe(Trust(TrustSettings()), linear_model(), now_and_then, 100)) == {Level.FULL}
    # Nor is one soon after the start, before there is much else.
    for early in range(5):
        at_first = np.full(100, 0.1)
        at_first[early] = 30.0
        assert set(observe(Trust(TrustSettings()), linear_model(), at_first, 100)) == {Level.FULL}
    often[::3] = 30.0
    assert observe(Trust(TrustSettings()), linear_model(), often, 100)[-1] is Level.NONE


def test_what_is_no_number_is_a_surprise_but_not_for_ever():
    trust, model = Trust(QUICK), linear_model()
    steps = deque(maxlen=QUICK.steps)
    for _ in range(20):
        steps.append(step_of(model, [0.0, 0.0], [math.nan, math.nan]))
        trust.observe(tuple(steps), model)
    assert trust.level is Level.NONE
    assert observe(trust, model, 0.1)[-1] is Level.FULL


def test_before_anything_happened_there_is_no_score_and_all_trust():
    trust = Trust(QUICK)
    assert math.isnan(trust.one_step)
    assert math.isnan(trust.open_loop)
    assert trust.level is Level.FULL


def drive(made, plant, count):
    """Run a controller on a plant, and return its commands."""
    state, commands, applied = np.array([0.0, 0.0]), [], ()
    for k in range(count):
        command = made.tick(reading(k, state, applied=applied))
        commands.append(command)
        applied = command.values
        state = plant(state, command.values)
    return commands


def lossy(state, force):
    """Return where a plant goes whose velocity is thrown about."""
    next_observation = step(state, force)
    next_observation[1] += 300.0 * (-1) ** round(1e6 * state[0])
    return next_observation


def test_a_model_that_is_wrong_is_not_acted_on_and_it_says_so():
    made = controller(trust=True)
    commands = drive(made, lossy, 40)
    assert commands[-1].source is CommandSource.FALLBACK
    assert "the model is not to be trusted: errors are" in commands[-1].reason
    np.testing.assert_array_equal(commands[-1].values, SAFE)
    assert made.planned is None


def test_a_model_that_is_right_is_acted_on_and_comes_back_after_a_scare():
    made = controller(trust=True)
    commands = drive(made, step, 20)
    assert {command.source for command in commands} == {CommandSource.PLANNED}
    assert made.known.trust.level is Level.FULL
    scared = controller(trust=True)
    turn = iter(range(1000))
    commands = drive(scared, lambda s, u: (lossy if next(turn) < 15 else step)(s, u), 80)
    assert commands[16].source is CommandSource.FALLBACK
    assert commands[-1].source is CommandSource.PLANNED
    assert len(scared.planned.result.actions) == 8


def test_with_less_trust_plans_are_shorter_and_more_cautious():
    made = controller(trust=True)
    drive(made, step, 3)
    for level, horizon in ((Level.CAUTIOUS, 4), (Level.DOUBTFUL, 2), (Level.FULL, 8)):
        made.known.trust.level = level
        made.reset()
        made.tick(reading(0))
        assert len(made.planned.result.actions) == horizon
        assert made.planned.objective.settings.caution == level.caution
        assert made.planned.objective.digest == made.objective.digest
        # What the configuration says is not forgotten, and what_if plans by it.
        assert made.agent.planner.settings.horizon == 8
        assert len(made.what_if(made.objective).result.actions) == 8


def test_trust_that_is_not_asked_for_is_only_told():
    made = controller(trust=False)
    commands = drive(made, lossy, 40)
    assert {command.source for command in commands} == {CommandSource.PLANNED}
    assert made.known.trust.level is Level.NONE
