"""A prior, and a model that learns what it leaves."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from support.systems import ACTION, OBSERVATION, SMALL, A, B, drive, random_model, with_model

from mbrl_ros.core.extensions import ExtensionError
from mbrl_ros.core.kinds import find_kind
from mbrl_ros.core.prior import PriorSettings
from mbrl_ros.core.records import Transition
from mbrl_ros.core.spaces import Space
from mbrl_ros.learning.checked import make_learner
from mbrl_ros.learning.dynamics_learner import DynamicsLearner
from mbrl_ros.learning.settings import trainer_settings
from mbrl_ros.models.dynamics_model import DynamicsModel
from mbrl_ros.models.ensemble.model import EnsembleModel
from mbrl_ros.models.ensemble.settings import EnsembleSettings
from mbrl_ros.models.packing import pack, unpack
from mbrl_ros.models.prior import ArrayPrior, FunctionPrior, make_prior

OWN = str(Path(__file__).parents[2] / "examples" / "own_prior.py")
CART = Space.of(["cart_position", "pole_cos", "pole_sin", "cart_velocity", "pole_velocity"])
MOTOR = Space.of(["motor"], [-1.0], [1.0])


def linear(observation, action, error=1.0):
    a, b = torch.from_numpy(A).to(observation), torch.from_numpy(error * B).to(observation)
    return observation @ a.T + action @ b.T


def prior(error=1.0, name="linear"):
    made = FunctionPrior(
        lambda seen, acted: linear(seen, acted, error), "prior", OBSERVATION, ACTION
    )
    made.name = name
    return made


def learner(given=None, settings=SMALL, count=200, updates=40):
    made = DynamicsLearner(OBSERVATION, ACTION, settings, 0, given)
    for transition in drive(count):
        made.append(Transition(*transition))
    for _ in range(updates):
        made.update()
    return made


def error_of(made):
    return made.holdout.open_loop_error(made.model, torch.ones(2))


@pytest.mark.parametrize("kind", ["ensemble", "gaussian_process"])
def test_what_a_good_prior_knows_is_known_from_the_first_updates_on(kind):
    if kind == "gaussian_process":
        pytest.importorskip("gpytorch")
    found = find_kind(kind)
    settings = trainer_settings(found)(model=found.settings(members=2), optimizer=SMALL.optimizer)

    def learned(given):
        made = make_learner(kind, OBSERVATION, ACTION, settings, 0, given)
        for transition in drive(120):
            made.append(Transition(*transition))
        made.update()
        return made.judge().holdout_error

    assert learned(prior()) < 0.01
    assert learned(prior(0.7)) < 0.5 * learned(None) or kind == "gaussian_process"


def test_what_a_wrong_prior_leaves_is_learned():
    untrained, made = learner(prior(0.5), updates=1), learner(prior(0.5), updates=300)
    assert error_of(made) < 0.2 * error_of(untrained)
    plain = learner(None, updates=300)
    assert error_of(made) < error_of(plain)


def test_a_prior_is_asked_once_for_each_row_unless_the_delay_changes():
    asked = []

    def counted(observations, actions):
        asked.append(len(observations))
        return np.zeros_like(observations)

    made = learner(ArrayPrior(counted), replace(SMALL, model=with_model(delay=-1).model), updates=5)
    rows = np.arange(len(made.replay))
    first = made.batch(rows).foreseen
    assert sum(asked) == len(rows)
    assert torch.equal(made.batch(rows).foreseen, first)
    assert sum(asked) == len(rows)
    made.model.delay += 1
    made.batch(rows)
    assert sum(asked) == 2 * len(rows)


def test_rows_tell_what_the_prior_says_of_the_action_in_effect():
    made = learner(prior(), replace(SMALL, model=with_model(delay=2).model))
    b = made.batch(np.arange(50))
    torch.testing.assert_close(b.foreseen, linear(b.state, b.action))
    torch.testing.assert_close(made.model.base(b.state, b.action, b.foreseen), b.foreseen)
    torch.testing.assert_close(made.model.base(b.state, b.action), b.foreseen)


def test_the_shortest_way_of_an_angle_counts():
    turning = replace(OBSERVATION, angles=["position"])
    given = FunctionPrior(lambda seen, _: seen + 2 * torch.pi + 0.25, "prior", turning, ACTION)
    model = DynamicsModel(turning, ACTION, EnsembleSettings(), prior=given)
    seen = torch.tensor([[3.0, 1.0]])
    expected = torch.tensor([[3.25, 1.25 + 2 * torch.pi]])
    torch.testing.assert_close(model.base(seen, torch.zeros(1, 1)), expected)


def test_where_the_prior_knows_nothing_nothing_is_expected_to_move():
    def partly(observations, actions):
        after = observations + 1.0
        after[observations[:, 0] > 0] = np.nan
        return after

    model = DynamicsModel(OBSERVATION, ACTION, EnsembleSettings(), prior=ArrayPrior(partly))
    seen = torch.tensor([[-1.0, 0.0], [1.0, 0.0]])
    expected = torch.tensor([[0.0, 1.0], [1.0, 0.0]])
    torch.testing.assert_close(model.base(seen, torch.zeros(2, 1)), expected)


def test_far_from_zero_the_prior_is_told_where():
    given = prior()
    model = DynamicsModel(OBSERVATION, ACTION, EnsembleSettings(), prior=given)
    model.origin.copy_(torch.tensor([1e6, 0.0]))
    seen, acted = torch.tensor([[0.5, 2.0]]), torch.tensor([[0.3]])
    expected = linear(seen.double() + model.origin, acted.double()) - model.origin
    torch.testing.assert_close(model.base(seen, acted), expected.float())


def test_a_prior_leads_beyond_the_data_and_what_is_learned_beside_it_stays_small():
    """Without a prior, predictions end at twice the range of the data."""
    seen, acted = torch.rand(100, 2), torch.zeros(100, 1)
    far, push = torch.full((3, 1, 2), 50.0), torch.zeros(3, 1, 1)
    for given, free in ((prior(), True), (None, False)):
        model = DynamicsModel(OBSERVATION, ACTION, EnsembleSettings(members=3), prior=given)
        after = linear(seen, acted) + 0.01 * torch.randn(100, 2)
        model.normalize_from(seen, acted, after, first=True)
        with torch.no_grad():
            model.network.biases[-1] += 1e6  # a network may promise anything where it never was
            expected, _ = model.predict(far, push)
            rolled = EnsembleModel(model).imagine((far,), push[:1]).observations[:, :, 1]
        torch.testing.assert_close(rolled, expected)
        if free:
            torch.testing.assert_close(expected, linear(far, push), atol=0.1, rtol=0.0)
        else:
            assert (expected < 3.0).all()


def test_a_model_comes_back_with_the_same_prior_only(tmp_path):
    made = learner(prior()).model
    update = pack(made)
    back = unpack(update, prior=prior())
    states, actions = torch.randn(3, 9, 2), torch.rand(3, 9, 1)
    with torch.no_grad():
        assert torch.equal(back.predict(states, actions)[0], made.predict(states, actions)[0])
    with pytest.raises(ValueError, match=r"prior: expected none, as prior\.\* says, got linear"):
        unpack(update)
    with pytest.raises(ValueError, match=r"prior: expected other, .*got linear"):
        unpack(update, prior=prior(name="other"))
    plain = pack(random_model())
    assert "prior" not in json.loads(plain.settings)
    with pytest.raises(ValueError, match=r"prior: expected linear, .*got a model without one"):
        unpack(plain, prior=prior())
    with pytest.raises(ValueError, match="prior: expected linear"):
        learner(prior()).restore(plain)


def test_copies_share_the_prior_and_a_correction_counts_from_it():
    model = EnsembleModel(learner(prior()).model.eval().requires_grad_(False))
    corrected, correction = model.correct(0.3, 50, [])
    assert corrected.dynamics.prior is model.dynamics.prior
    belief = model.observe(None, torch.zeros(1), torch.tensor([1.0, 0.0]), True)
    from mbrl_ros.models.world_model import Step

    after = torch.from_numpy(A @ [1.0, 0.0] + B[:, 0]).float()
    correction.observe(Step(belief, torch.ones(1), after))
    assert correction.size < 0.5  # nothing that the prior does not know has happened


def test_what_was_learned_is_published_if_it_is_better_than_the_prior_alone():
    made = learner(prior(0.5), updates=300)
    decision = made.judge()
    assert decision.update is not None
    assert "(the prior's: " in decision.reason
    with torch.no_grad():
        made.model.network.biases[-1] += 0.5
    held = made.judge()
    assert held.update is None
    assert held.reason.startswith("held back: hold-out error ")
    alone = made.model.prior_alone()
    states, actions = torch.randn(3, 9, 2), torch.rand(3, 9, 1)
    torch.testing.assert_close(alone.predict(states, actions)[0], linear(states, actions, 0.5))


def test_derivatives_pass_through_formulas_only():
    assert prior().differentiable
    seen = FunctionPrior(
        lambda o, a: torch.from_numpy(o.numpy().copy()), "prior", OBSERVATION, ACTION
    )
    assert not seen.differentiable
    made = DynamicsModel(OBSERVATION, ACTION, EnsembleSettings(), prior=seen)
    assert not EnsembleModel(made.requires_grad_(False)).differentiable
    several = replace(SMALL, optimizer=replace(SMALL.optimizer, steps=3))
    with pytest.raises(ValueError, match=r"optimizer\.steps: expected 1 with a prior .*, got 3"):
        DynamicsLearner(OBSERVATION, ACTION, several, 0, seen)
    assert error_of(learner(prior(0.5), several)) < 0.5


def test_a_formula_of_ones_own_is_named_by_the_configuration():
    made = make_prior(PriorSettings(model=f"{OWN}:step"), CART, MOTOR, 0.04)
    assert made.differentiable
    assert json.loads(made.name) == {"model": "own_prior.py:step"}
    hanging = torch.tensor([[0.0, -1.0, 0.0, 0.0, 0.0]])
    torch.testing.assert_close(made.step(hanging, torch.zeros(1, 1)), hanging, atol=1e-5, rtol=0.0)
    assert make_prior(PriorSettings(), CART, MOTOR, 0.04) is None


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"model": "mujuco"}, r"prior\.model: expected one of mujoco or module:attribute.*mujuco"),
        ({"mass_scale": 1.3}, r"prior\.mass_scale: needs prior\.model, which is empty"),
        ({"model": f"{OWN}:step", "mass_scale": 1.3}, r"prior\.mass_scale: is not for"),
        ({"model": f"{OWN}:PERIOD"}, "expected a function, it is a float"),
        ({"model": f"{OWN}:nothing"}, "prior.model '.*has no attribute 'nothing'"),
        ({"model": "mujoco"}, r"prior\.environment: expected a Gymnasium id or an MJCF file"),
        ({"model": "torch:zeros_like"}, "prior.model 'torch:zeros_like': .*positional arg"),
    ],
)  # fmt: skip
def test_settings_that_do_not_fit_are_named(settings, message):
    with pytest.raises(ValueError, match=message):
        make_prior(PriorSettings(**settings), CART, MOTOR, 0.04)


def test_a_function_that_answers_another_shape_is_named():
    with pytest.raises(ExtensionError, match=r"mine: expected next observations of shape .* got"):
        FunctionPrior(lambda seen, acted: acted, "mine", OBSERVATION, ACTION)


def test_kinds_that_learn_nothing_beside_a_prior_refuse_one():
    for kind in ("tabular", "rssm"):
        with pytest.raises(ValueError, match=r"prior\.model: this learner learns nothing beside"):
            make_learner(kind, OBSERVATION, ACTION, None, 0, prior())
    with pytest.raises(ValueError, match=r"model\.absolute: with prior\.model"):
        DynamicsLearner(OBSERVATION, ACTION, with_model(absolute=["position"]), 0, prior())
