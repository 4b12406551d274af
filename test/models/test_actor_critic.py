"""Actors and critics: what their formulas mean, and how they travel."""

import json
import math
from dataclasses import replace

import pytest
import torch
from support.systems import random_model

from mbrl_ros.core.spaces import Space
from mbrl_ros.models.actor_critic.actor_critic import LearnedPolicy, LearnedValue
from mbrl_ros.models.actor_critic.packing import (
    ACTOR_CRITIC,
    make_actor_critic,
    read_actor_critic,
    with_actor_critic,
)
from mbrl_ros.models.actor_critic.settings import ActorCriticSettings
from mbrl_ros.models.packing import make_world_model, pack
from mbrl_ros.models.update import CheckpointError, ModelPart

FEATURES = Space.of(["position", "velocity"])
SPACES = {
    "continuous": Space.of(["force"], [-1.0], [3.0]),
    "several": Space.of(["a", "b"], [-1.0, 0.0], [1.0, 10.0]),
    "discrete": Space.of(["a", "b"], [-1.0, 0.0], [1.0, 1.0], discrete=["a", "b"]),
}


def made(space="continuous", seed=0, features=FEATURES, **settings):
    learned = make_actor_critic(
        features, SPACES[space], ActorCriticSettings(**{"hidden": [16], **settings})
    )
    learned.initialize(torch.Generator().manual_seed(seed))
    # Weights that matter: the last layers begin near zero.
    for networks in (learned.actor, learned.critics):
        networks.weights[-1].data.mul_(50.0)
    return learned.requires_grad_(False)


