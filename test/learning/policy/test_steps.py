"""Real and imagined steps."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from support.linear import OBSERVATION, exact_model
from support.systems import ACTION, A, B

from mbrl_ros.data.segments import Batch
from mbrl_ros.learning.policy.steps import imagined_steps, real_steps
from mbrl_ros.objectives.objective import Objective


def objective(**terms):
    values = {"terms": list(terms)}
    for name, fields in terms.items():
        values |= {f"{name}.{field}": value for field, value in fields.items()}
    return Objective.from_parameters(values, OBSERVATION, ACTION)


NEAR = {"type": "quadratic", "of": ["position"]}


def batch(n=5, seed=0):
    rng = np.random.default_rng(seed)
    state, action = rng.normal(size=(n, 2)), rng.uniform(-1, 1, size=(n, 1))
    after = state @ A.T + action @ B.T
    told = [torch.from_numpy(x).float() for x in (state, action, after)]
    return Batch(*told, torch.arange(n).float(), torch.arange(n) == 1)


def test_real_steps_are_judged_by_the_objective_and_end_as_they_did():
    rows = batch()
    found = real_steps(rows, exact_model(A, B, ACTION), objective(near=NEAR))
    torch.testing.assert_close(found.reward, -rows.next_observation[:, 0].square())
    assert found.continues.tolist() == [1.0, 0.0, 1.0, 1.0, 1.0]
    assert found.weight.tolist() == [1.0] * 5
    torch.testing.assert_close(found.features, rows.state)
    torch.testing.assert_close(found.next_features, rows.next_observation)


def test_the_plants_own_reward_is_the_one_it_paid():
    rows = batch()
    rows.reward[2] = math.nan
    judge = objective(paid={"type": "learned_reward"}, near={**NEAR, "weight": 0.0})
    found = real_steps(rows, exact_model(A, B, ACTION), judge)
    assert found.reward.tolist() == [0.0, 1.0, 0.0, 3.0, 4.0]
    assert found.weight.tolist() == [1.0, 1.0, 0.0, 1.0, 1.0]


def test_a_change_of_the_action_is_one_from_what_was_done_before():
    (pushed,) = ACTION.names
    judge = objective(calm={"type": "quadratic", "of": [pushed], "change": True})
    model = exact_model(A, B, ACTION, members=2, likelihood="deterministic")
    rows = replace(batch(6), before=torch.linspace(-1, 1, 6)[:, None])
    found = real_steps(rows, model, judge)
    torch.testing.assert_close(found.reward, -(rows.action - rows.before)[:, 0].square())
    assert real_steps(batch(6), model, judge).reward.abs().max() == 0  # unknown: none

    def draw(features):
        return torch.tanh(features[:, :1]).float()

    generator = torch.Generator().manual_seed(0)
    found = imagined_steps(rows.state, 3, model, draw, judge, generator, rows.before)
    done = torch.stack([rows.before[:, 0], *found.action[:, 0].view(3, 6)])
    torch.testing.assert_close(found.reward.view(3, 6), -done.diff(dim=0).square())


def test_what_leaves_the_allowed_set_does_not_go_on():
    rows = batch()
    within = {"type": "alive", "of": ["position"], "lower": [-0.5], "upper": [0.5]}
    found = real_steps(rows, exact_model(A, B, ACTION), objective(on=within))
    inside = (rows.next_observation[:, 0].abs() <= 0.5) & ~rows.terminated
    assert torch.equal(found.continues.bool(), inside)


@pytest.mark.parametrize("horizon", [1, 3])
def test_imagined_steps_follow_the_dynamics_and_the_policy(horizon):
    model = exact_model(A, B, ACTION, members=2, likelihood="deterministic")
    model.network.mean_square.fill_(1e-12)  # no noise
    start = batch(6).state
    asked = []

    def draw(features):
        asked.append(features)
        return torch.tanh(features[:, :1])

    found = imagined_steps(
        start, horizon, model, draw, objective(near=NEAR), torch.Generator().manual_seed(0)
    )
    assert len(found.reward) == 6 * horizon
    state = start
    for k in range(horizon):
        rows = slice(6 * k, 6 * k + 6)
        torch.testing.assert_close(found.features[rows], state, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(found.action[rows], torch.tanh(found.features[rows][:, :1]))
        a, b = torch.from_numpy(A).float(), torch.from_numpy(B).float()
        state = state @ a.T + found.action[rows] @ b.T
        torch.testing.assert_close(found.next_features[rows], state, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(found.reward[rows], -found.next_features[rows, 0].square())
    assert len(asked) == horizon
    assert not found.reward.requires_grad


def test_imagined_noise_is_that_of_the_members():
    model = exact_model(A, B, ACTION, members=2, likelihood="deterministic")
    model.network.mean_square.copy_(torch.tensor([0.04, 0.25]))
    start = torch.zeros(4000, 2)
    found = imagined_steps(
        start, 1, model, lambda f: f[:, :1], objective(near=NEAR), torch.Generator().manual_seed(0)
    )
    torch.testing.assert_close(
        found.next_features.std(dim=0), torch.tensor([0.2, 0.5]), rtol=0.05, atol=0
    )


def test_after_an_imagined_end_nothing_is_learned():
    model = exact_model(A, B, ACTION, members=1, likelihood="deterministic")
    model.network.mean_square.fill_(1e-12)
    within = {"type": "alive", "of": ["position"], "lower": [-0.5], "upper": [0.5]}
    start = torch.tensor([[0.0, 0.0], [2.0, 0.0]])
    found = imagined_steps(
        start, 3, model, lambda f: 0 * f[:, :1], objective(on=within), torch.Generator()
    )
    assert found.weight.tolist() == [1.0, 1.0, 1.0, 0.0, 1.0, 0.0]
    assert found.continues[:2].tolist() == [1.0, 0.0]


def test_what_is_far_from_zero_is_judged_by_the_heads_in_the_units_of_their_data():
    """Each member's steps by its own head; a cosine that stays near 1 is far, too."""
    model = exact_model(A, B, ACTION, members=2, reward_model=True)
    model.reward_model.paid.fill_(1.0)
    model.reward_model.most.fill_(9.0)
    rows, judge = batch(6), objective(paid={"type": "learned_reward"})

    def imagined():
        generator = torch.Generator().manual_seed(0)
        return imagined_steps(
            rows.state, 2, model, lambda f: 0 * f[:, :1].float(), judge, generator
        )

    near = imagined()
    before, after = (near.__dict__[n][:6].view(2, 3, 2) for n in ("features", "next_features"))
    own = model.reward_model.reward(before, torch.zeros(2, 3, 1), after, own=True)
    torch.testing.assert_close(near.reward[:6], own.flatten())
    model.origin[0] = 1e7
    far = imagined()
    assert far.features.dtype == torch.float64
    torch.testing.assert_close(far.reward, near.reward, atol=1e-4, rtol=1e-4)
