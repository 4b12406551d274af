"""Functions drawn from a Gaussian process whose hyperparameters are given."""

import math
from dataclasses import replace

import pytest
import safetensors.torch
import torch
from support.systems import (
    OBSERVATION,
    WITH_ANGLES,
    belief,
    imagined,
    random_process,
    world_model,
)

from mbrl_ros.models.gaussian_process.posterior import condition
from mbrl_ros.models.gaussian_process.process import GaussianProcess
from mbrl_ros.models.gaussian_process.settings import GaussianProcessSettings
from mbrl_ros.models.packing import pack, unpack
from mbrl_ros.models.update import MODEL, CheckpointError, ModelPart

EXACT = GaussianProcessSettings(exact=200, inducing=40)
NOISE = 0.05


def truth(inputs):
    return torch.stack([torch.sin(2 * inputs[..., 0]) + inputs[..., 1], inputs[..., 1] ** 2], -1)


def data(count, seed=0):
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.rand(count, 3, generator=generator) * 4 - 2
    noise = NOISE * torch.randn(count, 2, generator=generator)
    return inputs, truth(inputs) + noise


def process(members=5, settings=EXACT, seed=0):
    made = GaussianProcess(3, 2, members, settings).requires_grad_(False)
    made.initialize(torch.Generator().manual_seed(seed))
    made.log_lengthscale.copy_(torch.tensor([[0.8, 1.1, 9.0], [2.0, 1.3, 9.0]]).log()[:, None])
    made.log_outputscale.copy_(torch.tensor([1.5, 4.0]).log())
    made.log_noise.fill_(2 * math.log(NOISE))
    return made


def conditioned(count=150, members=5, settings=EXACT, seed=0):
    made = process(members, settings, seed)
    condition(made, *data(count), torch.Generator().manual_seed(0))
    return made


def means(made, inputs):
    return made(inputs.expand(made.members, -1, -1))[0]


def random_process_model(observation=OBSERVATION, points=60, **settings):
    """Return a model whose process has seen random data."""
    sizes = {"exact": EXACT.exact, "inducing": EXACT.inducing}
    model = random_process(observation, **sizes, **settings)
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(points, model.encoding.input_dim, generator=generator)
    targets = torch.randn(points, observation.dim, generator=generator)
    condition(model.network, inputs, targets, generator)
    return model


def test_without_data_nothing_is_expected_to_change():
    mean, log_variance = process()(torch.randn(5, 7, 3))
    assert torch.equal(mean, torch.zeros(5, 7, 2))
    torch.testing.assert_close(log_variance, torch.full((5, 7, 2), 2 * math.log(NOISE)))


def test_members_agree_on_the_data_and_differ_away_from_it():
    made = conditioned()
    near, _ = data(150)
    far = near + torch.tensor([8.0, 0.0, 0.0])
    assert means(made, near).std(dim=0).square().mean().sqrt() < NOISE
    assert means(made, far).std(dim=0).mean() > 0.5


@pytest.mark.parametrize("count", [150, 600], ids=["exact", "sparse"])
def test_it_predicts_what_it_has_not_seen_and_knows_how_well(count):
    made = conditioned(count, members=20)
    inputs, _ = data(500, seed=1)
    found = means(made, inputs)
    error = found.mean(dim=0) - truth(inputs)
    assert error.square().mean().sqrt() < 0.1 * truth(inputs).std()
    z = error / found.std(dim=0)
    assert 0.5 < z.square().mean().sqrt() < 2.0


def test_a_single_member_is_the_mean_of_the_posterior():
    inputs, _ = data(50, seed=2)
    one, many = means(conditioned(members=1), inputs), means(conditioned(members=4), inputs)
    torch.testing.assert_close(one[0], many.mean(dim=0), atol=1e-3, rtol=1e-3)


