import math

import numpy as np
import pytest
import torch
from support.systems import (
    ACTION,
    OBSERVATION,
    SMALL,
    WITH_ANGLES,
    A,
    B,
    drive,
    imagined,
    random_model,
    trained,
    world_model,
)

from mbrl_ros.core.records import Transition
from mbrl_ros.core.spaces import Space
from mbrl_ros.learning.dynamics_learner import DynamicsLearner
from mbrl_ros.models.dynamics_model import DynamicsModel
from mbrl_ros.models.ensemble.settings import EnsembleSettings


@pytest.mark.parametrize("hidden", [[16, 16], []], ids=str)
@pytest.mark.parametrize("observation", [OBSERVATION, WITH_ANGLES], ids=["plain", "angles"])
def test_renewing_the_normalisation_leaves_predictions_unchanged(observation, hidden):
    model = random_model(observation, hidden=hidden)
    o = observation.dim
    states, actions = torch.randn(3, 50, o), torch.randn(3, 50, 1)
    mean, _ = model.predict(states, actions)
    for scale, shift in ((0.2, 3.0), (15.0, -1.0)):
        data = scale * torch.randn(300, o) + shift
        old = model.input_mean.clone()
        model.normalize_from(data, torch.rand(300, 1), data + scale * torch.randn(300, o))
        assert not torch.allclose(model.input_mean, old)
        model.low.fill_(-torch.inf)
        model.high.fill_(torch.inf)
        torch.testing.assert_close(model.predict(states, actions)[0], mean, atol=2e-4, rtol=1e-4)


def test_after_normalising_inputs_and_targets_have_unit_scale():
    model = DynamicsModel(WITH_ANGLES, ACTION, EnsembleSettings(members=2, hidden=[4]))
    before = torch.randn(500, 4) * torch.tensor([9.0, 1.0, 0.05, 2.0])
    action, after = torch.rand(500, 1), before + 0.1 * torch.randn(500, 4)
    model.normalize_from(before, action, after)
    target = model.normalized_target(before, after)
    torch.testing.assert_close(target.std(dim=0, correction=0), torch.ones(4))
    torch.testing.assert_close(target.mean(dim=0), torch.zeros(4), atol=1e-5, rtol=0)
    inputs = (model.encoding.encode(before, action) - model.input_mean) / model.input_std
    torch.testing.assert_close(inputs.std(dim=0, correction=0), torch.ones(7))


def test_a_dimension_that_never_changes_breaks_nothing():
    model = random_model()
    constant = torch.ones(100, 2)
    constant[:, 1] = torch.randn(100)
    model.normalize_from(constant, torch.zeros(100, 1), constant)
    mean, std = model.predict(torch.randn(3, 10, 2), torch.randn(3, 10, 1))
    assert mean.isfinite().all()
    assert std.isfinite().all()
    assert (std > 0).all()


def test_a_dimension_that_changes_for_the_first_time_says_little_at_once():
    learner = DynamicsLearner(Space.of(["position", "velocity", "target"]), ACTION, SMALL, 0)
    for before, action, after, episode, step in drive(400):
        learner.append(Transition([*before, 0.2], action, [*after, 0.2], episode, step))
    for _ in range(400):
        learner.update()
    state = torch.tensor([0.5, -0.5, 0.2]).expand(3, 1, 3)
    action = torch.full((3, 1, 1), 0.3)
    with torch.no_grad():
        known, _ = learner.model.predict(state, action)
        moved, _ = learner.model.predict(state + torch.tensor([0.0, 0.0, 0.7]), action)
    torch.testing.assert_close(moved[..., :2], known[..., :2], atol=0.3, rtol=0)
    torch.testing.assert_close(moved[..., 2], torch.full((3, 1), 0.9), atol=0.05, rtol=0)


def test_predictions_stay_near_the_range_of_the_data_except_for_angles():
    model = random_model(WITH_ANGLES)
    data = torch.rand(100, 4, generator=torch.Generator().manual_seed(0))
    model.normalize_from(data, data[:, :1], data)
    mean, _ = model.predict(torch.full((3, 1, 4), 50.0), torch.zeros(3, 1, 1))
    height, yaw, velocity, _ = mean[0, 0]
    assert height == pytest.approx(2.0, abs=0.1)  # once the range beyond its end
    assert velocity == pytest.approx(2.0, abs=0.1)
    assert yaw > 40.0


def test_the_model_learns_a_linear_system():
    learner = trained(updates=700)
    rng = np.random.default_rng(7)
    # Within what was visited in training.
    states, actions = rng.uniform(-0.8, 0.8, (200, 2)), rng.uniform(-1, 1, (200, 1))
    truth = torch.from_numpy(states @ A.T + actions @ B.T).float()
    with torch.no_grad():
        mean, std = learner.model.predict(
            torch.from_numpy(states).float().expand(3, -1, -1),
            torch.from_numpy(actions).float().expand(3, -1, -1),
        )
    change = truth - torch.from_numpy(states).float()
    error = (mean.mean(dim=0) - truth).square().mean().sqrt() / change.square().mean().sqrt()
    assert error < 0.05
    # It knows that the system is not random.
    assert std.mean() < 0.2 * change.std()


def test_members_agree_on_what_was_seen_and_differ_on_what_was_not():
    model = trained().model
    steps = world_model(model)
    actions = torch.zeros(20, 1, 1)
    near = imagined(steps, torch.tensor([0.2, -0.2]), actions)[:, :, 1].std(dim=0).mean()
    model.high.fill_(math.inf)
    model.low.fill_(-math.inf)
    far = imagined(steps, torch.tensor([30.0, -30.0]), actions)[:, :, 1].std(dim=0).mean()
    assert near > 0
    assert far > 5 * near
