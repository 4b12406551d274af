"""VAE, mixture density RNN and controller: mixtures, beliefs, packing."""

import math
from dataclasses import replace

import pytest
import torch
from support.linear import OBSERVATION
from support.systems import ACTION

from mbrl_ros.core.kinds import find_kind
from mbrl_ros.core.spaces import Space
from mbrl_ros.models.latent.packing import BEHAVIOUR, pack
from mbrl_ros.models.update import CheckpointError, ModelPart
from mbrl_ros.models.vae_mdn_rnn.controller import Controller, ControllerPolicy
from mbrl_ros.models.vae_mdn_rnn.mixture import Mixture, tempered
from mbrl_ros.models.vae_mdn_rnn.network import VaeMdnRnn
from mbrl_ros.models.vae_mdn_rnn.settings import VaeMdnRnnSettings


def network(observation=OBSERVATION, action=ACTION, **settings):
    made = VaeMdnRnn(observation, action, VaeMdnRnnSettings(**settings))
    made.initialize(torch.Generator().manual_seed(0))
    return made.requires_grad_(False)


def model(behaviour=None, **settings):
    update = pack(network(**settings), behaviour=behaviour)
    return find_kind("vae_mdn_rnn").make_world_model(update)


def known(batch):
    """Two Gaussians over two numbers, as often as there is luck to draw them by."""
    parts = (
        torch.tensor([0.3, 0.7]).log(),
        torch.tensor([[-1.0, 0.5], [2.0, 1.0]]),
        torch.tensor([[0.5, 0.2], [0.1, 1.0]]),
    )
    return Mixture(*(part.expand(batch, *part.shape) for part in parts))


def test_the_density_of_a_mixture_is_that_of_its_gaussians():
    mixture, z = known(50), torch.randn(50, 2, generator=torch.Generator().manual_seed(0))
    parts = torch.distributions.Independent(
        torch.distributions.Normal(mixture.means, mixture.stds), 1
    )
    chosen = torch.distributions.Categorical(logits=mixture.log_weights)
    expected = torch.distributions.MixtureSameFamily(chosen, parts).log_prob(z)
    torch.testing.assert_close(mixture.log_density(z), expected)


def luck_of(batch):
    return network(mixtures=2).luck((batch,), torch.Generator().manual_seed(0))[:, :4]


def test_what_is_drawn_of_a_mixture_is_as_it_says():
    drawn = known(20_000).draw(luck_of(20_000))
    first = drawn[:, 0] < 0.8  # the two are far apart there
    assert first.float().mean().item() == pytest.approx(0.3, abs=0.01)
    for own, mean, std in zip(
        (drawn[first], drawn[~first]), known(1).means[0], known(1).stds[0], strict=True
    ):
        torch.testing.assert_close(own.mean(dim=0), mean, atol=0.03, rtol=0)
        torch.testing.assert_close(own.std(dim=0), std, atol=0.03, rtol=0)


def test_temperature_goes_from_the_likeliest_mean_over_the_mixture_to_more_uncertainty():
    luck, mixture = luck_of(20_000), known(20_000)
    cold = mixture.draw(tempered(luck, 0.0, 2))
    assert torch.equal(cold, mixture.means[:, 1])
    nearly = mixture.draw(tempered(luck, 1e-6, 2))
    torch.testing.assert_close(nearly, cold, atol=0.01, rtol=0)
    assert torch.equal(mixture.draw(tempered(luck, 1.0, 2)), mixture.draw(luck))
    hot = mixture.draw(tempered(luck, 4.0, 2))
    first = hot[:, 0] < 0.8
    # Shares to the power of 1/4, and deviations twice as large.
    low, high = 0.3**0.25, 0.7**0.25
    assert first.float().mean().item() == pytest.approx(low / (low + high), abs=0.02)
    assert hot[~first, 1].std().item() == pytest.approx(2.0, abs=0.05)


def test_what_a_network_tells_is_a_mixture_whatever_it_tells():
    told = 20 * torch.randn(
        30, Mixture.parameters(4, 3), generator=torch.Generator().manual_seed(0)
    )
    mixture = Mixture.of(told, 4)
    torch.testing.assert_close(mixture.log_weights.exp().sum(dim=-1), torch.ones(30))
    assert mixture.means.shape == mixture.stds.shape == (30, 4, 3)
    assert mixture.stds.min() > 0
    assert mixture.log_density(mixture.means[:, 0]).isfinite().all()


def test_the_first_particle_follows_the_likeliest_mean_and_others_draw():
    made = model(members=3)
    belief = made.observe(None, torch.zeros(1), torch.zeros(2), True)
    features = made.imagine(belief, torch.zeros(1, 1, 1)).features
    h, z = features[:, 0, 1].tensor_split([made.network.deter], dim=-1)
    mixture = made.network.prior(h)
    likeliest = mixture.log_weights[0].argmax()
    torch.testing.assert_close(z[0], mixture.means[0, likeliest])
    assert not torch.equal(z[1], z[2])


def test_a_controller_is_linear_and_squashed_and_travels_with_the_model():
    learned = Controller(network().features, ACTION)
    learned.weights.copy_(torch.randn(learned.weights.shape))
    made = model(learned)
    features = made.features(made.observe(None, torch.zeros(1), torch.ones(2), True))
    told = torch.tanh(features @ learned.weights[0, :-1] + learned.weights[0, -1])
    torch.testing.assert_close(made.policy(features)[..., 0], told)
    assert made.value is None
    drawn = made.policy.sample(features.expand(1, 500, -1), torch.Generator().manual_seed(0))
    assert drawn.abs().max() <= 1.0
    assert drawn.std() > 0.05
    good = pack(network(), behaviour=learned)
    part = ModelPart.of({"weights": torch.zeros(1, 3)})
    damaged = replace(good, parts={**good.parts, BEHAVIOUR: part})
    with pytest.raises(CheckpointError, match=r"behaviour weights: 'weights': expected shape"):
        find_kind("vae_mdn_rnn").make_world_model(damaged)


def test_a_controller_chooses_among_whole_numbers_where_actions_are_discrete():
    push = Space.of(["push", "gear"], [0.0, -2.0], [1.0, 2.0], discrete=["push"])
    learned = Controller(1, push)
    learned.weights.copy_(torch.tensor([[3.0, 0.0], [0.0, 0.5]]))
    policy = ControllerPolicy(learned)
    chosen = policy(torch.linspace(-1, 1, 9)[:, None])
    # Just in between it may be either.
    assert chosen[[0, 1, 2, 3, 5, 6, 7, 8], 0].tolist() == [0.0] * 4 + [1.0] * 4
    assert chosen[4, 0] in (0.0, 1.0)
    torch.testing.assert_close(chosen[:, 1], torch.full((9,), 2 * math.tanh(0.5)))
