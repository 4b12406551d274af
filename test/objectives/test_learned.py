from dataclasses import replace

import pytest
import torch

from mbrl_ros.core.spaces import Space
from mbrl_ros.models.imagined import Imagined
from mbrl_ros.models.world_model import UnlearnedError
from mbrl_ros.objectives.objective import Objective

OBSERVATION = Space.of(["x", "v"])
ACTION = Space.of(["u"], [-1.0], [1.0])


class RewardModel:
    """Known ones: what is paid is the way of x plus the action; beyond x = 1 the task ends."""

    def __init__(self, has_reward=True, has_termination=True):
        self.has_reward, self.has_termination = has_reward, has_termination

    def reward(self, before, action, after, own=False):
        return after[..., 0] - before[..., 0] + action[..., 0]

    def termination(self, before, action, after, own=False):
        return (after[..., 0] > 1.0).float() * 0.75


def objective(reward_model, **terms):
    values = {"terms": list(terms)}
    for name, kind in terms.items():
        values[f"{name}.type"] = kind
    made = Objective.from_parameters(values, OBSERVATION, ACTION)
    return made.at(0, None, reward_model)


def test_a_learned_reward_is_a_term():
    observations = torch.tensor([[0.5, 0.0], [0.7, 0.0], [0.6, 0.0]])
    actions = torch.tensor([[0.1], [0.2], [0.3]])
    start = torch.tensor([[0.1, 0.0]])
    judge = objective(RewardModel(), paid="learned_reward")
    found = judge.rewards(observations, actions, start)
    torch.testing.assert_close(found, torch.tensor([0.4 + 0.1, 0.2 + 0.2, -0.1 + 0.3]))
    # Trajectories of several members, with actions that they share.
    trajectories = torch.cat([start, observations])[None, None].expand(5, 2, 4, 2)
    returns = judge.score(Imagined(actions.expand(2, 3, 1), trajectories))
    torch.testing.assert_close(returns, found.sum().expand(2))


def test_after_a_likely_end_little_is_paid():
    observations = torch.tensor([[0.5, 0.0], [1.5, 0.0], [0.6, 0.0]])
    judge = objective(RewardModel(), on="learned_survival", paid="learned_reward")
    found = judge.term_rewards(observations, torch.zeros(3, 1), observations[:1])
    torch.testing.assert_close(found["on"], torch.tensor([1.0, 0.25, 0.25]))
    torch.testing.assert_close(found["paid"], torch.tensor([0.0, 1.0, -0.9 * 0.25]))


def test_curiosity_pays_for_what_the_members_disagree_on_as_long_as_it_is_survived():
    trajectories = torch.zeros(2, 1, 4, 2)
    # Apart by two deviations of the data in one of two dimensions, then by none, then by six.
    trajectories[:, 0, 1:, 1] = torch.tensor([[4.0, 0.0, 12.0], [0.0, 0.0, 0.0]]) / 2**0.5
    trajectories[:, 0, 2:, 0] = 1.5
    imagined = Imagined(torch.zeros(1, 3, 1), trajectories, scale=torch.tensor([1.0, 1.0]))
    doubt = torch.tensor([2 / 3, 0.0, 6 / 7]) / 2
    torch.testing.assert_close(imagined.doubt(), doubt[None] * torch.tensor([[1.0, 1.0, 1.0]]))
    judge = objective(RewardModel(), paid="learned_reward", on="learned_survival")
    plain = judge.score(imagined)
    alive = torch.tensor([1.0, 1.0, 0.25])
    curious = judge.more_curious(3.0)
    torch.testing.assert_close(curious.score(imagined), plain + 3.0 * (doubt * alive).sum())
    assert curious.digest == judge.digest
    # A model that does not tell its scale, and one without another member, know no doubt.
    for others in (replace(imagined, scale=None), replace(imagined, observations=None)):
        assert others.doubt() is None
    alone = replace(imagined, observations=trajectories[:1])
    torch.testing.assert_close(curious.score(alone), judge.score(alone))


def test_until_an_end_was_seen_none_is_expected():
    observations = torch.full((3, 2), 5.0)
    judge = objective(RewardModel(has_termination=False), on="learned_survival")
    found = judge.rewards(observations, torch.zeros(3, 1))
    torch.testing.assert_close(found, torch.ones(3))


