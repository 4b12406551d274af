import math

import pytest
import torch
from torch import nn

from mbrl_ros.models.ensemble.networks import DeterministicEnsemble, GaussianEnsemble


def ensemble(seed=0, bounds=(-10.0, 0.5)):
    made = GaussianEnsemble(3, 2, 4, [8, 6], bounds)
    made.initialize(torch.Generator().manual_seed(seed))
    return made


def nll(beta):
    return GaussianEnsemble(3, 2, 4, [], (-10.0, 0.5), beta).loss


def test_each_member_is_a_perceptron_of_its_own():
    network, inputs = ensemble(), torch.randn(4, 5, 3)
    mean, _ = network(inputs)
    assert mean.shape == (4, 5, 2)
    for member in range(4):
        layers = []
        for weight, bias in zip(network.weights, network.biases, strict=True):
            layer = nn.Linear(weight.shape[1], weight.shape[2])
            layer.weight.data = weight[member].T
            layer.bias.data = bias[member, 0]
            layers += [layer, nn.SiLU()]
        alone = nn.Sequential(*layers[:-1])(inputs[member])
        torch.testing.assert_close(mean[member], alone[:, :2])


def test_members_start_from_different_weights():
    mean, _ = ensemble()(torch.ones(4, 1, 3))
    assert mean.std(dim=0).min() > 0


def test_the_same_seed_makes_the_same_network():
    inputs = torch.randn(4, 5, 3)
    torch.testing.assert_close(ensemble(1)(inputs), ensemble(1)(inputs), atol=0, rtol=0)
    assert not torch.equal(ensemble(1)(inputs)[0], ensemble(2)(inputs)[0])


def test_the_log_variance_stays_within_its_bounds_and_keeps_a_gradient():
    network = ensemble(bounds=(-4.0, 1.0))
    with torch.no_grad():
        network.weights[-1].zero_()
        # Far below, between and far above the bounds.
        network.biases[-1][:, 0, 2:] = torch.tensor([-12.0, 9.0])
    _, log_variance = network(torch.randn(4, 5, 3))
    assert log_variance.min() >= -4.0
    assert log_variance.max() <= 1.0 + 0.01
    torch.testing.assert_close(log_variance[0, 0], torch.tensor([-4.0, 1.0]), atol=0.01, rtol=0)
    log_variance.sum().backward()
    assert (network.biases[-1].grad[:, 0, 2:] > 0).all()


def test_in_the_middle_the_log_variance_is_what_the_network_says():
    network = ensemble(bounds=(-20.0, 20.0))
    with torch.no_grad():
        network.weights[-1].zero_()
        network.biases[-1][:, 0, 2:] = torch.tensor([-1.5, 2.5])
    _, log_variance = network(torch.randn(4, 5, 3))
    torch.testing.assert_close(log_variance[0, 0], torch.tensor([-1.5, 2.5]), atol=1e-4, rtol=0)


def test_the_loss_is_the_gaussian_likelihood():
    mean, log_variance, target = torch.randn(3, 4, 7, 2).unbind()
    density = torch.distributions.Normal(mean, torch.exp(0.5 * log_variance))
    constant = 0.5 * math.log(2 * math.pi)
    expected = -(density.log_prob(target) + constant)
    torch.testing.assert_close(nll(0.0)(mean, log_variance, target), expected)


@pytest.mark.parametrize("beta", [0.5, 1.0])
def test_beta_weights_each_term_by_its_variance_without_rewarding_variance(beta):
    mean, log_variance, target = torch.randn(3, 4, 7, 2).unbind()
    mean.requires_grad_()
    log_variance.requires_grad_()
    nll(beta)(mean, log_variance, target).sum().backward()
    # By hand, with the weight as a constant.
    weight = torch.exp(beta * log_variance.detach())
    variance = torch.exp(log_variance.detach())
    error = (mean - target).detach()
    torch.testing.assert_close(mean.grad, weight * error / variance)
    torch.testing.assert_close(log_variance.grad, weight * 0.5 * (1 - error**2 / variance))


def test_a_deterministic_member_predicts_the_mean_and_remembers_how_wrong_it_was():
    network = DeterministicEnsemble(3, 2, 4, [8])
    network.initialize(torch.Generator().manual_seed(0))
    mean, log_variance = network(torch.randn(4, 5, 3))
    assert mean.shape == log_variance.shape == (4, 5, 2)
    target = mean.detach() + torch.tensor([0.1, 3.0])
    loss = network.loss(mean, log_variance, target)
    torch.testing.assert_close(loss, torch.tensor([0.005, 4.5]).expand(4, 5, 2), rtol=1e-4, atol=0)
    for _ in range(2000):
        network.note_errors(mean, target)
    _, told = network(torch.randn(4, 5, 3))
    torch.testing.assert_close(
        torch.exp(0.5 * told[0, 0]), torch.tensor([0.1, 3.0]), rtol=1e-2, atol=0
    )


@pytest.mark.parametrize("kind", [GaussianEnsemble, DeterministicEnsemble])
def test_predictions_are_expressed_in_other_units(kind):
    more = ((-20.0, 20.0),) if kind is GaussianEnsemble else ()
    network = kind(3, 2, 4, [8], *more)
    network.initialize(torch.Generator().manual_seed(0))
    inputs = torch.randn(4, 5, 3)
    shift, ratio = torch.tensor([1.0, -2.0]), torch.tensor([0.5, 3.0])
    with torch.no_grad():
        mean, log_variance = network(inputs)
        network.rescale(shift, ratio)
        scaled, scaled_log_variance = network(inputs)
    torch.testing.assert_close(scaled, mean * ratio + shift)
    expected = log_variance + 2 * ratio.log()
    torch.testing.assert_close(scaled_log_variance, expected, atol=1e-4, rtol=1e-4)
