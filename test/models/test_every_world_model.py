"""What every kind of world model does."""

import math
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from support.heads import FixedPolicy, FixedValue
from support.systems import ACTION, OBSERVATION, A, B, grid_model, random_model, step

from mbrl_ros.core.kinds import find_kind
from mbrl_ros.evaluation.true_model import TrueModel
from mbrl_ros.models.dynamics_model import DynamicsModel
from mbrl_ros.models.ensemble.model import EnsembleModel
from mbrl_ros.models.ensemble.settings import EnsembleSettings
from mbrl_ros.models.function_model import FunctionModel
from mbrl_ros.models.gaussian_process.model import GaussianProcessModel
from mbrl_ros.models.gaussian_process.settings import GaussianProcessSettings
from mbrl_ros.models.latent.packing import pack as pack_latent
from mbrl_ros.models.packing import make_world_model, pack
from mbrl_ros.models.prior import ArrayPrior, FunctionPrior
from mbrl_ros.models.rssm.network import Rssm
from mbrl_ros.models.vae_mdn_rnn.network import VaeMdnRnn
from mbrl_ros.models.world_model import Step, UnlearnedError

close = partial(torch.testing.assert_close, atol=1e-4, rtol=1e-3)


def linear(observation, action):
    a, b = torch.from_numpy(A).float(), torch.from_numpy(B).float()
    return observation @ a.T + action @ b.T


class LinearPlant:
    """True dynamics from where it is."""

    def __init__(self, state):
        self.state = state

    def __call__(self, actions):
        found = []
        for sequence in actions:
            state, seen = self.state, []
            for action in sequence:
                state = step(state, action)
                seen.append(state)
            found.append(seen)
        return np.array(found)


def with_past(observation=OBSERVATION, **settings):
    made = EnsembleSettings(members=3, hidden=[16], **settings)
    model = DynamicsModel(observation, ACTION, made, torch.Generator().manual_seed(0))
    return model.eval().requires_grad_(False)


def beside_a_prior(prior=None, **settings):
    model = with_past(**settings)
    model.prior = prior or FunctionPrior(linear, "linear", OBSERVATION, ACTION)
    return model


def shrinking(observations, actions):
    return 0.9 * observations + 0.1 * actions


def gaussian_process():
    settings = GaussianProcessSettings(members=3)
    model = DynamicsModel(OBSERVATION, ACTION, settings, torch.Generator().manual_seed(0))
    return GaussianProcessModel(model.eval().requires_grad_(False))


def recurrent(observation=OBSERVATION, network_type=Rssm, **settings):
    network = network_type(observation, ACTION, network_type.settings_type(**settings))
    network.initialize(torch.Generator().manual_seed(0))
    return find_kind(network.settings.kind).make_world_model(pack_latent(network))


TURNING = replace(OBSERVATION, angles=OBSERVATION.names[:1])
START = np.array([1.0, -2.0])
MAKE = {
    "ensemble": lambda: EnsembleModel(random_model()),
    "deterministic": lambda: EnsembleModel(random_model(likelihood="deterministic")),
    "history": lambda: EnsembleModel(with_past(history=3)),
    "delay": lambda: EnsembleModel(with_past(history=2, delay=2)),
    "angles": lambda: EnsembleModel(with_past(TURNING, history=3)),
    "prior": lambda: EnsembleModel(beside_a_prior(history=2, delay=1)),
    "array_prior": lambda: EnsembleModel(beside_a_prior(ArrayPrior(shrinking))),
    "gaussian_process": gaussian_process,
    "function": lambda: FunctionModel(OBSERVATION, ACTION, linear),
    "turning_function": lambda: FunctionModel(TURNING, ACTION, linear),
    "true": lambda: TrueModel(OBSERVATION, ACTION, LinearPlant(START)),
    "tabular": grid_model,
    "rssm": recurrent,
    "rssm_particles": lambda: recurrent(TURNING, members=3, size="small"),
    "vae_mdn_rnn": lambda: recurrent(network_type=VaeMdnRnn),
    "vae_particles": lambda: recurrent(TURNING, VaeMdnRnn, members=3, mixtures=2, size="small"),
    "received": lambda: make_world_model(pack(with_past(history=2))),
}


@pytest.fixture(params=MAKE, ids=str)
def model(request):
    return MAKE[request.param]()


def at_start(model):
    start = torch.from_numpy(START).float()
    return model.observe(None, torch.zeros(1), start, is_first=True)


def some_actions(n=4, horizon=5):
    return 2 * torch.rand(n, horizon, 1, generator=torch.Generator().manual_seed(0)) - 1


