"""A policy that is learned beside the dynamics, for an objective that may change."""

from dataclasses import replace

import pytest
import torch
from support.linear import OBSERVATION
from support.systems import ACTION, SMALL, drive

from mbrl_ros.core.records import Transition
from mbrl_ros.learning.one_step import make_one_step_learner
from mbrl_ros.learning.policy.learner import PolicyLearner
from mbrl_ros.learning.policy.settings import PolicySettings
from mbrl_ros.learning.settings import GateSettings
from mbrl_ros.models.mirror import Mirror
from mbrl_ros.models.packing import make_world_model
from mbrl_ros.objectives.objective import Objective

GATE = GateSettings(first_transitions=100, interval=50, first_error=10.0, good_error=10.0)
POLICY = PolicySettings(
    learn=True,
    hidden=[32],
    batch_size=32,
    updates_per_transition=0.5,
    learning_rate=3e-3,
    discount=0.9,
)


def objective(target=0.0):
    terms = {
        "terms": ["near"],
        "near.of": ["position"],
        "near.type": "quadratic",
        "near.target": target,
    }
    return Objective.from_parameters(terms, OBSERVATION, ACTION)


def make(**policy) -> PolicyLearner:
    settings = replace(SMALL, gate=GATE, policy=replace(POLICY, **policy))
    settings = replace(settings, optimizer=replace(SMALL.optimizer, updates_per_transition=0.5))
    return make_one_step_learner(OBSERVATION, ACTION, settings, 0)


def teach(learner, count=200, seed=0, **driven):
    newest = None
    for transition in drive(count, seed, **driven):
        learner.append(Transition(*transition))
        while learner.owed_updates >= 1:
            learner.update()
        if learner.is_due:
            newest = learner.judge()
    return newest


def test_without_an_objective_nothing_is_said_to_be_for_one():
    learner = make()
    decision = teach(learner)
    model = make_world_model(decision.update)
    assert model.policy.objective == "none"
    assert learner.policy.updates == 0
    assert learner.updates == 100


@pytest.mark.parametrize("real_share", [0.0, 0.5, 1.0])
def test_it_makes_the_updates_that_it_owes(real_share):
    learner = make(real_share=real_share)
    learner.pursue(objective())
    decision = teach(learner)
    assert learner.policy.updates == 100
    assert learner.updates == 200
    assert "policy after 100 updates" in decision.reason
    assert make_world_model(decision.update).policy.objective == objective().digest
    assert learner.kept_back > 0


def test_imagined_trajectories_grow_with_the_data():
    learner, found = make(imagined_steps=5, imagined_growth=200, real_share=0.5), []
    learner.pursue(objective())
    for _ in range(5):
        found.append(learner.imagined_steps)
        teach(learner, 50)
    assert found == [1, 2, 3, 4, 5]
    teach(learner, 100)
    assert learner.imagined_steps == 5
    assert make(imagined_steps=5).imagined_steps == 5


def test_another_objective_is_learned_from_what_was_seen_and_told_once_it_is_caught_up():
    learner = make()
    learner.pursue(objective())
    teach(learner, 300)
    learner.pursue(objective(1.0))
    assert learner.owed_updates == pytest.approx(150, abs=1)
    assert make_world_model(learner.judge().update).policy.objective == objective().digest
    for _ in range(149):
        learner.update()
    assert learner.policy.learned.objective == objective().digest
    while learner.owed_updates >= 1:
        learner.update()
    assert make_world_model(learner.judge().update).policy.objective == objective(1.0).digest
    # The same again is no change.
    learner.pursue(objective(1.0))
    assert learner.owed_updates < 1


def test_a_model_that_is_held_back_does_not_hold_back_the_policy():
    learner = make()
    learner.pursue(objective())
    first = teach(learner)
    learner.dynamics.settings = replace(
        learner.dynamics.settings, gate=replace(GATE, good_error=0.0, factor=1.0)
    )
    with torch.no_grad():
        learner.dynamics.model.network.weights[0].mul_(30.0)
    decision = learner.judge()
    assert "held back" in decision.reason
    assert decision.update.parts["model"] == first.update.parts["model"]