def test_draws_have_the_variance_of_the_posterior():
    made, inputs = conditioned(60, members=400), data(40, seed=2)[0] * 1.5
    x, (seen, _) = inputs.double(), data(60)
    scaling = torch.exp(-made.log_lengthscale[:, 0]).double()

    def kernel(a, b, o):
        distance = torch.cdist(a * scaling[o], b * scaling[o]).square()
        return made.log_outputscale[o].exp() * torch.exp(-0.5 * distance) + a @ b.T

    found = means(made, inputs).var(dim=0)
    for o in range(2):
        z = seen.double()
        within = kernel(z, z, o) + NOISE**2 * torch.eye(60)
        across = kernel(x, z, o)
        explained = (across @ torch.linalg.inv(within) * across).sum(dim=-1)
        expected = (kernel(x, x, o).diagonal() - explained).float()
        assert (found[:, o] / expected).median() == pytest.approx(1.0, abs=0.2)


def test_the_exact_posterior_is_gpytorchs_own():
    gpytorch = pytest.importorskip("gpytorch")
    from mbrl_ros.models.gaussian_process.training import _Prior

    made, (inputs, targets) = conditioned(), data(150)
    prior = _Prior(made).double()
    prior.set_train_data(inputs.double(), targets.double().T, strict=False)
    at, _ = data(80, seed=3)
    with gpytorch.settings.fast_pred_var(False):
        expected = prior.eval()(at.double()).mean.T.float()
    found = means(conditioned(), at).mean(dim=0)
    torch.testing.assert_close(found, expected, atol=1e-3, rtol=0)


def test_the_sparse_posterior_is_gpytorchs_own():
    gpytorch = pytest.importorskip("gpytorch")
    from mbrl_ros.models.gaussian_process.training import _Prior

    inputs, targets = data(400)
    found = conditioned(400)
    assert found.inducing.shape == (40, 3)
    at, _ = data(80, seed=3)
    for o in range(2):
        made = process()
        prior = _Prior(made).double()
        linear = gpytorch.kernels.LinearKernel().double()
        linear.variance = 1.0
        whole = linear + prior.curved[o]
        likelihood = gpytorch.likelihoods.GaussianLikelihood().double()
        likelihood.noise = NOISE**2

        class Sparse(gpytorch.models.ExactGP):
            def __init__(self, kernel, likelihood, o):
                super().__init__(inputs.double(), targets[:, o].double(), likelihood)
                self.covar_module = gpytorch.kernels.InducingPointKernel(
                    kernel, inducing_points=found.inducing.double(), likelihood=likelihood
                )

            def forward(self, x):
                zero = torch.zeros(len(x), dtype=torch.double)
                return gpytorch.distributions.MultivariateNormal(zero, self.covar_module(x))

        # With it, gpytorch's posterior is another one: FITC.
        with gpytorch.settings.sgpr_diagonal_correction(False):
            expected = Sparse(whole, likelihood, o).eval()(at.double()).mean
        mean = means(found, at).mean(dim=0)[:, o].double()
        torch.testing.assert_close(mean, expected, atol=5e-3, rtol=0)


def test_inducing_inputs_are_spread_and_each_is_taken_once():
    made = conditioned(600)
    assert len(made.inducing) == 40
    distance = torch.cdist(made.inducing, made.inducing)
    distance.fill_diagonal_(math.inf)
    assert distance.min() > 0
    few = conditioned(30, settings=replace(EXACT, exact=10, inducing=40))
    assert len(few.inducing) == 30


@pytest.mark.parametrize("observation", [OBSERVATION, WITH_ANGLES], ids=["plain", "angles"])
def test_renewing_the_normalisation_leaves_predictions_unchanged(observation):
    model, o = random_process_model(observation), observation.dim
    states, actions = torch.randn(3, 50, o), torch.randn(3, 50, 1)
    before, deviation = model.predict(states, actions)
    for scale, shift in ((0.5, 1.0), (4.0, -1.0)):
        seen = scale * torch.randn(300, o) + shift
        model.normalize_from(seen, torch.rand(300, 1), seen + scale * torch.randn(300, o))
        model.low.fill_(-torch.inf)
        model.high.fill_(torch.inf)
        after = model.predict(states, actions)
        torch.testing.assert_close(after[0], before, atol=2e-3, rtol=1e-3)
        torch.testing.assert_close(after[1], deviation, atol=1e-5, rtol=1e-3)