def test_imagined_trajectories_begin_where_the_belief_is_and_have_their_shapes(model):
    actions = some_actions()
    imagined = model.imagine(at_start(model), actions)
    assert imagined.observations.shape == (model.members, 4, 6, 2)
    assert imagined.features.shape[:3] == (model.members, 4, 6)
    start = torch.from_numpy(START).float().expand(model.members, 4, 2)
    torch.testing.assert_close(imagined.observations[:, :, 0], start)
    torch.testing.assert_close(imagined.actions, actions)


def test_imagining_changes_nothing(model):
    belief = at_start(model)
    before = [part.clone() for part in belief]
    first = model.imagine(belief, some_actions()).observations.clone()
    model.imagine(belief, -some_actions(7, 3))
    torch.testing.assert_close(model.imagine(belief, some_actions()).observations, first)
    assert all(torch.equal(part, kept) for part, kept in zip(belief, before, strict=True))


def test_a_candidate_does_not_depend_on_its_neighbours(model):
    actions = some_actions()
    together = model.imagine(at_start(model), actions).observations.clone()
    alone = model.imagine(at_start(model), actions[2:3]).observations
    torch.testing.assert_close(alone[:, 0], together[:, 2], atol=1e-5, rtol=1e-4)


def test_without_an_action_only_the_start_is_left(model):
    imagined = model.imagine(at_start(model), some_actions(1, 1))
    assert imagined.observations.shape[2] == 2


def test_ahead_leads_to_where_imagination_does(model):
    actions = some_actions(1, 3)[0]
    if isinstance(model, TrueModel):
        with pytest.raises(UnlearnedError, match="pending commands"):
            model.ahead(at_start(model), actions)
        return
    belief = model.ahead(at_start(model), actions)
    seen = model.imagine(belief, some_actions(1, 1)).observations[:, 0, 0].clone()
    expected = model.imagine(at_start(model), actions[None]).observations[:, 0, -1]
    torch.testing.assert_close(seen, expected, atol=1e-5, rtol=1e-4)


def test_a_fork_is_the_same_model_with_memory_of_its_own(model):
    belief, actions = at_start(model), some_actions()
    mine = model.imagine(belief, actions).observations
    kept, fork = mine.clone(), model.fork()
    theirs = fork.imagine(belief, actions).observations
    torch.testing.assert_close(theirs, kept)
    fork.imagine(belief, -actions)
    torch.testing.assert_close(mine, kept)
    assert model.fork(1).members == 1
    first = model.fork(1).imagine(belief, actions).observations
    torch.testing.assert_close(first[0], kept[0], atol=1e-5, rtol=1e-4)


def test_a_fork_and_a_corrected_model_keep_policy_and_value(model):
    model.policy, model.value = FixedPolicy(torch.tanh), FixedValue(torch.sum)
    for other in (model.fork(), model.correct(0.3, 100, [])[0]):
        assert other.policy is model.policy
        assert other.value is model.value


def test_policies_read_the_same_features_now_as_imagined(model):
    belief = at_start(model)
    imagined = model.imagine(belief, some_actions(1, 1)).features[:, :, 0]
    torch.testing.assert_close(model.features(belief).expand_as(imagined), imagined)


def test_a_policy_imagines_what_its_actions_do(model):
    policy = FixedPolicy(lambda features: torch.tanh(features[..., :1]))
    imagined = model.imagine_policy(at_start(model), policy, 4)
    assert imagined.observations.shape == (model.members, 1, 5, 2)
    for member in range(model.members):
        chosen = imagined.actions
        actions = chosen[member] if chosen.ndim == 4 else chosen
        again = model.imagine(at_start(model), actions).observations[member]
        torch.testing.assert_close(again, imagined.observations[member], atol=1e-4, rtol=1e-3)


def test_a_policy_reads_places_as_they_are_wherever_the_origin_is():
    dynamics = with_past()
    dynamics.origin.copy_(torch.tensor([1e7, 0.0]))
    model, seen = EnsembleModel(dynamics), []

    def choose(features):
        seen.append(features)
        return torch.zeros(*features.shape[:-1], 1)

    start = torch.tensor([1e7 + 0.25, 0.5], dtype=torch.float64)
    belief = model.observe(None, torch.zeros(1), start, is_first=True)
    imagined = model.imagine_policy(belief, FixedPolicy(choose), 2)
    torch.testing.assert_close(seen[0], start.expand(3, 1, 2), rtol=0, atol=1e-6)
    torch.testing.assert_close(seen[1], imagined.observations[:, :, 1])


