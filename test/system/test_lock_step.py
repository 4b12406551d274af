import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from mbrl_ros.control.controller import CommandSource
from mbrl_ros.core.records import Actor
from mbrl_ros.core.settings import SettingsError
from mbrl_ros.objectives.objective_manager import Way
from mbrl_ros.simulation.answers import PlantError
from mbrl_ros.simulation.plant import PlantDivergedError
from mbrl_ros.system import lock_step
from mbrl_ros.system.configuration import read_task
from mbrl_ros.system.lock_step import LockStepSystem

pytestmark = pytest.mark.process

# A short task: the pole falls after some dozens of steps, so that episodes end.
FAST = {
    "model_trainer.model.members": 2,
    "model_trainer.model.hidden": [16],
    "model_trainer.optimizer.batch_size": 32,
    "model_trainer.optimizer.updates_per_transition": 1.0,
    "model_trainer.gate.first_error": 10.0,
    "planner.horizon": 6,
    "planner.candidates": 12,
    "planner.iterations": 1,
}


def system(seed=0, **overrides):
    made = LockStepSystem(read_task("inverted_pendulum", {**FAST, "seed": seed, **overrides}))
    return made


def played(made, env_steps):
    """Return commands and observations of a run, as one long vector."""
    seen = []
    while made.simulator.env_steps < env_steps:
        command, observation, _ = made.step()
        seen.append([] if command is None else command.values)
        seen.append(observation.values)
    return np.concatenate(seen)


def weights(made):
    return torch.cat(
        [w.detach().flatten().clone() for w in made.learner.model.network.parameters()]
    )


def test_the_same_seed_lives_the_same_life_twice():
    first, second = played(system(3), 300), played(system(3), 300)
    np.testing.assert_array_equal(first, second)
    other = played(system(4), 300)
    assert first.shape != other.shape or not np.array_equal(first, other)


def test_episodes_and_returns_are_the_same_for_a_seed():
    first, second = system(1), system(1)
    first.run(400)
    second.run(400)
    assert len(first.episodes) >= 2
    assert first.episodes == second.episodes
    assert first.holdout_errors == second.holdout_errors
    assert first.evaluate(2) == second.evaluate(2)


def test_an_episode_s_return_is_what_the_environment_paid():
    made, paid, episodes = system(), 0.0, []
    while len(episodes) < 3:
        command, observation, episode = made.step()
        if command is None:
            assert observation.step == 0
            continue
        paid += observation.reward
        if episode is not None:
            assert episode.total_reward == pytest.approx(paid)
            assert episode.env_steps == made.simulator.env_steps
            episodes.append(episode.number)
            paid = 0.0
    assert episodes == [0, 1, 2]


def test_everything_that_happened_is_learned_from():
    made = system()
    steps = []
    made.run(200, on_step=steps.append)
    log = made.transitions
    assert len(log) == made.simulator.env_steps == steps[-1]
    assert made.learner.updates == len(log)
    assert {Actor(number) for number in log.columns["source"]} == {Actor.CONTROLLER}
    # Consecutive rows of an episode join; the action is the one that was applied.
    same = log.episode[1:] == log.episode[:-1]
    assert same.any()
    np.testing.assert_array_equal(log.observation[1:][same], log.next_observation[:-1][same])


def test_it_explores_until_a_model_has_passed_its_gate_then_plans():
    made = system(**{"model_trainer.gate.first_transitions": 60})
    sources = []
    while made.simulator.env_steps < 120:
        command, _, _ = made.step()
        if command is not None:
            sources.append(command.source)
    assert set(sources[:60]) == {CommandSource.EXPLORATION}
    assert set(sources[60:]) == {CommandSource.PLANNED}
    assert made.models == made.controller.models.active.version[1] > 0


def test_a_model_that_fails_its_gate_is_never_planned_with():
    made = system(**{"model_trainer.gate.first_error": 0.0})
    made.run(200)
    assert made.models == 0
    assert made.controller.models.active is None
    assert made.holdout_errors
    assert all(math.isfinite(error) for _, error in made.holdout_errors)


def test_an_infinite_reward_costs_itself_only_and_is_counted(monkeypatch):
    made, steps = system(), []
    advance = made.simulator.advance

    def advanced():
        steps.append(advance())
        return replace(steps[-1], reward=-math.inf) if len(steps) == 5 else steps[-1]

    monkeypatch.setattr(made.simulator, "advance", advanced)
    made.run(60)
    assert (made.pairer.reasons, made.pairer.unpaid) == ("", 1)
    assert len(made.transitions) == sum(after.step > 0 for after in steps)
    assert np.isnan(made.transitions.reward).sum() == 1
    assert made.learner.received == len(made.transitions)
    assert all(math.isfinite(episode.total_reward) for episode in made.episodes)