@pytest.mark.parametrize("per_member", [False, True], ids=["one_start", "start_per_member"])
@pytest.mark.parametrize("observation", [OBSERVATION, WITH_ANGLES], ids=["plain", "angles"])
def test_a_rollout_is_prediction_step_by_step(observation, per_member):
    model, o = random_process_model(observation), observation.dim
    start = torch.randn(3, 1, o) if per_member else torch.randn(o)
    actions = torch.rand(6, 12, 1) * 2 - 1
    steps = world_model(model)
    trajectories = imagined(steps, start, actions).clone()
    differentiable = steps.imagine_gradients(belief(steps, start), actions).observations
    torch.testing.assert_close(differentiable, trajectories, atol=2e-3, rtol=1e-3)
    state = start.expand(3, 6, o)
    for k in range(12):
        state, _ = model.predict(state, actions[:, k].expand(3, -1, -1))
        torch.testing.assert_close(trajectories[:, :, k + 1], state, atol=2e-3, rtol=1e-3)
    two = world_model(model, members=2)
    part = imagined(two, start[:2] if per_member else start, actions)
    torch.testing.assert_close(part, trajectories[:2], atol=1e-4, rtol=1e-4)


def test_what_is_not_a_number_stays_with_its_candidate():
    model, actions = world_model(random_process_model()), torch.rand(5, 6, 1)
    whole = imagined(model, torch.zeros(2), actions).clone()
    actions[2, 3] = math.nan
    spoilt = imagined(model, torch.zeros(2), actions).clone()
    assert not spoilt[:, 2, 4:].isfinite().any()
    spoilt[:, 2] = whole[:, 2]
    torch.testing.assert_close(spoilt, whole)


def test_derivatives_are_those_of_the_prediction():
    model = random_process_model(WITH_ANGLES)
    model.low.fill_(-torch.inf)
    model.high.fill_(torch.inf)
    states, actions = torch.randn(4, 4), torch.rand(4, 1)
    model = world_model(model.double())
    _, differentiable = model.linearized(belief(model, states[0].double()))
    by_state, by_action = differentiable.mean_jacobians(states.double(), actions.double())
    expected = torch.autograd.functional.jacobian(
        differentiable.mean_step, (states.double(), actions.double())
    )
    for found, whole in zip((by_state, by_action), expected, strict=True):
        each = torch.stack([whole[row, :, row] for row in range(4)])
        torch.testing.assert_close(found, each)
    assert by_action.abs().max() > 0


@pytest.mark.parametrize("points", [0, 60, 300], ids=["none", "exact", "sparse"])
def test_a_model_is_the_same_after_its_journey(points):
    model = random_process_model(WITH_ANGLES, points) if points else random_process(WITH_ANGLES)
    arrived = unpack(pack(model))
    assert arrived.settings == model.settings
    states, actions = torch.randn(3, 9, 4), torch.randn(3, 9, 1)
    for mine, theirs in zip(
        model.predict(states, actions), arrived.predict(states, actions), strict=True
    ):
        assert torch.equal(mine, theirs)


def changed(**tensors):
    sent = pack(random_process_model())
    state = {**safetensors.torch.load(sent.parts[MODEL].weights), **tensors}
    part = ModelPart.of({n: t for n, t in state.items() if t is not None})
    return replace(sent, parts={MODEL: part})


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        (
            {"network.inducing": torch.zeros(59, 3)},
            r"'network.exponential_weights': expected shape",
        ),
        ({"network.inducing": torch.zeros(60, 4)}, r"expected shape \(60, 3\)"),
        ({"network.inducing": torch.zeros(60)}, r"expected shape \((0, 3|3, 2, 0)\)"),
        ({"network.inducing": torch.zeros(201, 3)}, "at most 200 inducing inputs, got 201"),
        ({"network.inducing": None}, "'network.inducing' is missing"),
        ({"network.exponential_weights": torch.zeros(3, 2, 61)}, r"expected shape \(3, 2, 60\)"),
        ({"network.scaling": torch.full((2, 3), math.nan)}, "not finite"),
    ],
)
def test_a_process_that_does_not_fit_is_refused(tensors, message):
    with pytest.raises(CheckpointError, match=message):
        unpack(changed(**tensors))
