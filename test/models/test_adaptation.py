import math

import numpy as np
import pytest
import torch
from support.systems import (
    ACTION,
    OBSERVATION,
    A,
    B,
    belief,
    imagined,
    random_model,
    trained,
    world_model,
)

from mbrl_ros.models.ensemble.adaptation import Adaptation
from mbrl_ros.models.one_step import StackedBelief
from mbrl_ros.models.packing import pack, unpack
from mbrl_ros.models.world_model import Step

GAIN = 0.6


@pytest.fixture(scope="module")
def learned():
    return pack(trained(700).model)


def steps(count, gain=1.0, seed=0):
    """Yield state, action and next observation of the linear system.

    Args:
        count: how many.
        gain: of the force.
        seed: of the actions.
    """
    rng, state = np.random.default_rng(seed), np.zeros(2)
    for _ in range(count):
        action = rng.uniform(-1, 1, 1)
        next_observation = A @ state + gain * (B @ action)
        yield tuple(torch.from_numpy(x).float() for x in (state, action, next_observation))
        state = next_observation


def stacked(taken):
    """Return steps as one batch."""
    return tuple(torch.stack(part) for part in zip(*taken, strict=True))


def errors(model, gain):
    """Return the RMS one-step error of the members' mean."""
    found = []
    for state, action, next_observation in steps(200, gain, seed=9):
        shape = (model.members, 1, -1)
        mean, _ = model.predict(state.expand(*shape), action.expand(*shape))
        found.append(mean.mean(dim=0)[0] - next_observation)
    return float(torch.stack(found).square().mean().sqrt())


def test_a_plant_that_changed_is_followed_within_seconds(learned):
    model = unpack(learned)
    before, known = errors(model, GAIN), errors(model, 1.0)
    adaptation = Adaptation(model, strength=0.3, memory=100)
    for step in steps(50, GAIN):
        adaptation.observe(*step)
    assert errors(model, GAIN) < 0.4 * before
    for step in steps(300):
        adaptation.observe(*step)
    # And back again.
    assert errors(model, 1.0) < 2 * known + 0.1 * before


@pytest.mark.parametrize("glitch", [1e6, -1e30, math.inf, math.nan])
def test_a_sensors_glitch_is_soon_forgotten(learned, glitch):
    model = unpack(learned)
    known = errors(model, 1.0)
    adaptation = Adaptation(model, strength=0.3, memory=1000)
    for i, (state, action, next_observation) in enumerate(steps(200)):
        bad = torch.full_like(next_observation, glitch)
        adaptation.observe(state, action, bad if i == 100 else next_observation)
    assert errors(model, 1.0) < 2 * known


def test_where_nothing_changed_little_is_corrected(learned):
    model = unpack(learned)
    known = errors(model, 1.0)
    adaptation = Adaptation(model, strength=0.3, memory=100)
    for step in steps(300):
        adaptation.observe(*step)
    assert errors(model, 1.0) < 1.2 * known
    assert adaptation.size < 0.2


def test_beginning_with_the_newest_steps_is_as_observing_them(learned):
    one_by_one, at_once = unpack(learned), unpack(learned)
    # A memory that outlasts the steps: the pull towards zero is not the same in both.
    observed = Adaptation(one_by_one, strength=0.3, memory=100_000)
    for step in steps(60, GAIN):
        observed.observe(*step)
    begun = Adaptation(at_once, strength=0.3, memory=100_000, past=stacked(steps(60, GAIN)))
    inputs = torch.randn(3, 40, 3)
    expected, found = one_by_one.network(inputs)[0], at_once.network(inputs)[0]
    torch.testing.assert_close(found, expected, atol=0.02, rtol=0.05)
    assert begun.size == pytest.approx(observed.size, rel=0.1)


def test_it_is_least_squares_with_a_prior():
    """Against the closed form, for a model without hidden layers and a memory without end."""
    model = random_model(hidden=[], members=1, log_variance_low=-2.0, log_variance_high=-1.9)
    network, o = model.network, 2
    data = stacked(steps(30, GAIN))
    state, action, next_observation = (part[None] for part in data)
    mean, log_variance = model(state, action)
    error = (model.normalized_target(state, next_observation) - mean)[0].double()
    phi = torch.cat([model.inputs(state, action)[0], torch.ones(30, 1)], dim=-1).double()
    noise = log_variance.exp().mean(dim=(1, 2)).item()
    before = network.weights[-1][0, :, :o].clone()
    adaptation = Adaptation(model, strength=0.5, memory=10**7, past=data)
    prior = float(adaptation._prior)
    expected = torch.linalg.solve(
        phi.T @ phi / noise + torch.eye(4, dtype=torch.float64) / prior, phi.T @ error / noise
    )
    found = (network.weights[-1][0, :, :o] - before).double()
    torch.testing.assert_close(found, expected[:-1], atol=1e-4, rtol=1e-3)


