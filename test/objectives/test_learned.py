import pytest
import torch

from mbrl_ros.objectives.learned import UnlearnedError
from mbrl_ros.objectives.objective import Objective
from mbrl_ros.spaces import Space

OBSERVATION = Space.of(["x", "v"])
ACTION = Space.of(["u"], [-1.0], [1.0])


class Outcomes:
    """Known ones: what is paid is the way of x plus the action; beyond x = 1 the task ends."""

    def __init__(self, has_reward=True, has_termination=True):
        self.has_reward, self.has_termination = has_reward, has_termination

    def reward(self, before, action, after):
        return after[..., 0] - before[..., 0] + action[..., 0]

    def termination(self, before, action, after):
        return (after[..., 0] > 1.0).float() * 0.75


def objective(outcomes, **terms):
    values = {"terms": list(terms)}
    for name, kind in terms.items():
        values[f"{name}.type"] = kind
    made = Objective.from_parameters(values, OBSERVATION, ACTION)
    return made.at(0, None, outcomes)


def test_a_learned_reward_is_a_term():
    observations = torch.tensor([[0.5, 0.0], [0.7, 0.0], [0.6, 0.0]])
    actions = torch.tensor([[0.1], [0.2], [0.3]])
    start = torch.tensor([[0.1, 0.0]])
    judge = objective(Outcomes(), paid="learned_reward")
    found = judge.rewards(observations, actions, start)
    torch.testing.assert_close(found, torch.tensor([0.4 + 0.1, 0.2 + 0.2, -0.1 + 0.3]))
    # Trajectories of several members, with actions that they share.
    trajectories = torch.cat([start, observations])[None, None].expand(5, 2, 4, 2)
    returns = judge.returns(trajectories, actions.expand(2, 3, 1))
    torch.testing.assert_close(returns, found.sum().expand(2))


def test_after_a_likely_end_little_is_paid():
    observations = torch.tensor([[0.5, 0.0], [1.5, 0.0], [0.6, 0.0]])
    judge = objective(Outcomes(), on="learned_survival", paid="learned_reward")
    found = judge.term_rewards(observations, torch.zeros(3, 1), observations[:1])
    torch.testing.assert_close(found["on"], torch.tensor([1.0, 0.25, 0.25]))
    torch.testing.assert_close(found["paid"], torch.tensor([0.0, 1.0, -0.9 * 0.25]))


def test_until_an_end_was_seen_none_is_expected():
    observations = torch.full((3, 2), 5.0)
    judge = objective(Outcomes(has_termination=False), on="learned_survival")
    found = judge.rewards(observations, torch.zeros(3, 1))
    torch.testing.assert_close(found, torch.ones(3))


@pytest.mark.parametrize("kind", ["learned_reward", "learned_survival"])
def test_what_no_model_has_learned_is_refused_with_what_to_do(kind):
    with pytest.raises(UnlearnedError, match=f"{kind}.*model.outcomes"):
        objective(None, term=kind).rewards(torch.zeros(3, 2), torch.zeros(3, 1))
    if kind == "learned_reward":
        judge = objective(Outcomes(has_reward=False), term=kind)
        with pytest.raises(UnlearnedError, match="a plant that pays one"):
            judge.rewards(torch.zeros(3, 2), torch.zeros(3, 1))


def test_the_digest_is_that_of_the_objective_whatever_was_learned():
    assert (
        objective(None, a="learned_reward").digest
        == objective(Outcomes(), a="learned_reward").digest
    )