def test_derivatives_are_those_of_what_is_imagined(model):
    actions = some_actions(2, 3).requires_grad_()
    if not model.differentiable:
        for ask in (lambda b: model.imagine_gradients(b, actions), model.linearized):
            with pytest.raises(UnlearnedError, match="derivatives"):
                ask(at_start(model))
        return
    imagined = model.imagine_gradients(at_start(model), actions)
    # Whatever was imagined before.
    model.imagine(at_start(model), 100 * actions.detach())
    plain = model.imagine(at_start(model), actions.detach()).observations
    torch.testing.assert_close(imagined.observations.detach(), plain, atol=1e-5, rtol=1e-4)
    imagined.observations[:, :, -1].sum().backward()
    assert actions.grad.isfinite().all()
    state, linearization = model.linearized(at_start(model))
    by_state, by_action = linearization.mean_jacobians(state[None], actions[0, :1].detach())
    assert by_state.shape == (1, len(state), len(state))
    assert by_action.shape == (1, len(state), 1)


def test_what_was_expected_is_no_surprise(model):
    if model.delay:
        # What is under way acts first.
        actions = torch.zeros(1, 1)
        acted = torch.zeros(1, 1)
    else:
        actions = acted = torch.tensor([[0.5]])
    belief = at_start(model)
    expected = model.imagine(belief, acted[None]).observations[:, 0, -1].mean(dim=0)
    assert model.surprise(belief, actions, expected).abs().max() < 1e-3
    # Half a turn away is as far as an angle can be.
    off = torch.tensor([math.pi if name in model.observation.angles else 100.0
                        for name in model.observation.names])  # fmt: skip
    far = model.surprise(belief, actions, expected + off)
    assert far.shape == (2,)
    if not isinstance(model, TrueModel):
        assert far.abs().min() > 0.5
    turned = torch.tensor([2 * math.pi * (name in model.observation.angles)
                           for name in model.observation.names])  # fmt: skip
    assert model.surprise(belief, actions, expected + turned).abs().max() < 1e-3


def test_a_forecast_tells_how_surprising_each_step_is(model):
    rng, steps, belief = np.random.default_rng(0), 3, at_start(model)
    forecast, past = model.forecast(steps), []
    for k in range(2 * steps):
        action = torch.from_numpy(rng.uniform(-1, 1, 1)).float()
        seen = model.imagine(belief, action[None, None]).observations[:, 0, -1].mean(dim=0)
        past.append(Step(belief, action, seen + 0.01 * k))
        one, whole = forecast.observe(past[-1])
        close(one, model.surprise(belief, action[None], past[-1].observation))
        assert (whole is None) == (k < steps - 1)
        if whole is not None:
            acted = torch.stack([step.action for step in past[-steps:]])
            close(whole, model.surprise(past[-steps].belief, acted, past[-1].observation))
        belief = model.observe(belief, action, past[-1].observation, is_first=False)


def test_observing_goes_on_from_the_belief_before(model):
    belief = at_start(model)
    values = [torch.tensor([1.0 * k, -2.0 * k]) for k in range(1, 5)]
    for seen in values:
        belief = model.observe(belief, torch.tensor([0.3]), seen, is_first=False)
    now = model.imagine(belief, some_actions(1, 1)).observations[:, 0, 0]
    torch.testing.assert_close(now, values[-1].expand(model.members, 2))
    again = model.observe(belief, torch.zeros(1), torch.from_numpy(START).float(), is_first=True)
    for part, fresh in zip(again, at_start(model), strict=True):
        torch.testing.assert_close(part, fresh)


@pytest.mark.parametrize("begins", [[], [0], [2], [0, 3, 4, 11]])
def test_filtering_many_steps_is_observing_them_one_by_one(model, begins):
    generator = torch.Generator().manual_seed(0)
    actions, seen = torch.rand(12, 1, generator=generator), torch.rand(12, 2, generator=generator)
    firsts = [k in begins for k in range(12)]
    belief = None
    filtered = model.filter(actions, seen, firsts)
    for after, *one in zip(filtered, actions, seen, firsts, strict=True):
        belief = model.observe(belief, *one)
        for part, expected in zip(after, belief, strict=True):
            assert part.shape == expected.shape
            assert torch.equal(part, expected)


def test_before_anything_was_observed_it_can_be_asked(model):
    imagined = model.imagine(model.initial(1), some_actions())
    assert imagined.observations.isfinite().all()


def test_correction_leaves_the_model_itself_alone(model):
    belief, actions = at_start(model), some_actions()
    before = model.imagine(belief, actions).observations.clone()
    after = torch.tensor([1.5, -1.0])
    corrected, correction = model.correct(0.3, 100, [Step(belief, torch.zeros(1), after)] * 20)
    if correction is None:
        assert corrected is model
        return
    correction.observe(Step(belief, torch.zeros(1), after))
    assert correction.size > 0
    torch.testing.assert_close(model.imagine(belief, actions).observations, before)
    moved = corrected.imagine(belief, actions).observations
    assert not torch.allclose(moved[:, :, 1:], before[:, :, 1:])
