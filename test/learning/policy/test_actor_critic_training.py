"""Actor and critics on tasks whose values are known."""

import math
from dataclasses import replace

import pytest
import torch

from mbrl_ros.core.spaces import Space
from mbrl_ros.learning.policy.settings import PolicySettings
from mbrl_ros.learning.policy.steps import Steps
from mbrl_ros.learning.policy.training import ActorCriticTrainer
from mbrl_ros.models.actor_critic.actor_critic import LearnedPolicy, LearnedValue
from mbrl_ros.models.actor_critic.packing import make_actor_critic
from mbrl_ros.models.actor_critic.settings import ActorCriticSettings

FEATURES = Space.of(["x"])
FORCE = Space.of(["u"], [-2.0], [2.0])
CHOICE = Space.of(["u"], [-1.0], [1.0], discrete=["u"])


def trainer(action=FORCE, **settings):
    settings = PolicySettings(
        **{"hidden": [32, 32], "learning_rate": 3e-3, "target_rate": 0.05, "discount": 0.8}
        | settings
    )
    networks = ActorCriticSettings(settings.hidden, settings.critics, settings.caution)
    return ActorCriticTrainer(make_actor_critic(FEATURES, action, networks), settings, 0)


def steps(generator, action, reward, continues=1.0, scale=1.0, n=64, weight=None):
    """Return steps to nearby places, each with a random action."""
    x = 2 * torch.rand(n, 1, generator=generator) - 1
    u = 4 * torch.rand(n, 1, generator=generator) - 2
    if action.discrete:
        u = torch.randint(-1, 2, (n, 1), generator=generator).float()
    after = (x + 0.2 * u).clamp(-1, 1)
    rewards = scale * reward(x, u)[:, 0]
    weight = torch.ones(n) if weight is None else weight
    return Steps(x, u, after, rewards, torch.full((n,), continues), weight)


def taught(made, action, updates=400, **task):
    generator = torch.Generator().manual_seed(1)
    for k in range(updates):
        batch = steps(generator, action, **task)
        if k % 100 == 0:
            made.normalize_from(batch)
        made.update(batch)
    return made.learned


@pytest.mark.parametrize(("continues", "value"), [(1.0, 5.0), (0.5, 1 / 0.6), (0.0, 1.0)])
def test_the_value_ends_with_the_task(continues, value):
    """Of a reward of 1 for each step: 1 / (1 - 0.8 c), also in other units."""
    made = trainer()
    learned = taught(
        made, FORCE, reward=lambda x, u: torch.ones_like(x), continues=continues, scale=1e3
    )
    made.learned.requires_grad_(False)
    found = LearnedValue(learned)(torch.linspace(-1, 1, 9)[:, None]) / 1e3
    torch.testing.assert_close(found, torch.full((9,), value), atol=0.1, rtol=0.1)


@pytest.mark.parametrize("action", [FORCE, CHOICE], ids=["force", "choice"])
def test_the_policy_leads_to_where_it_is_paid(action):
    learned = taught(trainer(action), action, reward=lambda x, u: -(x - 0.5).square() * 4)
    policy = LearnedPolicy(learned.requires_grad_(False))
    x = torch.tensor([[-0.9], [-0.3], [0.2], [0.95]])
    for _ in range(12):
        x = (x + 0.2 * policy(x)).clamp(-1, 1)
    assert (x - 0.5).abs().max() < 0.25


@pytest.mark.parametrize("action", [FORCE, CHOICE], ids=["force", "choice"])
def test_what_is_imitated_is_done_whatever_it_pays(action):
    made, generator = trainer(action), torch.Generator().manual_seed(1)
    for _ in range(300):
        batch = steps(generator, action, reward=lambda x, u: u * x)
        shown = torch.where(batch.features > 0, -1.0, 1.0)
        made.update(replace(batch, action=shown), imitating=True)
    x = torch.tensor([[-0.9], [-0.4], [0.4], [0.9]])
    found = LearnedPolicy(made.learned.requires_grad_(False))(x)
    torch.testing.assert_close(found, -x.sign(), atol=0.2, rtol=0)


def test_steps_without_weight_teach_nothing():
    weight = torch.cat([torch.ones(32), torch.zeros(32)])

    def reward(x, u):
        return torch.where(torch.arange(64)[:, None] < 32, 1.0, -1e6)

    learned = taught(trainer(), FORCE, reward=reward, continues=0.0, weight=weight)
    learned.requires_grad_(False)
    assert LearnedValue(learned)(torch.zeros(1, 1)).item() == pytest.approx(1.0, abs=0.2)