def test_it_goes_on_from_what_was_published():
    learner = make()
    learner.pursue(objective())
    teach(learner)
    update = learner.judge().update
    again = make()
    again.restore(update, learner.state())
    assert again.policy.updates == learner.policy.updates == 100
    for name, tensor in learner.policy.learned.state_dict().items():
        assert torch.equal(again.policy.learned.state_dict()[name], tensor)
    assert again.policy.learned.objective == objective().digest
    other = make(hidden=[16])
    with pytest.raises(ValueError, match="policy has other settings"):
        other.restore(update, None)
    # What of the policy does not fit leaves the dynamics as they were, too.
    state, other = learner.state(), make()
    before = {n: t.clone() for n, t in other.dynamics.model.state_dict().items()}
    for name in ("policy.updates", "policy.log_temperature", "policy.critics.0.exp_avg"):
        with pytest.raises(ValueError, match=f"'{name}': expected"):
            other.restore(update, {**state, name: torch.tensor([-1.0, 2.0])})
    assert other.updates == 0
    assert all(torch.equal(t, before[n]) for n, t in other.dynamics.model.state_dict().items())


def test_after_a_restart_another_objective_is_learned_for_before_it_is_told():
    learner = make()
    learner.pursue(objective())
    teach(learner)
    learner.pursue(objective(1.0))
    while learner.owed_updates >= 1:
        learner.update()
    learner.pursue(objective(2.0))
    update, state = learner.judge().update, learner.state()
    again = make()
    again.restore(update, state)
    for transition in drive(200):
        again.append(Transition(*transition))
    again.dynamics.update()
    owed = again.owed_updates
    again.pursue(objective(2.0))
    again.update()
    assert again.policy.learned.objective == objective(1.0).digest
    # What the changes before added is owed by it, too.
    assert again.owed_updates > owed + 90
    assert learner.state()["policy.extra_updates"] == 200
    with pytest.raises(ValueError, match=r"'policy\.extra_updates': expected a count"):
        make().restore(update, {**state, "policy.extra_updates": torch.tensor(-1)})


def test_rows_know_the_action_before_through_the_mirror_too():
    learner = make()
    for transition in drive(40, 0):
        learner.append(Transition(*transition))
    rows = learner.dynamics.replay.spread(30)
    known = learner.dynamics.batch(rows)
    follows = (known.state[1:] == known.next_observation[:-1]).all(dim=-1)
    assert follows.sum() > 15
    assert torch.equal(known.before[1:][follows], known.action[:-1][follows])
    mirror = Mirror(OBSERVATION, ACTION, 1, [*OBSERVATION.names, *ACTION.names])
    seen = mirror.every_other(known)
    assert torch.equal(seen.before[1::2], -known.before[1::2])
    assert torch.equal(seen.before[::2], known.before[::2])


def test_while_it_imitates_no_policy_is_published():
    learner = make(imitated=150, real_share=0.0)
    learner.pursue(objective())
    assert "actor_critic" not in teach(learner, 140).update.parts
    assert learner.policy.updates == 70
    assert "actor_critic" in teach(learner, 60).update.parts


def test_a_policy_that_the_members_vote_against_is_not_published():
    learner = make(votes=0.7)
    learner.pursue(objective())
    elected = teach(learner, 100)  # the first one
    assert "members" not in elected.reason
    # Away from where it should be, wherever it is.
    with torch.no_grad():
        learner.policy.learned.actor.biases[-1][..., 0] += 100.0
    decision = learner.judge()
    assert "held back: 0% of the members are for it" in decision.reason
    assert decision.update.parts["actor_critic"] == elected.update.parts["actor_critic"]
    # One of another objective is not compared.
    learner.pursue(objective(1.0))
    while learner.owed_updates >= 1:
        learner.update()
    assert "members" not in learner.judge().reason


def test_a_policy_that_holds_no_number_is_held_back():
    learner = make()
    learner.pursue(objective())
    teach(learner)
    with torch.no_grad():
        learner.policy.learned.actor.biases[0].fill_(torch.nan)
    decision = learner.judge()
    assert decision.update is None
    assert decision.reason.startswith("held back: actor_critic weights")


def test_it_learns_which_way_to_push():
    learner = make(updates_per_transition=2.0)
    learner.pursue(objective())
    # From many starts: nobody tries out here what the policy would do.
    model = make_world_model(teach(learner, 300, episode_length=5).update)
    right, left = model.policy(torch.tensor([[-1.0, 0.0], [1.0, 0.0]])).flatten().tolist()
    assert right > left + 0.3
    near, far = model.value(torch.tensor([[0.0, 0.0], [2.0, 0.0]])).tolist()
    assert near > far + 1.0
