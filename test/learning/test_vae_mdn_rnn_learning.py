"""Learning of VAE, mixture density RNN and controller."""

import math
from dataclasses import replace

import pytest
import torch
from support.linear import OBSERVATION
from support.systems import ACTION, drive

from mbrl_ros.agents.registry import make_agent
from mbrl_ros.core.kinds import find_kind
from mbrl_ros.core.records import Transition
from mbrl_ros.core.settings import build
from mbrl_ros.learning.checked import make_learner
from mbrl_ros.learning.settings import trainer_settings
from mbrl_ros.learning.vae_mdn_rnn.evolution import Evolution
from mbrl_ros.learning.vae_mdn_rnn.settings import EvolutionSettings
from mbrl_ros.learning.vae_mdn_rnn.training import divergence, log_likelihood
from mbrl_ros.models.vae_mdn_rnn.controller import Controller
from mbrl_ros.models.vae_mdn_rnn.mixture import Mixture
from mbrl_ros.models.vae_mdn_rnn.network import VaeMdnRnn
from mbrl_ros.models.vae_mdn_rnn.settings import VaeMdnRnnSettings
from mbrl_ros.models.world_model import UnlearnedError
from mbrl_ros.objectives.objective import Objective
from mbrl_ros.planning.problem import Problem
from mbrl_ros.planning.settings import PlannerSettings


def test_a_known_mixture_is_recovered_from_what_was_drawn_of_it():
    generator = torch.Generator().manual_seed(0)
    first = torch.rand(4000, 1, generator=generator) < 0.3
    noise = torch.randn(4000, 2, generator=generator)
    drawn = torch.where(
        first,
        torch.tensor([-1.0, 0.5]) + torch.tensor([0.5, 0.2]) * noise,
        torch.tensor([2.0, 1.0]) + torch.tensor([0.1, 1.0]) * noise,
    )
    told = torch.randn(Mixture.parameters(2, 2), generator=generator).requires_grad_()
    optimizer = torch.optim.Adam([told], lr=0.1)
    for _ in range(150):
        optimizer.zero_grad()
        (-Mixture.of(told, 2).log_density(drawn).mean()).backward()
        optimizer.step()
    found = Mixture.of(told.detach(), 2)
    order = found.means[:, 0].argsort()
    torch.testing.assert_close(
        found.log_weights.exp()[order], torch.tensor([0.3, 0.7]), atol=0.02, rtol=0
    )
    torch.testing.assert_close(
        found.means[order], torch.tensor([[-1.0, 0.5], [2.0, 1.0]]), atol=0.05, rtol=0
    )
    torch.testing.assert_close(
        found.stds[order], torch.tensor([[0.5, 0.2], [0.1, 1.0]]), atol=0.04, rtol=0
    )


def test_the_lower_bound_is_tight_where_the_posterior_is_exact():
    """z ~ N(0, 1), x ~ N(2 z, s^2): all is known, also the density of x, N(0, 4 + s^2)."""
    s = 0.5
    x = torch.linspace(-6, 6, 13)[:, None]
    precision = 1 + 4 / s**2
    mean = 2 * x / s**2 / precision
    log_std = torch.full_like(mean, -0.5 * math.log(precision))
    noise = torch.randn(13, 40_000, generator=torch.Generator().manual_seed(0))
    z = mean + log_std.exp() * noise
    told = log_likelihood(x, 2 * z, s).mean(dim=1)
    bound = told - divergence(mean, log_std)
    total = torch.distributions.Normal(0.0, math.sqrt(4 + s**2)).log_prob(x[:, 0])
    torch.testing.assert_close(bound, total, atol=0.03, rtol=0)
    # Any other posterior's is lower, by its divergence from the exact one.
    for other, wider in ((mean + 0.3, log_std), (mean, log_std + 0.5)):
        z = other + wider.exp() * noise
        lower = log_likelihood(x, 2 * z, s).mean(dim=1) - divergence(other, wider)
        apart = torch.distributions.kl_divergence(
            torch.distributions.Normal(other, wider.exp()),
            torch.distributions.Normal(mean, log_std.exp()),
        )[:, 0]
        torch.testing.assert_close(lower, total - apart, atol=0.05, rtol=0)