def some(n=64, seed=0):
    return torch.randn(n, 2, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("space", SPACES)
def test_actions_are_within_their_limits_and_random_ones_vary(space):
    learned, known = made(space), SPACES[space]
    policy, generator = LearnedPolicy(learned), torch.Generator().manual_seed(0)
    for features in (some(), 1e6 * some(), some()[None].expand(3, -1, -1)):
        for actions in (policy(features), policy.sample(features, generator)):
            assert actions.shape == (*features.shape[:-1], known.dim)
            values = actions.double().numpy()
            assert (abs(values - known.clip(values)) < 1e-5).all()
    again = policy(some())
    assert torch.equal(again, policy(some()))
    assert not torch.equal(policy.sample(some(), generator), policy.sample(some(), generator))


def test_the_entropy_of_squashed_actions_is_that_of_their_density():
    learned = made()
    read = learned.read(some(1)).expand(200_000, -1)
    generator = torch.Generator().manual_seed(1)
    _, entropy = learned.expected(read, learned.critics, generator)
    share = ((learned.draw(read, generator) + 1) / 2 - 1).flatten()  # of half the range
    density, edges = torch.histogram(share, 400, range=(-1.0, 1.0), density=True)
    width = edges[1] - edges[0]
    occupied = density[density > 0]
    expected = -(occupied * occupied.log() * width).sum()
    assert entropy.mean().item() == pytest.approx(expected.item(), abs=0.02)


def test_over_choices_the_expectation_is_exact():
    learned, generator = made("discrete"), torch.Generator().manual_seed(2)
    read = learned.read(some(4))
    worth, entropy = learned.expected(read, learned.critics, generator)
    many = [learned.draw(read, generator) for _ in range(1000)]
    drawn = torch.stack([learned.careful(learned.judge(read, a)) for a in many]).mean(dim=0)
    torch.testing.assert_close(worth, drawn, atol=0.05 * worth.abs().max().item(), rtol=0.1)
    assert (entropy <= math.log(6) + 1e-5).all()
    assert (entropy > 0).all()
    # Each choice has an answer of its own, and the best is the most probable one.
    answers = torch.stack([learned.judge(read, c.expand(4, -1)) for c in learned.choices], dim=-1)
    torch.testing.assert_close(answers, learned.critics(read))
    chosen = LearnedPolicy(learned)(some(4))
    drawn = torch.stack(many)
    counts = torch.stack([(drawn == c).all(dim=-1).sum(dim=0) for c in learned.choices])
    of_best = (drawn == chosen).all(dim=-1).sum(dim=0)
    assert (of_best >= counts.amax(dim=0) - 80).all()


def test_the_careful_answer_of_two_critics_is_the_lower_one():
    answers = torch.tensor([[1.0, 5.0, 2.0], [3.0, 4.0, 2.0]])
    found = made(caution=1.0).careful(answers)
    torch.testing.assert_close(found, torch.tensor([1.0, 4.0, 2.0]), atol=1e-5, rtol=0)
    torch.testing.assert_close(made(caution=0.0).careful(answers), answers.mean(dim=0))
    equal = torch.ones(2, 3, requires_grad=True)
    made().careful(equal).sum().backward()
    assert equal.grad.isfinite().all()


@pytest.mark.parametrize("space", ["continuous", "several"])
def test_better_actions_are_found_along_the_derivatives(space):
    learned = made(space)
    features = some(8).requires_grad_()
    LearnedPolicy(learned)(features).sum().backward()
    assert features.grad.abs().sum() > 0


def test_a_value_is_what_the_critics_say_of_the_best_action_in_the_objectives_unit():
    learned = made()
    learned.unit.fill_(7.0)
    read = learned.read(some())
    expected = 7.0 * learned.careful(learned.judge(read, learned.best(read)))
    torch.testing.assert_close(LearnedValue(learned)(some()), expected)


def test_what_is_far_away_or_turns_is_read_well():
    features = Space.of(["east", "heading"], angles=["heading"])
    learned = made(features=features)
    near = torch.stack([torch.linspace(-1, 1, 50), torch.linspace(-3, 3, 50)], dim=-1).double()
    learned.normalize_from(near)
    read = learned.read(near)
    far = near + torch.tensor([5e8, 4 * math.pi])
    learned.normalize_from(far)
    torch.testing.assert_close(learned.read(far), read, atol=1e-5, rtol=1e-4)
    assert learned.read(1e30 * far).abs().max() <= 10.0


def test_actions_of_two_sorts_are_refused_by_name():
    mixed = Space.of(["grip", "force"], [0.0, -1.0], [1.0, 1.0], discrete=["grip"])
    with pytest.raises(ValueError, match=r"all actions discrete or none.*grip of grip, force"):
        make_actor_critic(FEATURES, mixed, ActorCriticSettings())
    many = Space.of(["a", "b"], [0.0, 0.0], [99.0, 99.0], discrete=["a", "b"])
    with pytest.raises(ValueError, match=r"at most 1024 combinations .* got 10000"):
        make_actor_critic(FEATURES, many, ActorCriticSettings())


@pytest.fixture
def update():
    model = random_model()
    learned = make_actor_critic(
        model.observation, model.action, ActorCriticSettings(hidden=[16], critics=3)
    )
    learned.initialize(torch.Generator().manual_seed(0))
    learned.normalize_from(some())
    learned.objective = "0123456789abcdef"
    return with_actor_critic(pack(model), learned), learned


def test_they_travel_with_the_model(update):
    update, learned = update
    model = make_world_model(update)
    assert model.policy.objective == model.value.objective == "0123456789abcdef"
    torch.testing.assert_close(model.policy(some()), LearnedPolicy(learned)(some()))
    torch.testing.assert_close(model.value(some()), LearnedValue(learned)(some()))
    imagined = model.imagine_policy(model.initial(1), model.policy, 3)
    assert imagined.actions.shape[-2:] == (3, 1)
    without = make_world_model(pack(random_model()))
    assert without.policy is None


@pytest.mark.parametrize("damage", ["hash", "shape", "missing", "nan", "settings", "huge"])
def test_damaged_ones_are_refused_in_one_line(update, damage):
    update, learned = update
    described, state = json.loads(update.settings), learned.state_dict()
    part = None
    if damage == "hash":
        part = replace(update.parts[ACTOR_CRITIC], sha256="0" * 64)
    elif damage == "settings":
        described[ACTOR_CRITIC] = {"settings": {"hidden": "many"}}
    elif damage == "huge":
        described[ACTOR_CRITIC]["settings"]["hidden"] = [4096] * 1000
    elif damage == "shape":
        part = ModelPart.of({**state, "actor.biases.0": torch.zeros(1, 1, 7)})
    elif damage == "nan":
        part = ModelPart.of({**state, "actor.biases.0": torch.full((1, 1, 16), math.inf)})
    else:
        part = ModelPart.of({k: v for k, v in state.items() if k != "unit"})
    parts = {**update.parts, **({ACTOR_CRITIC: part} if part else {})}
    broken = replace(update, settings=json.dumps(described), parts=parts)
    with pytest.raises(CheckpointError, match=r"^actor_critic (weights|settings)") as caught:
        make_world_model(broken)
    assert "\n" not in str(caught.value)


def test_a_model_without_them_has_none():
    assert read_actor_critic(pack(random_model()), FEATURES, SPACES["continuous"]) is None
