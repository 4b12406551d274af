"""What is learned does not depend on the units and the origin of the observation."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mbrl_ros.core.records import Transition
from mbrl_ros.core.spaces import Space
from mbrl_ros.learning.dynamics_learner import DynamicsLearner
from mbrl_ros.learning.settings import TrainerSettings
from mbrl_ros.models.ensemble.settings import EnsembleSettings
from mbrl_ros.models.gaussian_process.settings import GaussianProcessSettings
from mbrl_ros.models.inverses import Inverses, InversesTrainer
from mbrl_ros.models.normalizing import take_inputs, take_targets
from mbrl_ros.models.packing import make_world_model
from mbrl_ros.models.reward_model import RewardModel, RewardModelTrainer
from mbrl_ros.models.settings import OptimizerSettings

OBSERVATION = Space.of(["x", "v", "goal"])
ACTION = Space.of(["force"], [-1.0], [1.0])
SETTINGS = TrainerSettings(
    EnsembleSettings(members=2, hidden=[16]), OptimizerSettings(updates_per_transition=1.0)
)

PROCESS = TrainerSettings(GaussianProcessSettings(members=2), OptimizerSettings())


def log(unit, origin=0.0):
    """A mass on a spring, with a goal that is another one in each episode."""
    rng = np.random.default_rng(0)
    for episode in range(8):
        seen = np.array([rng.normal(), 0.0, rng.normal()])
        for step in range(40):
            force = rng.uniform(-1, 1, 1)
            x, v, goal = seen
            after = np.array([x + 0.1 * v, v - 0.1 * x + 0.3 * force[0], goal])
            yield Transition(origin + unit * seen, force, origin + unit * after, episode, step)
            seen = after


def told(unit, origin=0.0, settings=SETTINGS):
    learner = DynamicsLearner(OBSERVATION, ACTION, settings, 0)
    for transition in log(unit, origin):
        learner.append(transition)
    return learner


def normalized(learner):
    model, rows = learner.model, learner.replay
    model.move_origin(rows.rows.observed(rows.spread(1000)))
    b = rows.rows.batch(rows.spread(1000), model.delay, model.origin)
    model.normalize_from(b.state, b.action, b.next_observation)
    return model


@pytest.fixture(scope="module")
def plain():
    learner = told(np.ones(3))
    while learner.owed_updates >= 1:
        learner.update()
    return learner, normalized(learner)


UNITS = [(1e-6,) * 3, (1e6,) * 3, (1e-6, 1.0, 1e6), (1e3, 1e-5, 1.0), (1.0, 1.0, 1e-6)]


@pytest.mark.parametrize("origin", [0.0, 1e3, -1e7])
@pytest.mark.parametrize("unit", UNITS)
def test_the_same_model_has_the_same_errors_in_other_units(plain, unit, origin):
    learner, model = plain
    others = told(np.array(unit), origin * np.array(unit))
    other = normalized(others)
    other.network.load_state_dict(model.network.state_dict())
    for before, after in (
        (learner.holdout.one_step_error(model), others.holdout.one_step_error(other)),
        (
            learner.holdout.open_loop_error(model, model.observation_std),
            others.holdout.open_loop_error(other, other.observation_std),
        ),
    ):
        assert 0.001 < before < 2.0
        assert after == pytest.approx(before, rel=0.01)
    others.holdout.calibrate(other, 8)
    learner.holdout.calibrate(model, 8)
    torch.testing.assert_close(other.open_loop_z, model.open_loop_z, rtol=0.01, atol=0.0)


def beside(unit, origin):
    """What a reward model and inverses with given weights say of the log, without units."""
    learner = told(unit, origin * unit)
    model, rows = normalized(learner), learner.replay.spread(1000)
    data = replace(
        learner.replay.rows.batch(rows, 0, model.origin),
        reward=torch.linspace(-1.0, 2.0, len(rows)),
    )
    before, after = (
        (seen.double() + model.origin if model.is_far else seen)
        for seen in (data.state, data.next_observation)
    )
    rewards = RewardModel(OBSERVATION, ACTION, 2, torch.Generator().manual_seed(0))
    inverses = Inverses(OBSERVATION, ACTION, torch.Generator().manual_seed(0))
    for head, trainer in ((rewards, RewardModelTrainer), (inverses, InversesTrainer)):
        trainer(head).normalize_from(data)
        head.origin = model.origin if model.is_far else None
    back = inverses.before(data.action, data.next_observation) - data.next_observation
    return torch.cat(
        [
            rewards.reward(before, data.action, after)[:, None],
            inverses.action(before, after),
            back / torch.from_numpy(unit).float(),
        ],
        dim=-1,
    ).detach()


@pytest.mark.parametrize("origin", [0.0, 1e3, -1e7])
@pytest.mark.parametrize("unit", UNITS)
def test_rewards_and_inverses_are_the_same_in_other_units(unit, origin):
    said = beside(np.array(unit), origin)
    torch.testing.assert_close(said, beside(np.ones(3), 0.0), rtol=1e-2, atol=1e-2)


def process(unit, origin=0.0, hyperparameters=None):
    """A Gaussian process and its one-step and open-loop error, with given hyperparameters."""
    pytest.importorskip("gpytorch")
    from mbrl_ros.models.gaussian_process.training import GaussianProcessTrainer

    learner = told(unit, origin, PROCESS)
    model = normalized(learner)
    if hyperparameters:
        with torch.no_grad():
            for name, parameter in model.network.named_parameters():
                parameter.copy_(hyperparameters[name])
    GaussianProcessTrainer(model, PROCESS.optimizer).finalize(learner.replay)
    deviation, holdout = model.observation_std, learner.holdout
    errors = holdout.one_step_error(model), holdout.open_loop_error(model, deviation)
    return dict(model.network.named_parameters()), errors


@pytest.mark.parametrize("origin", [0.0, -1e7])
@pytest.mark.parametrize("unit", UNITS)
def test_a_gaussian_process_has_the_same_errors_in_other_units(unit, origin):
    hyperparameters, before = process(np.ones(3))
    _, after = process(np.array(unit), origin * np.array(unit), hyperparameters)
    assert all(0.0 < error < 1.0 for error in before)
    assert after == pytest.approx(before, rel=0.01)


@pytest.mark.parametrize(("unit", "origin"), [(1e-6, 0.0), (1e6, 0.0), (1.0, 1e7)])
def test_in_other_units_it_is_learned_as_well(plain, unit, origin):
    learner = told(np.full(3, unit), origin)
    while learner.owed_updates >= 1:
        learner.update()
    (best, of_plain), decision = plain, learner.judge()
    error = best.holdout.open_loop_error(of_plain, of_plain.observation_std)
    assert decision.update is not None
    assert decision.holdout_error < 2.0 * error
    model = make_world_model(decision.update)
    seen = origin + torch.tensor([0.5, -0.25, 0.125], dtype=torch.float64) * unit
    belief = model.observe(None, torch.zeros(1), seen, True)
    imagined = model.imagine(belief, torch.zeros(1, 2, 1)).observations[0, 0]
    torch.testing.assert_close(imagined[0].double(), seen, rtol=1e-6, atol=1e-6 * unit)
    assert ((imagined[1].double() - seen).abs() < unit).all()
    assert (model.surprise(belief, torch.zeros(1, 1), seen).abs() < 10.0).all()


def test_an_origin_that_moves_changes_no_prediction():
    learner = told(np.ones(3), 200.0)
    model = learner.model
    b = learner.replay.rows.batch(learner.replay.spread(1000), 0)
    model.normalize_from(b.state, b.action, b.next_observation)
    state, action = b.state.expand(2, -1, -1), b.action.expand(2, -1, -1)
    before, deviation = model.predict(state, action)
    model.move_origin(learner.replay.rows.observed(learner.replay.spread(1000)))
    assert model.is_far
    after, same = model.predict(model.relative(state), action)
    torch.testing.assert_close(after + model.origin, before.double(), rtol=0.0, atol=1e-3)
    torch.testing.assert_close(same, deviation)


def test_what_never_changes_has_the_deviation_of_its_size():
    mean, std = torch.empty(3), torch.empty(3)
    still = torch.tensor([0.0, -5e-5, 3e6]).expand(50, -1)
    take_inputs(mean, std, still)
    torch.testing.assert_close(std, torch.tensor([1.0, 5e-5, 3e6]))
    take_targets(mean, std, 0 * still, torch.tensor([1.0, 5e-5, 3e6]))
    torch.testing.assert_close(std, 1e-3 * torch.tensor([1.0, 5e-5, 3e6]))