def test_new_units_change_no_answer():
    made = trainer()
    generator = torch.Generator().manual_seed(0)
    batch = steps(generator, FORCE, reward=lambda x, u: x + 3.0)
    made.normalize_from(batch)
    made.update(batch)
    value = LearnedValue(made.learned)
    x = torch.linspace(-1, 1, 9)[:, None]
    before = value(x)
    unit = made.learned.unit.item()
    made.normalize_from(replace(batch, reward=50 * batch.reward))
    assert made.learned.unit.item() == pytest.approx(50 * unit)
    torch.testing.assert_close(value(x), before, rtol=1e-3, atol=1e-4)


def test_what_is_paid_for_all_states_alike_is_known_at_once():
    """After a change of the objective, too; costs are not presumed to last."""
    made, x = trainer(), torch.linspace(-1, 1, 9)[:, None]
    batch = steps(torch.Generator().manual_seed(0), FORCE, reward=lambda x, u: x + 3.0)
    made.normalize_from(batch, anew=True)
    value = LearnedValue(made.learned)
    mean = batch.reward.mean().item() / 0.2
    torch.testing.assert_close(value(x), torch.full((9,), mean), rtol=1e-2, atol=1e-2)
    made.update(batch)
    before = value(x)
    made.normalize_from(replace(batch, reward=batch.reward + 50.0), anew=True)
    torch.testing.assert_close(value(x), before + 250.0, rtol=1e-3, atol=1e-2)
    made.normalize_from(replace(batch, reward=-batch.reward), anew=True)
    torch.testing.assert_close(value(x), before - mean, rtol=1e-3, atol=1e-2)


def test_no_return_is_expected_that_no_reward_allows():
    made = trainer()
    generator = torch.Generator().manual_seed(0)
    batch = steps(generator, FORCE, reward=lambda x, u: torch.ones_like(x))
    made.normalize_from(batch, anew=True)
    made._slow.biases[-1].data += 100.0
    for _ in range(30):
        made.update(batch)
    found = LearnedValue(made.learned.requires_grad_(False))(torch.linspace(-1, 1, 9)[:, None])
    torch.testing.assert_close(found, torch.full((9,), 5.0), atol=0.5, rtol=0)


def test_a_task_that_never_pays_is_no_division_by_zero():
    made = trainer()
    learned = taught(made, FORCE, updates=50, reward=lambda x, u: torch.zeros_like(x))
    assert math.isfinite(LearnedValue(learned)(torch.zeros(1, 1)).item())
    assert learned.unit.item() == 1.0


def test_training_goes_on_from_its_state():
    one, other = trainer(), trainer()
    taught(one, FORCE, updates=20, reward=lambda x, u: x)
    other.load(one.learned, {name: tensor.clone() for name, tensor in one.state().items()})
    batch = steps(torch.Generator().manual_seed(5), FORCE, reward=lambda x, u: x)
    one._generator.manual_seed(3)
    other._generator.manual_seed(3)
    assert one.update(batch) == other.update(batch)
    for name, tensor in one.state().items():
        torch.testing.assert_close(other.state()[name], tensor, rtol=0, atol=0)
    broken = {**one.state(), "policy.slow.weights.0": torch.zeros(1)}
    before = other.state()
    with pytest.raises(ValueError, match=r"'policy.slow.weights.0': expected \(2, 2, 32\) numbers"):
        other.load(one.learned, broken)
    for name, tensor in before.items():
        assert torch.equal(other.state()[name], tensor)


def test_a_batch_that_is_no_number_does_not_end_learning():
    made, generator = trainer(), torch.Generator().manual_seed(0)
    batch = steps(generator, FORCE, reward=lambda x, u: x)
    for spoilt in (
        replace(batch, reward=torch.full((64,), math.inf)),
        replace(batch, next_features=torch.full((64, 1), math.nan)),
        replace(batch, features=torch.full((64, 1), math.nan)),
    ):
        made.update(spoilt)
        assert all(tensor.isfinite().all() for tensor in made.learned.state_dict().values())
        assert all(tensor.isfinite().all() for tensor in made.state().values())
    assert math.isfinite(made.update(batch))