def objective(name, target):
    terms = {"terms": ["t"], "t.of": [name], "t.type": "quadratic", "t.target": target}
    return Objective.from_parameters(terms, OBSERVATION, ACTION)


def test_evolution_finds_what_pays_in_the_dream():
    network = VaeMdnRnn(OBSERVATION, ACTION, VaeMdnRnnSettings())
    network.initialize(torch.Generator().manual_seed(0))
    network.requires_grad_(False)
    learned = Controller(network.features, ACTION)
    settings = EvolutionSettings(population=16, imagined_steps=3, deviation=0.3, generations=0.5)
    evolution = Evolution(learned, settings, 0)
    start = torch.zeros(4, network.memory), torch.zeros(4, network.latent), torch.zeros(4, 2)
    wanted = objective("force", 0.6)
    unpaid = Objective.from_parameters(
        {"terms": ["t"], "t.type": "learned_reward"}, OBSERVATION, ACTION
    )
    evolution.update(network, *start, unpaid)  # owes half a generation
    for _ in range(10):
        with pytest.raises(UnlearnedError):
            evolution.update(network, *start, unpaid)
    assert evolution.updates == 1  # so that none is owed all at once later
    for update in range(60):
        evolution.update(network, *start, wanted)
        if update == 1:
            first = evolution.dreamed
    features = torch.zeros(1, network.features)
    assert learned.heads()[0](features).item() == pytest.approx(0.6, abs=0.1)
    assert evolution.dreamed > 0.3 * first  # returns are costs here, the best is 0
    # Whatever a model that is not finite makes of them.
    spoiled = (start[0] + math.nan, *start[1:])
    evolution.update(network, *spoiled, objective("position", 0.0))
    evolution.update(network, *spoiled, objective("position", 0.0))
    assert learned.weights.isfinite().all()


def learner_of(**values):
    some = {
        "model.sequence": 8, "optimizer.batch_size": 64, "optimizer.learning_rate": 3e-3,
        "gate.first_error": 9.0, "gate.good_error": 9.0, "gate.segment": 10,
        "policy.learn": True, "policy.population": 8, "policy.imagined_steps": 4,
    }  # fmt: skip
    settings = build(trainer_settings(find_kind("vae_mdn_rnn")), {**some, **values})
    return make_learner("vae_mdn_rnn", OBSERVATION, ACTION, settings, 0)


def fed(learner, updates=20):
    for transition in drive(150):
        learner.append(Transition(*transition))
    for _ in range(updates):
        learner.update()
    return learner


def test_controller_travels_with_the_model_and_goes_on_after_a_restart():
    learner = learner_of()
    wanted = objective("position", 0.0)
    learner.pursue(wanted)
    update = fed(learner).judge().update
    made = find_kind("vae_mdn_rnn").make_world_model(update)
    assert made.policy.objective == wanted.digest
    agent = make_agent("policy", ACTION, PlannerSettings(), 0)
    belief = made.observe(None, torch.zeros(1), torch.zeros(2), True)
    plan = agent.act(Problem(belief, made, wanted, torch.empty(0, 1)))
    assert plan.actions.abs().max() <= 1.0
    again = learner_of()
    again.restore(update, learner.state())
    assert again.updates == learner.updates == 20
    weights = learner.dreamer.learned.weights
    assert weights.abs().max() > 0
    assert torch.equal(again.dreamer.learned.weights, weights)
    again.pursue(wanted)
    fed(again, 2)
    assert not torch.equal(again.dreamer.learned.weights, weights)
    with pytest.raises(ValueError, match=r"policy\.updates"):
        learner_of().restore(update, {**learner.state(), "policy.updates": torch.tensor(-1)})
    # Another task's is not pursued before it was learned for.
    other = replace(wanted, goal={"position": 1.0}, digest="")
    learner.pursue(other)
    learner.update()
    assert learner.dreamer.learned.objective == wanted.digest