def test_evaluation_leaves_the_model_and_the_data_alone():
    made = system()
    made.run(200)
    before, models, rows = weights(made), made.models, len(made.transitions)
    version, episodes = made.controller.models.active.version, list(made.episodes)
    played = []
    returns = made.evaluate(3, on_episode=played.append)
    assert len(returns) == 3
    assert played == [1, 2, 3]
    assert all(value > 0 for value in returns)
    assert torch.equal(weights(made), before)
    assert (made.models, len(made.transitions)) == (models, rows)
    assert made.controller.models.active.version == version
    assert made.episodes == episodes


def test_an_evaluation_ends_whatever_the_plant_does(monkeypatch):
    made = system()
    plant, step, reset = made.simulator.plant, made.simulator.plant.step, made.simulator.plant.reset

    def reads_nan(action):
        plant.env_steps += 1
        raise PlantDivergedError("its observation is not finite")

    monkeypatch.setattr(plant, "step", reads_nan)
    assert np.isnan(made.evaluate(6)).all()
    assert made.unfinished == (
        "of 6 evaluation episodes, 6 diverged and have no return (its observation is not finite)"
    )
    assert "in each of the last 6 episodes" in made.simulator.unstable
    made.run(made.simulator.env_steps + 5)
    assert not made.episodes

    def never_ends(action):
        values, reward, *_, told = step(action)
        reset()
        return values, reward, False, False, told

    monkeypatch.setattr(plant, "step", never_ends)
    monkeypatch.setattr(lock_step, "LONGEST_EPISODE", 20)
    (value,) = made.evaluate(1)
    assert value == pytest.approx(20.0, abs=1.0)
    assert "1 were cut after 20 steps" in made.unfinished

    monkeypatch.setattr(plant, "step", step)
    monkeypatch.setattr(plant.environment, "reset", lambda **_: 1 / 0)
    with pytest.raises(PlantError, match=r"reset: ZeroDivisionError: .*zero \(.*:\d+\)"):
        made.evaluate(1)


def test_after_an_evaluation_learning_goes_on():
    made = system()
    made.run(150)
    made.evaluate(1)
    rows = len(made.transitions)
    made.run(made.simulator.env_steps + 50)
    assert len(made.transitions) > rows


def test_action_repeat_counts_every_step_of_the_environment():
    made = LockStepSystem(read_task("cartpole_swingup", {**FAST}))
    made.run(40)
    assert made.simulator.env_steps == 40
    assert len(made.transitions) == 10


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"period": 0.05}, "period"),
        ({"action.high": [100.0]}, "action"),
        ({"observation.names": ["pole_angle"]}, "observation.names|unknown dimension"),
        ({"mujoco_sim.environment": "NoSuchThing-v0"}, "NoSuchThing"),
        ({"objective.upright.of": ["nothing"]}, "objective.upright.of: unknown dimension"),
        ({"action.low": [-math.inf]}, "action.low: expected finite limits"),
    ],
)
def test_a_system_that_does_not_fit_together_is_refused_by_name(overrides, message):
    with pytest.raises(ValueError, match=message):
        system(**overrides)


def test_episodes_that_never_end_are_not_waited_for():
    made = system(**{"mujoco_sim.time_limit": math.inf})
    with pytest.raises(SettingsError, match="time_limit: expected a limit"):
        made.evaluate(1)
    assert made.evaluate(0) == []


def test_what_is_to_be_done_changes_between_steps():
    made = LockStepSystem(read_task("cartpole_swingup", {**FAST, "gate.first_transitions": 20}))
    made.run(400)
    made.manager.take(Way.SERVICE, made.manager.objectives.select("hang_still"))
    command, _, _ = made.step()
    assert command.source is CommandSource.PLANNED
    assert command.objective == made.manager.objective.digest


def test_with_a_prior_the_residual_is_learned_planned_with_and_gone_on_with():
    prior = {"prior.model": "mujoco", "prior.environment": "InvertedPendulum-v5"}
    wrong = {**prior, "prior.mass_scale": 1.3, "prior.time_steps": 1}
    made = system(**wrong)
    made.step()
    assert made.sources[CommandSource.PLANNED] == 1  # from the first step on, by the prior alone
    assert made.controller.models.version == (0, 1)
    played(made, 200)
    assert made.models
    assert not made.sources[CommandSource.EXPLORATION]
    plain = system()
    played(plain, 200)
    assert made.decision.holdout_error < 0.5 * plain.decision.holdout_error
    dynamics = made.controller.models.active.model.dynamics
    assert dynamics.prior.name == made.learner.model.prior.name
    for other in (plain, system(**prior)):
        with pytest.raises(ValueError, match="prior: expected"):
            other.resume(made.transitions, [], 200, 1, made.published, None)
    again = system(**wrong)
    again.resume(made.transitions, [], 200, 1, made.published, made.learner.state())
    assert again.controller.models.active is not None


def test_a_prior_alone_is_no_model_for_rewards_that_are_to_be_learned():
    told = {"prior.model": "mujoco", "prior.environment": "dm_control/cartpole-swingup-v0"}
    paid = {"objective.active": "learned", "model.reward_model": True}
    made = LockStepSystem(read_task("cartpole_swingup", {**FAST, **told, **paid, "seed": 0}))
    made.step()
    assert made.sources[CommandSource.EXPLORATION] == 1
