"""Gaussian processes that learn."""

import math
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from support.systems import SMALL, A, B, drive, fed, trained, with_process

from mbrl_ros.control.command import CommandSource
from mbrl_ros.learning.dynamics_learner import DynamicsLearner
from mbrl_ros.models.packing import pack, unpack
from mbrl_ros.system.configuration import read_task
from mbrl_ros.system.lock_step import LockStepSystem

pytest.importorskip("gpytorch")

PROCESS = replace(
    with_process(exact=300, inducing=60), optimizer=replace(SMALL.optimizer, batch_size=64)
)


def taught(updates=60, count=200, **arguments) -> DynamicsLearner:
    learner = trained(updates, settings=PROCESS, count=count, **arguments)
    learner.judge()
    return learner


def unseen(count=200):
    rows = list(drive(count, seed=7))
    states = torch.from_numpy(np.array([row[0] for row in rows])).float()
    actions = torch.from_numpy(np.array([row[1] for row in rows])).float()
    next_observation = (
        states @ torch.from_numpy(A.T).float() + actions @ torch.from_numpy(B.T).float()
    )
    return states, actions, next_observation


@pytest.mark.parametrize("count", [150, 600], ids=["exact", "sparse"])
def test_it_learns_a_linear_system_and_knows_how_well(count):
    learner = taught(count=count)
    assert len(learner.model.network.inducing) == (len(learner.replay) if count == 150 else 60)
    states, actions, next_observation = unseen()
    with torch.no_grad():
        mean, deviation = learner.model.predict(states.expand(3, -1, -1), actions.expand(3, -1, -1))
    error = mean.mean(dim=0) - next_observation
    assert error.square().mean().sqrt() < 0.02 * (next_observation - states).square().mean().sqrt()
    variance = deviation.square().mean(dim=0) + mean.var(dim=0)
    assert (error.square() / variance).mean().sqrt() < 2.0


def test_the_marginal_likelihood_grows():
    learner = fed(PROCESS)
    for _ in range(5):
        learner.update()
    early = learner.take_loss()
    for _ in range(60):
        learner.update()
    learner.take_loss()
    for _ in range(5):
        learner.update()
    assert learner.take_loss() < early - 0.5


def test_the_same_seed_and_data_give_the_same_model():
    first, second = taught(20, seed=3), taught(20, seed=3)
    state = second.model.state_dict()
    assert all(torch.equal(t, state[n]) for n, t in first.model.state_dict().items())
    other = taught(20, seed=4).model.network.exponential_weights
    assert not torch.equal(first.model.network.exponential_weights, other)


def test_it_calls_for_fewer_updates_than_networks():
    assert 0 < fed(PROCESS).owed_updates < 0.2 * fed(SMALL).owed_updates


def test_a_restored_learner_goes_on_where_the_other_was():
    before = taught(40)
    update = before.judge().update
    published = unpack(update)
    learner = fed(PROCESS, count=150, data_seed=9)
    learner.restore(update, before.state())
    assert learner.updates == 40
    assert torch.equal(learner.model.network.log_lengthscale, before.model.network.log_lengthscale)
    states, actions, _ = unseen(9)
    states, actions = states.expand(3, -1, -1), actions.expand(3, -1, -1)
    with torch.no_grad():
        expected = published.predict(states, actions)[0]
        assert torch.equal(learner.model.predict(states, actions)[0], expected)
    learner.update()
    assert learner.judge().update is not None
    assert torch.equal(published.predict(states, actions)[0], expected)


def test_a_state_of_another_kind_is_refused():
    with pytest.raises(ValueError, match=r"learner.s state"):
        fed(PROCESS).restore(pack(taught(5).model), trained(2).state())


def test_it_is_fitted_to_single_steps_only():
    settings = replace(PROCESS, optimizer=replace(PROCESS.optimizer, steps=3))
    with pytest.raises(
        ValueError, match=r"optimizer\.steps: .*expected 1 for a gaussian_process, got 3"
    ):
        fed(settings)


def test_without_gpytorch_it_says_what_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "gpytorch", None)
    monkeypatch.delitem(sys.modules, "mbrl_ros.models.gaussian_process.training", raising=False)
    with pytest.raises(ValueError, match=r"learner 'gaussian_process' needs .*gpytorch") as refusal:
        fed(PROCESS)
    assert "\n" not in str(refusal.value)


def test_a_task_is_learned_and_planned_with_it():
    made = LockStepSystem(
        read_task(
            "pendulum_swingup",
            {
                "seed": 0,
                "learner": "gaussian_process",
                "model.members": 2,
                "optimizer.batch_size": 48,
                "gate.first_error": 10.0,
                "planner.horizon": 6,
                "planner.candidates": 12,
                "planner.iterations": 1,
            },
        )
    )
    made.run(300)
    assert made.models > 0
    assert math.isfinite(made.holdout_errors[-1][1])
    command, _, _ = made.step()
    assert command.source is CommandSource.PLANNED