@pytest.mark.parametrize("kind", ["learned_reward", "learned_survival"])
def test_what_no_model_has_learned_is_refused_with_what_to_do(kind):
    with pytest.raises(UnlearnedError, match=f"{kind}.*model.reward_model"):
        objective(None, term=kind).rewards(torch.zeros(3, 2), torch.zeros(3, 1))
    if kind == "learned_reward":
        judge = objective(RewardModel(has_reward=False), term=kind)
        with pytest.raises(UnlearnedError, match="a plant with a reward"):
            judge.rewards(torch.zeros(3, 2), torch.zeros(3, 1))


def test_the_digest_is_that_of_the_objective_whatever_was_learned():
    assert (
        objective(None, a="learned_reward").digest
        == objective(RewardModel(), a="learned_reward").digest
    )


def test_what_the_model_itself_imagines_of_a_step_comes_first():
    judge = objective(RewardModel(), on="learned_survival", paid="learned_reward")
    actions, rewards = torch.zeros(2, 3, 1), torch.rand(5, 2, 3)
    continues = torch.tensor([1.0, 0.5, 1.0]).expand(5, 2, 3)
    known = Imagined(actions, torch.randn(5, 2, 4, 2), rewards=rewards, continues=continues)
    # An end counts for what is paid after it.
    paid = torch.tensor([1.0, 1.0, 0.5])
    expected = ((rewards + continues) * paid).sum(dim=-1).mean(dim=0)
    torch.testing.assert_close(judge.score(known), expected)
    # Nobody needs named dimensions then, nor heads beside the model.
    unnamed = Imagined(actions, None, rewards=rewards, continues=continues)
    torch.testing.assert_close(judge.at(0).score(unnamed), expected)


def test_without_named_dimensions_a_term_that_asks_for_one_is_refused():
    unnamed = Imagined(torch.zeros(2, 3, 1), None, rewards=torch.zeros(5, 2, 3))
    named = Objective.from_parameters({"terms": ["x"], "x.of": ["x"]}, OBSERVATION, ACTION)
    with pytest.raises(UnlearnedError, match="'x': the model predicts no named dimensions"):
        named.score(unnamed)
    survival = objective(RewardModel(), on="learned_survival")
    with pytest.raises(UnlearnedError, match="the model predicts no named dimensions"):
        survival.score(unnamed)


def test_what_may_still_be_gained_is_added_for_each_member():
    features = torch.randn(5, 2, 4, 3)
    imagined = Imagined(torch.zeros(2, 3, 1), None, features, rewards=torch.rand(5, 2, 3))
    judge = objective(None, paid="learned_reward")
    seen = []

    def value(last):
        seen.append(last)
        return last[..., 0]

    found = judge.score(imagined, value)
    torch.testing.assert_close(seen[0], features[:, :, -1])
    expected = (imagined.rewards.sum(dim=-1) + features[:, :, -1, 0]).mean(dim=0)
    torch.testing.assert_close(found, expected)


def test_what_may_still_be_gained_is_gained_only_where_the_task_goes_on():
    observations = torch.tensor([[0.5, 0.0], [1.5, 0.0]])[None, None]
    judge = objective(RewardModel(), on="learned_survival")
    imagined = Imagined(torch.zeros(1, 1, 1), observations, observations)
    found = judge.score(imagined, lambda last: torch.full(last.shape[:-1], 8.0))
    torch.testing.assert_close(found, torch.tensor([0.25 + 0.25 * 8.0]))


def test_single_steps_are_judged_each_for_itself():
    starts, ends = torch.tensor([[0.5], [1.2]]), torch.tensor([[0.7], [1.3]])
    seen = torch.stack([starts, ends], dim=1)
    observations = torch.cat([seen, torch.zeros(2, 2, 1)], dim=-1)[None]
    actions = torch.tensor([[[0.1]], [[0.3]]])
    judge = objective(RewardModel(), on="learned_survival", paid="learned_reward")
    reward, goes_on = judge.steps(Imagined(actions, observations))
    torch.testing.assert_close(goes_on, torch.tensor([[1.0, 0.25]]))
    torch.testing.assert_close(reward, torch.tensor([[1.0 + 0.3, 0.25 + 0.4]]))
    # What was paid really is known without a model.
    told = Imagined(
        actions, observations, rewards=torch.tensor([[[5.0], [6.0]]]), continues=torch.ones(1, 2, 1)
    )
    reward, goes_on = objective(None, on="learned_survival", paid="learned_reward").steps(told)
    torch.testing.assert_close(reward, torch.tensor([[6.0, 7.0]]))
    assert goes_on.tolist() == [[1.0, 1.0]]
