"""A policy and a value learned in imagination."""

import json
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
from mbrl_ros.core.spaces import Space
from mbrl_ros.learning.checked import make_learner
from mbrl_ros.learning.rssm.behaviour import BehaviourTrainer, lambda_returns
from mbrl_ros.learning.rssm.settings import RssmPolicySettings
from mbrl_ros.learning.settings import trainer_settings
from mbrl_ros.models.rssm.behaviour import BehaviourPolicy, BehaviourValue
from mbrl_ros.models.rssm.network import Rssm
from mbrl_ros.models.rssm.settings import RssmSettings
from mbrl_ros.models.update import CheckpointError
from mbrl_ros.objectives.objective import Objective
from mbrl_ros.planning.problem import Problem
from mbrl_ros.planning.settings import PlannerSettings


def objective(name, target):
    terms = {"terms": ["t"], "t.of": [name], "t.type": "quadratic", "t.target": target}
    return Objective.from_parameters(terms, OBSERVATION, ACTION)


def test_returns_mix_short_and_long_ones():
    rewards, on = torch.tensor([[1.0], [2.0], [3.0]]), torch.tensor([[1.0], [0.5], [1.0]])
    values = torch.tensor([[9.0], [10.0], [20.0], [40.0]])
    short = lambda_returns(rewards, on, values, 0.9, 0.0)[:, 0].tolist()
    assert short == pytest.approx([1 + 0.9 * 10, 2 + 0.45 * 20, 3 + 0.9 * 40])
    long = lambda_returns(rewards, on, values, 0.9, 1.0)[:, 0].tolist()
    assert long == pytest.approx([1 + 0.9 * (2 + 0.45 * 39), 2 + 0.45 * 39, 39.0])


def test_the_actor_finds_what_pays_and_the_critic_how_much():
    network = Rssm(OBSERVATION, ACTION, RssmSettings())
    network.initialize(torch.Generator().manual_seed(0))
    learned = network.behaviour()
    settings = RssmPolicySettings(
        learn=True, learning_rate=3e-3, imagined_steps=4, discount=0.5, target_rate=0.1
    )
    trainer = BehaviourTrainer(learned, settings, 0)
    h, z = torch.zeros(16, network.deter), torch.zeros(16, network.features - network.deter)
    wanted = objective("force", 0.6)
    for _ in range(120):
        trainer.update(network, h, z, torch.zeros(16, 2), wanted)
    features = torch.cat([h, z], dim=-1)[:1]
    policy, value = BehaviourPolicy(learned), BehaviourValue(learned)
    assert policy(features).item() == pytest.approx(0.6, abs=0.1)
    # The noise that is left costs its variance, at half the weight each step later.
    spread = learned.distribution(features)[1].item()
    cost = value(features).item()
    assert cost == pytest.approx(-2 * spread**2, abs=0.1)
    drawn = torch.stack(
        [policy.sample(features, torch.Generator().manual_seed(i)) for i in range(50)]
    )
    assert drawn.min() >= -1.0
    assert drawn.max() <= 1.0
    assert drawn.std() > 0.02


def taught(count=220, **values):
    some = {
        "policy.learn": True, "policy.imagined_steps": 3, "policy.batch_size": 16,
        "model.sequence": 8, "optimizer.batch_size": 32, "optimizer.updates_per_transition": 0.2,
        "gate.first_error": 99.0, "gate.segment": 10,
    }  # fmt: skip
    settings = build(trainer_settings(find_kind("rssm")), {**some, **values})
    learner = make_learner("rssm", OBSERVATION, ACTION, settings, 0)
    learner.pursue(objective("position", 0.0))
    for transition in drive(count):
        learner.append(Transition(*transition))
        while learner.owed_updates >= 1:
            learner.update()
    return learner


def weights(learner):
    policy = learner.dreamer.learned.state_dict()
    return {**learner.network.state_dict(), **{f"policy.{n}": t for n, t in policy.items()}}


def test_policy_and_value_travel_with_the_model_and_are_of_one_objective():
    learner = taught()
    update = learner.judge().update
    model = find_kind("rssm").make_world_model(update)
    now = objective("position", 0.0)
    assert model.policy.objective == model.value.objective == now.digest
    belief = model.observe(None, torch.zeros(1), torch.zeros(2), True)
    few = build(PlannerSettings, {"horizon": 4, "candidates": 8, "elites": 2, "iterations": 1})
    for name in ("policy", "planner+policy"):
        agent = make_agent(name, ACTION, few, 0)
        agent.check(model)
        result = agent.act(Problem(belief, model, now, torch.empty(0, 1)))
        assert result.actions.abs().max() <= 1.0
        assert math.isfinite(result.expected_return)
    # Another objective: its updates are owed, and until then the policy is the old one's.
    owed = learner.owed_updates
    learner.pursue(objective("position", 1.0))
    assert learner.owed_updates == owed + learner.updates
    learner.update()
    assert learner.dreamer.learned.objective == now.digest
    while learner.owed_updates >= 1:
        learner.update()
    assert learner.dreamer.learned.objective == objective("position", 1.0).digest


def test_what_was_learned_goes_on_after_a_restart_and_damage_is_refused():
    learner = taught()
    update, state = learner.judge().update, learner.state()
    again = taught(0)
    again.restore(update, state)
    assert all(torch.equal(value, state[name]) for name, value in again.state().items())
    for name in (
        "policy.updates", "policy.range", "policy.slow.last.weight", "extra_updates",
        "updates", "optimizer.0.exp_avg", "policy.critic.0.exp_avg",
    ):  # fmt: skip
        other = taught(0)
        before = {n: t.clone() for n, t in weights(other).items()}
        with pytest.raises(ValueError, match=f"learner's state: '{name}'"):
            other.restore(update, {**state, name: torch.tensor([-1.0, 2.0, 3.0])})
        assert other.state()["policy.updates"] == other.updates == 0
        assert all(torch.equal(t, before[n]) for n, t in weights(other).items())
    with pytest.raises(ValueError, match=r"'policy\.updates': expected a count"):
        taught(0).restore(update, {**state, "policy.updates": torch.tensor(-1)})
    told = json.loads(update.settings)
    del told["objective"]
    for damaged in (
        replace(update, settings=json.dumps(told)),
        replace(update, parts={**update.parts, "behaviour": update.parts["model"]}),
    ):
        with pytest.raises(CheckpointError, match="behaviour"):
            find_kind("rssm").make_world_model(damaged)


def test_choices_are_refused_by_name():
    push = Space.of(["force"], [-1.0], [1.0], discrete=["force"])
    settings = build(trainer_settings(find_kind("rssm")), {"policy.learn": True})
    with pytest.raises(ValueError, match=r"policy\.learn: learner rssm learns policies of contin"):
        make_learner("rssm", OBSERVATION, push, settings, 0)
