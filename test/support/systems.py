"""Systems whose dynamics are known exactly, to judge what is learned of them."""

from dataclasses import replace

import numpy as np
import torch

from mbrl_ros.core.extensions import load
from mbrl_ros.core.kinds import find_kind
from mbrl_ros.core.records import Transition
from mbrl_ros.core.spaces import Space
from mbrl_ros.learning.dynamics_learner import DynamicsLearner
from mbrl_ros.learning.settings import GateSettings, TrainerSettings, trainer_settings
from mbrl_ros.models.dynamics_model import DynamicsModel
from mbrl_ros.models.ensemble.settings import EnsembleSettings
from mbrl_ros.models.gaussian_process.settings import GaussianProcessSettings
from mbrl_ros.models.one_step import OneStepModel, StackedBelief
from mbrl_ros.models.settings import OptimizerSettings
from mbrl_ros.models.tabular.model import TabularModel
from mbrl_ros.models.tabular.numbering import Numbering
from mbrl_ros.models.tabular.table import Table
from support.linear import OBSERVATION

WITH_ANGLES = Space.of(["height", "yaw", "velocity", "roll"], angles=["yaw", "roll"])
ACTION = Space.of(["force"], [-1.0], [1.0])
A = np.array([[1.0, 0.1], [-0.2, 0.95]])
B = np.array([[0.0], [0.3]])

SMALL = TrainerSettings(
    model=EnsembleSettings(members=3, hidden=[32, 32]),
    optimizer=OptimizerSettings(batch_size=128, learning_rate=3e-3, updates_per_transition=1.0),
    gate=GateSettings(first_transitions=100, interval=25),
)


SIZES = {"members": 3}


def with_model(**values) -> TrainerSettings:
    return replace(SMALL, model=replace(SMALL.model, **values))


def with_process(**values) -> TrainerSettings:
    """Return settings of a learner of Gaussian processes."""
    return trainer_settings(find_kind("gaussian_process"))(
        model=GaussianProcessSettings(**{"members": SMALL.model.members, **values}),
        optimizer=SMALL.optimizer,
        gate=SMALL.gate,
    )


def with_gate(**values) -> TrainerSettings:
    return replace(SMALL, gate=replace(SMALL.gate, **values))


def step(state, action):
    return A @ state + B @ action


GRID = Space.of(
    ["position", "velocity"], [-3.0, -3.0], [3.0, 3.0], discrete=["position", "velocity"]
)
PUSH = Space.of(["force"], [-1.0], [1.0], discrete=["force"])


def grid_step(state, action, size=3):
    """A place on a line moves by the sign of its velocity, which changes by the action."""
    moved = state[0] + np.sign(state[1]), state[1] + np.rint(action[0])
    return np.clip(np.array(moved, float), -size, size)


def walk(count, seed=0, episode_length=5):
    """Yield transitions of `grid_step` as `drive` does."""
    rng = np.random.default_rng(seed)
    for row in range(count):
        episode, k = divmod(row, episode_length)
        if k == 0:
            state = rng.integers(-3, 4, size=2).astype(float)
        action = rng.integers(-1, 2, size=1).astype(float)
        after = grid_step(state, action)
        yield state, action, after, episode, k
        state = after


def grid_model(size=10) -> TabularModel:
    """Return the table of `grid_step`, with every pair visited ten times."""
    names = GRID.names
    observation = Space.of(names, [-size] * 2, [size] * 2, discrete=names)
    rows, choices = Numbering(observation, "observation"), Numbering(PUSH, "action")
    table = Table(rows.size, choices.size, 1.0)
    for row, state in enumerate(rows.values()):
        for choice, action in enumerate(choices.values()):
            after = int(rows.index(grid_step(state, action, size)))
            for _ in range(10):
                table.add(row * choices.size + choice, -abs(state[0]), after, False)
    return TabularModel(observation, PUSH, table.process(), members=3)


def at_random(rng, state):
    return rng.uniform(-1, 1, size=1)


def at_rest_again(rng, state):
    """A controller that brakes, with a little noise: nearly all it does is told by the state."""
    return np.clip(-0.8 * state[:1] - 0.9 * state[1:] + 0.1 * rng.normal(size=1), -1, 1)


def drive(count, seed=0, episode_length=50, delay=0, act=at_random):
    """Yield transitions (observation, action, next, episode, step) of the linear system.

    Args:
        count: of transitions.
        seed: of states and actions.
        episode_length: in steps.
        delay: steps by which actions act later than the transitions tell; zero before.
        act: chooses an action from a generator and a state.
    """
    rng = np.random.default_rng(seed)
    for row in range(count):
        episode, k = divmod(row, episode_length)
        if k == 0:
            state, sent = rng.normal(size=2), [np.zeros(1)] * delay
        action = act(rng, state)
        sent.append(action)
        next_observation = step(state, sent[k])
        yield state, action, next_observation, episode, k
        state = next_observation


def fed(
    settings=SMALL, count=400, seed=0, data_seed=0, observation=OBSERVATION, **driven
) -> DynamicsLearner:
    learner = DynamicsLearner(observation, ACTION, settings, seed)
    for transition in drive(count, data_seed, **driven):
        learner.append(Transition(*transition))
    return learner


def weights(learner):
    return torch.cat([w.detach().flatten() for w in learner.model.network.parameters()])


def trained(updates=400, **arguments) -> DynamicsLearner:
    learner = fed(**arguments)
    for _ in range(updates):
        learner.update()
    return learner


def random_model(observation=OBSERVATION, seed=0, **settings) -> DynamicsModel:
    """Return an ensemble with random weights whose normalisation is not the identity."""
    return _random(observation, seed, EnsembleSettings(**{**SIZES, "hidden": [16, 16], **settings}))


def random_process(observation=OBSERVATION, seed=0, **settings) -> DynamicsModel:
    """Return the same as `random_model`, but a Gaussian process, which has seen nothing yet."""
    return _random(observation, seed, GaussianProcessSettings(**{**SIZES, **settings}))


def _random(observation, seed, settings) -> DynamicsModel:
    generator = torch.Generator().manual_seed(seed)
    model = DynamicsModel(observation, ACTION, settings, generator)
    model.requires_grad_(False)
    before = 3.0 * torch.randn(200, observation.dim, generator=generator) + 1.0
    action = torch.rand(200, 1, generator=generator)
    after = before + 0.3 * torch.randn(200, observation.dim, generator=generator)
    model.normalize_from(before, action, after)
    return model.eval()


def world_model(dynamics, members=None) -> OneStepModel:
    """Return what steps dynamics, of their kind.

    Args:
        dynamics: of any kind.
        members: how many of them predict, the first ones; None: all.
    """
    return load(dynamics.settings.world_model, "learner")(dynamics, members)


def belief(model, state) -> StackedBelief:
    """Return what is known at the beginning of an episode, or in any states.

    Args:
        model: whose belief it is.
        state: an observation ``(O,)`` that an episode begins with, or states
            ``(M or 1, B or 1, S)``.
    """
    rest = torch.zeros(model.action.dim)
    if state.dim() == 1:
        return model.observe(None, rest, state, True)
    return StackedBelief(state, rest.expand(model.delay, -1))


def imagined(model, state, actions) -> torch.Tensor:
    """Return the observations that actions lead to, which the next call may overwrite.

    Args:
        model: imagines.
        state: as for `belief`.
        actions: shape ``(N, H, A)``.
    """
    return model.imagine(belief(model, state), actions).observations