def as_steps(model, taken):
    """Return states, actions and next observations as a model's beliefs have them."""
    return [Step(belief(model, state), action, seen) for state, action, seen in taken]


def test_imagined_trajectories_and_derivatives_follow_the_corrected_model(learned):
    trained_one, start, actions = world_model(unpack(learned)), torch.zeros(2), torch.rand(4, 6, 1)
    before = imagined(trained_one, start, actions).clone()
    model, correction = trained_one.correct(strength=0.3, memory=100, past=[])
    torch.testing.assert_close(imagined(model, start, actions), before)
    for step in as_steps(model, steps(50, GAIN)):
        correction.observe(step)
    after = imagined(model, start, actions)
    assert not torch.allclose(after, before, atol=1e-2)
    torch.testing.assert_close(after, imagined(world_model(model.dynamics), start, actions))
    by_hand = model.imagine_gradients(belief(model, start), actions).observations
    torch.testing.assert_close(after, by_hand, atol=1e-4, rtol=1e-4)
    # It may be wanted again as the trainer left it.
    torch.testing.assert_close(imagined(trained_one, start, actions), before, atol=0, rtol=0)


def test_a_model_that_begins_with_the_newest_steps_imagines_as_one_that_observed_them(learned):
    start, actions = torch.zeros(2), torch.rand(4, 6, 1)
    whole = world_model(unpack(learned))
    past = as_steps(whole, steps(60, GAIN))
    observed, correction = whole.correct(strength=0.3, memory=100_000, past=[])
    for step in past:
        correction.observe(step)
    begun, same = whole.correct(strength=0.3, memory=100_000, past=past)
    assert same.size == pytest.approx(correction.size, rel=0.1)
    expected = imagined(observed, start, actions)
    torch.testing.assert_close(imagined(begun, start, actions), expected, atol=0.05, rtol=0.05)


def test_with_a_delay_the_action_that_acts_is_learned_from_and_not_the_one_applied(learned):
    late, at_once = unpack(learned), unpack(learned)
    late.delay = 2
    model, correction = world_model(late).correct(strength=0.3, memory=100, past=[])
    adaptation = Adaptation(at_once, strength=0.3, memory=100)
    for state, action, next_observation in steps(50, GAIN):
        known = StackedBelief(state[None, None], torch.stack([action, torch.rand(1)]))
        correction.observe(Step(known, torch.rand(1), next_observation))
        adaptation.observe(state, action, next_observation)
    assert adaptation.size > 0
    for mine, expected in zip(model.dynamics.parameters(), at_once.parameters(), strict=True):
        assert torch.equal(mine, expected)


@pytest.mark.parametrize("value", [math.nan, math.inf, 1e30])
def test_nonsense_corrects_nothing_for_good(learned, value):
    model = unpack(learned)
    adaptation = Adaptation(model, strength=0.3, memory=100)
    bad = torch.full((2,), value)
    adaptation.observe(torch.zeros(2), torch.zeros(1), bad)
    adaptation.observe(bad, torch.zeros(1), torch.zeros(2))
    assert adaptation.correction.isfinite().all()
    begun = Adaptation(unpack(learned), 0.3, 100, (torch.zeros(1, 2), torch.zeros(1, 1), bad[None]))
    assert begun.correction.isfinite().all()


def test_what_happens_no_more_is_forgotten(learned):
    adaptation = Adaptation(unpack(learned), strength=0.3, memory=20)
    for step in steps(50, GAIN):
        adaptation.observe(*step)
    size = adaptation.size
    for _ in range(100):
        adaptation.observe(torch.zeros(2), torch.zeros(1), torch.zeros(2))
    assert adaptation.size < 0.5 * size


def test_a_correction_is_of_one_copy_only(learned):
    first, second = unpack(learned), unpack(learned)
    adaptation = Adaptation(first, strength=0.3, memory=100)
    for step in steps(20, GAIN):
        adaptation.observe(*step)
    assert errors(second, 1.0) == errors(unpack(learned), 1.0)
    assert second.observation == OBSERVATION
    assert second.action == ACTION
