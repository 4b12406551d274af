from dataclasses import replace

import pytest
import torch
from exact import A, B, Recorded, loop, problem, quadratic, start
from torch import nn

from mbrl_ros.planning.problem import NoPlanError
from mbrl_ros.planning.proposals import inverse_model

PUSH = torch.tensor([0.3, -0.2])


class ExactInverse(nn.Module):
    """The force is what the velocity has changed by."""

    def action(self, before, after):
        return (after[..., 1:] - before[..., 1:]) / 0.1


@pytest.fixture
def model():
    exact = Recorded()
    exact.inverses = ExactInverse()
    return exact


def planned(model, pushed):
    """Return what is proposed one step after a plan, with the problem and the rest of the plan."""
    objective = quadratic(1.0)
    planning = loop(1.0, horizon=12, proposals=["test_proposals:remember"])
    plan = planning.plan(problem(model, objective, start(1.0)))
    arrived = (
        torch.from_numpy(A).float() @ start(1.0) + torch.from_numpy(B).float() @ (plan.actions[0])
    )
    planning.plan(problem(model, objective, arrived + pushed))
    return ASKED[-1]


ASKED = []


def remember(question, plan):
    ASKED.append((question, plan.clone()))
    return plan[None]


def test_where_the_plant_is_as_expected_the_plan_itself_is_proposed(model):
    question, plan = planned(model, torch.zeros(2))
    torch.testing.assert_close(
        question.expected[0], question.belief.state[0, 0], atol=1e-5, rtol=1e-4
    )
    torch.testing.assert_close(inverse_model(question, plan)[0], plan, atol=1e-4, rtol=1e-3)


def test_a_plant_that_was_pushed_is_led_back_to_where_the_plan_was_going(model):
    question, plan = planned(model, PUSH)
    proposed = inverse_model(question, plan)
    assert proposed.shape == (1, 12, 1)
    assert proposed.abs().max() <= 1.0
    led = question.model.imagine(question.belief, torch.cat([proposed, plan[None]])).observations[0]
    off = (led - question.expected)[:, :, 1].abs()
    # The speed is as planned again; with the plan's own actions it stays wrong.
    assert off[0, 3:].max() < 1e-4
    assert off[1, 3:].min() > 0.19


def test_members_that_start_from_states_of_their_own_are_led_together():
    members = Recorded(members=3)
    members.inverses = ExactInverse()
    question, plan = planned(members, PUSH)
    own = replace(
        question, belief=question.belief._replace(state=question.belief.state.expand(3, 1, 2))
    )
    torch.testing.assert_close(inverse_model(own, plan), inverse_model(question, plan))


def test_without_a_last_plan_nothing_is_proposed(model):
    first = loop(1.0, horizon=12, proposals=["test_proposals:remember"])
    first.plan(problem(model, quadratic(1.0), start(1.0)))
    question, plan = ASKED[-1]
    assert inverse_model(question, plan).shape == (0, 12, 1)


def test_without_an_inverse_model_there_is_no_plan():
    planning = loop(1.0, horizon=12, proposals=["inverse_model"])
    with pytest.raises(
        NoPlanError, match=r"inverse_model: the model has learned none; set model\."
    ):
        planning.plan(problem(Recorded(), quadratic(1.0), start(1.0)))
