"""What holds for every agent, on a mass that is pushed."""

import itertools
import math
import time

import numpy as np
import pytest
import torch
from scipy.linalg import solve_discrete_are
from support.heads import FixedPolicy, FixedValue
from support.linear import OBSERVATION, LinearModel, exact_model

from mbrl_ros.agents.registry import make_agent
from mbrl_ros.control.settings import ControllerSettings
from mbrl_ros.core.settings import build, specs
from mbrl_ros.core.spaces import Space
from mbrl_ros.models.ensemble.model import EnsembleModel
from mbrl_ros.models.world_model import UnlearnedError
from mbrl_ros.objectives.objective import Objective
from mbrl_ros.planning.loop import PlanResult
from mbrl_ros.planning.problem import NoPlanError, Problem
from mbrl_ros.planning.settings import PlannerSettings

AGENTS = ["planner", "policy", "planner+policy", "planner_then_policy", "random"]
PLANNING = ["planner", "planner+policy"]
WITH_POLICY = ["policy", "planner+policy"]
WITH_MODEL = [name for name in AGENTS if name != "random"]
A, B = np.array([[1.0, 0.1], [0.0, 1.0]]), np.array([[0.005], [0.1]])
HORIZON = 6
SPACES = {
    "continuous": Space.of(["force"], [-0.3], [0.7]),
    "discrete": Space.of(["force"], [-2.0], [1.0], discrete=["force"]),
}


def settings(space="continuous", **values):
    kind = "icem" if space == "continuous" else "categorical_cem"
    few = {"type": kind, "horizon": HORIZON, "candidates": 16, "elites": 4, "iterations": 2}
    return build(PlannerSettings, {**few, **values})


def agent(name, space="continuous", seed=0, clock=time.monotonic, **values):
    return make_agent(name, SPACES[space], settings(space, **values), seed, clock)


def feedback(*gain, objective=""):
    """Return a policy: a force from position and velocity, whatever the limits are."""
    gain = torch.tensor([gain], dtype=torch.float32)
    return FixedPolicy(lambda features: -features @ gain.T, objective)


NEAR = FixedValue(lambda features: -features.square().sum(dim=-1))


STRONG = (50.0, 10.0)  # beyond all limits, unless it is at rest


def problem(space="continuous", position=1.0, policy=STRONG, objective=None, limits=None):
    acted = limits or SPACES[space]
    model = LinearModel(
        A, B, acted, policy=None if policy is None else feedback(*policy), value=NEAR
    )
    belief = model.observe(None, torch.zeros(1), torch.tensor([position, 0.0]), is_first=True)
    return Problem(belief, model, objective or at_rest(acted), torch.empty(0, 1))


def with_members(limits, members, policy, belief):
    """Return the same problem with an ensemble, whose members are all right."""
    model = EnsembleModel(exact_model(A, B, limits, members=members))
    model.policy = feedback(*policy)
    start = model.initial(1)._replace(state=belief)
    return Problem(start, model, at_rest(limits), torch.empty(0, 1))


def at_rest(action):
    return Objective.from_parameters(
        {
            "terms": ["p", "v", "f"],
            "p.of": ["position"], "p.type": "quadratic",
            "v.of": ["velocity"], "v.type": "quadratic", "v.weight": 0.1,
            "f.of": ["force"], "f.type": "quadratic", "f.weight": 0.05,
        },
        OBSERVATION,
        action,
    )  # fmt: skip


def question(made, **arguments):
    """Return a problem for an agent, or none for one that needs no model."""
    return problem(**arguments) if made.needs_model else None


def test_these_are_all_that_there_are():
    (known,) = (spec for spec in specs(ControllerSettings) if spec.name == "agent")
    assert list(known.choices) == AGENTS
    for name in AGENTS:
        assert agent(name).effort


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("name", AGENTS)
@pytest.mark.parametrize("position", [-9.0, -0.013, 0.0, 0.013, 9.0])
def test_what_is_decided_is_within_the_limits(name, space, position):
    made, known = agent(name, space), SPACES[space]
    for _ in range(20):
        result = made.act(question(made, space=space, position=position))
        assert isinstance(result, PlanResult)
        horizon, dim = result.actions.shape
        assert horizon >= 1
        assert dim == known.dim
        assert result.elites.shape[1:] == result.actions.shape
        assert result.returns.shape == result.elites.shape[:1]
        assert result.complete
        for sequences in (result.actions, result.elites):
            values = sequences.double().numpy()
            np.testing.assert_allclose(values, known.clip(values), atol=1e-6)
        assert made.needs_model == math.isfinite(result.expected_return)
    if name in PLANNING:
        assert result.actions.shape == (HORIZON, 1)


@pytest.mark.parametrize("space", SPACES)
def test_by_chance_every_allowed_action_is_equally_likely(space):
    made, known = agent("random", space), SPACES[space]
    drawn = np.array([made.act(None).actions[0, 0].item() for _ in range(4000)])
    if space == "discrete":
        counts = [np.mean(drawn == value) for value in (-2.0, -1.0, 0.0, 1.0)]
        np.testing.assert_allclose(counts, 0.25, atol=0.03)
    else:
        share = (np.sort(drawn) - known.low[0]) / (known.high[0] - known.low[0])
        np.testing.assert_allclose(share, np.linspace(0, 1, 4000), atol=0.03)


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("name", AGENTS)
def test_the_same_seed_gives_the_same_decisions(name, space):
    def decisions(seed):
        made = agent(name, space, seed)
        asked = [question(made, space=space, position=0.01 * k) for k in range(6)]
        return torch.stack([made.act(each).actions for each in asked])

    assert torch.equal(decisions(3), decisions(3))
    if name == "random":
        assert not torch.equal(decisions(3), decisions(4))


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("name", AGENTS)
def test_after_a_reset_only_the_seed_counts_and_not_what_was_decided(name, space):
    def after(positions, reset):
        made = agent(name, space, seed=5, candidates=24, iterations=1)
        for position in positions:
            made.act(question(made, space=space, position=position))
        if reset:
            made.reset()
        return made.act(question(made, space=space, position=0.1))

    one, other = after([3.0, 2.0], reset=True), after([-4.0, -1.0], reset=True)
    assert torch.equal(one.actions, other.actions)
    assert torch.equal(one.elites, other.elites)
    if name == "planner" and space == "continuous":
        # It is not because the last plan does not count anyway.
        kept = after([3.0, 2.0], reset=False), after([-4.0, -1.0], reset=False)
        assert not torch.equal(kept[0].actions, kept[1].actions)


@pytest.mark.parametrize("name", AGENTS)
def test_after_a_reset_with_a_fresh_seed_the_first_decision_comes_again(name):
    def seed(made):
        if name in PLANNING:
            made._loop._generator.manual_seed(7)
        elif name == "random":
            made._rng = np.random.default_rng(7)

    fresh, used = agent(name), agent(name, seed=1)
    for position in (3.0, -2.0):
        used.act(question(used, position=position))
    used.reset()
    seed(fresh)
    seed(used)
    one, other = (made.act(question(made)) for made in (fresh, used))
    assert torch.equal(one.actions, other.actions)
    assert torch.equal(one.elites, other.elites)


@pytest.mark.parametrize("name", AGENTS)
def test_past_its_deadline_it_decides_at_once_or_not_at_all(name):
    # As often as this it would take minutes.
    made = agent(name, candidates=20_000, iterations=100)
    asked = question(made)
    began = time.monotonic()
    result = made.act(asked, began - 1.0)
    assert time.monotonic() - began < 1.0
    if name in PLANNING:
        assert result is None
        assert asked.model.asked == []
    else:
        assert result.actions.shape == (1, 1)


@pytest.mark.parametrize("name", PLANNING)
def test_a_deadline_cuts_a_plan_and_the_best_so_far_is_executed(name):
    now = itertools.count(0.0, 0.1)  # every look at the clock takes 0.1 s
    made = agent(name, clock=lambda: next(now), iterations=100)
    result = made.act(problem(), 3.0)
    assert 2 <= result.iterations < 30
    assert not result.complete
    assert next(now) <= 3.3
    assert math.isfinite(result.expected_return)


def test_which_need_a_model_say_so():
    for name in AGENTS:
        assert agent(name).needs_model == (name in WITH_MODEL)
        assert (agent(name).planner is not None) == name.startswith("planner")
    with pytest.raises(UnlearnedError, match="agent 'policy': the model has learned no policy"):
        agent("policy").act(None)


@pytest.mark.parametrize("name", AGENTS)
def test_a_model_without_a_policy_is_refused_by_name_by_those_that_need_one(name):
    made, able, unable = agent(name), problem().model, problem(policy=None).model
    made.check(able)
    if name == "policy":
        with pytest.raises(ValueError, match="agent 'policy': the model has learned no policy"):
            made.check(unable)
        with pytest.raises(UnlearnedError, match="agent 'policy': the model has learned no policy"):
            made.act(problem(policy=None))
    elif name == "planner+policy":
        refusal = "planner.proposals: policy: the model has learned no policy"
        with pytest.raises(ValueError, match=refusal):
            made.check(unable)
        with pytest.raises(NoPlanError, match=refusal):
            made.act(problem(policy=None))
    else:
        made.check(unable)
        assert made.act(question(made, policy=None)) is not None


@pytest.mark.parametrize("name", PLANNING)
def test_an_inverse_model_that_is_proposed_is_needed_too(name):
    made = agent(name, proposals=["inverse_model"])
    with pytest.raises(ValueError, match="inverse_model: the model has learned none"):
        made.check(problem().model)


@pytest.mark.parametrize("planner", ["ilqr", "gradient"])
@pytest.mark.parametrize("name", PLANNING)
def test_a_planner_that_needs_derivatives_takes_no_model_without(name, planner):
    made, model = agent(name, type=planner), problem().model
    refusal = f"planner.type: {planner} needs derivatives, which LinearModel has none of"
    with pytest.raises(ValueError, match=refusal):
        made.check(model)
    other = agent(name)
    other.check(model)
    with pytest.raises(ValueError, match=refusal):
        other.configure(settings(type=planner), model)
    assert other.planner.settings.type == "icem"
    model.differentiable = True
    made.check(model)


@pytest.mark.parametrize("name", WITH_MODEL)
def test_where_nothing_is_a_number_nothing_is_decided(name):
    with pytest.raises(NoPlanError, match="finite"):
        agent(name).act(problem(position=math.nan))


def test_a_policy_decides_what_it_chooses():
    result = agent("policy").act(problem(position=0.4, policy=(0.5, 0.0)))
    assert result.actions.tolist() == [[pytest.approx(-0.2)]]
    assert agent("policy").act(problem(position=9.0)).actions.tolist() == [[pytest.approx(-0.3)]]
    assert agent("policy").act(problem(position=-9.0)).actions.tolist() == [[pytest.approx(0.7)]]


def test_where_members_see_other_things_the_mean_of_their_choices_is_executed():
    seen = torch.tensor([[-0.1, 0.0], [0.2, 0.0], [0.5, 0.0]])[:, None]
    asked = with_members(SPACES["continuous"], 3, (1.0, 0.0), seen)
    made = agent("policy")
    assert made.act(asked).actions.tolist() == [[pytest.approx(0.1)]]  # to explore, one will do
    made.exploring = False
    assert made.act(asked).actions.tolist() == [[pytest.approx(-0.2)]]
    # Where a planner decides, each of their sequences competes.
    result = agent("planner+policy", candidates=2, elites=10, iterations=1).act(asked)
    tried = result.elites[:, 0, 0].tolist()
    for choice in (0.1, -0.2, -0.3):  # the last one as far as the limit
        assert any(one == pytest.approx(choice) for one in tried)


def test_where_members_choose_other_things_the_choice_of_most_is_executed():
    seen = torch.tensor([[2.0, 0.0], [-1.0, 0.0], [2.0, 0.0]])[:, None]
    asked = with_members(SPACES["discrete"], 3, (1.0, 0.0), seen)
    made = agent("policy", "discrete")
    made.exploring = False
    assert made.act(asked).actions.tolist() == [[-2.0]]


def test_a_planner_hands_over_to_the_policy_that_the_learner_gives():
    made = agent("planner_then_policy")
    assert made.effort == agent("planner").effort
    assert made.act(problem(policy=None)).actions.shape == (HORIZON, 1)
    given = made.act(problem(position=0.4, policy=(0.5, 0.0)))
    assert given.actions.tolist() == [[pytest.approx(-0.2)]]
    assert made.effort == "policy"
    made.configure(settings(candidates=20), problem(policy=None).model)
    assert made.planner.settings.candidates == 20


def test_a_policy_is_drawn_from_while_it_explores():
    class Noisy(FixedPolicy):
        def sample(self, features, generator):
            return (
                self(features) + 0.1 * torch.rand(features.shape[:-1], generator=generator)[:, None]
            )

    asked = problem(position=0.2)
    asked.model.policy = Noisy(lambda features: -features[..., :1])
    made = agent("policy")
    drawn = [made.act(asked).actions.item() for _ in range(50)]
    assert -0.2 <= min(drawn) < -0.19 < -0.11 < max(drawn) <= -0.1
    made.exploring = False
    assert made.act(asked).actions.tolist() == [[pytest.approx(-0.2)]]


def test_a_value_lets_a_short_plan_see_far():
    # With so short a horizon it does not pay to move at all, whatever comes later.
    objective = Objective.from_parameters(
        {"terms": ["f"], "f.of": ["force"], "f.type": "quadratic"},
        OBSERVATION,
        SPACES["continuous"],
    )
    asked = problem(policy=(0.0, 0.0), objective=objective)
    asked.model.value = FixedValue(lambda features: 100.0 * features[..., 1], objective.digest)

    def force(name):
        return agent(name, candidates=64, iterations=4).act(asked).actions[0].item()

    assert abs(force("planner")) < 0.1
    assert force("planner+policy") > 0.3


@pytest.mark.parametrize("serves", ["", "digest", "another"])
def test_what_was_learned_for_another_objective_is_dropped_at_once(serves):
    asked = problem(position=-0.01)
    objective = asked.objective.digest if serves == "digest" else serves
    asked.model.policy = feedback(13.579, 0.0, objective=objective)
    asked.model.value = FixedValue(lambda features: 0.0 * features[..., 0] + 1e6, objective)
    result = agent("planner+policy", candidates=4, elites=10, iterations=1).act(asked)
    proposed = any(one[0, 0].item() == pytest.approx(0.13579) for one in result.elites)
    assert proposed == (serves != "another")
    assert (result.expected_return > 1e5) == (serves != "another")
    expected = agent("policy").act(asked).expected_return
    assert (expected == 1e6) if serves != "another" else math.isnan(expected)


WIDE = Space.of(["force"], [-10.0], [10.0])


def least_cost_feedback():
    """Return the gain that is best in the long run."""
    q, r = np.diag([1.0, 0.1]), np.array([[0.05]])
    p = solve_discrete_are(A, B, q, r)
    return np.linalg.solve(r + B.T @ p @ B, B.T @ p @ A)[0]


def planned(name, policy, position, **values):
    made = make_agent(name, WIDE, settings(**{"horizon": 60, **values}), 0)
    return made.act(with_members(WIDE, 2, policy, torch.tensor([[[position, 0.0]]])))


@pytest.mark.parametrize("kind", ["cem", "gradient", "icem", "ilqr", "mppi", "random_shooting"])
@pytest.mark.parametrize("position", [-2.0, 0.3])
def test_a_policy_that_knows_best_makes_a_plan_at_least_as_good(kind, position):
    best, few = least_cost_feedback(), {"type": kind, "candidates": 8, "iterations": 1}
    alone = planned("planner", best, position, **few)
    helped = planned("planner+policy", best, position, **few)
    asked = with_members(WIDE, 2, best, torch.tensor([[[position, 0.0]]]))
    imagined = asked.model.imagine_policy(asked.belief, asked.model.policy, 60)
    own = asked.objective.score(imagined).item()
    assert helped.expected_return >= max(own, alone.expected_return) - 1e-3
    if kind != "ilqr":  # which finds it alone
        assert own > alone.expected_return
        np.testing.assert_allclose(helped.elites[0], imagined.actions[0, 0], atol=1e-4)


@pytest.mark.parametrize("position", [-2.0, 0.3])
def test_a_policy_that_knows_nothing_does_no_harm(position):
    few = {"candidates": 64, "iterations": 3, "horizon": 10}
    alone = planned("planner", STRONG, position, **few)
    helped = planned("planner+policy", (-50.0, -9.0), position, **few)
    assert helped.expected_return > alone.expected_return - 0.05 * abs(alone.expected_return)
    assert helped.actions.abs().max() <= 10.0


def test_choices_that_a_policy_proposes_are_whole_numbers():
    made = agent("planner+policy", "discrete", candidates=4, elites=4, iterations=1)
    asked = problem("discrete", position=0.5, policy=(1.4, 0.0))
    made.act(asked)
    tried = torch.cat(asked.model.asked)
    assert set(tried.unique().tolist()) <= {-2.0, -1.0, 0.0, 1.0}
    # Of -0.7, which it chooses at first.
    assert any(sequence[0, 0] == -1.0 for sequence in tried)


@pytest.mark.parametrize("name", PLANNING)
def test_with_less_trust_it_plans_less_far_and_further_again(name):
    made = agent(name, knots=6)
    for reach, horizon in ((0.5, 3), (0.01, 1), (1.0, HORIZON)):
        assert made.act(problem(), reach=reach).actions.shape == (horizon, 1)
        assert made.planner.settings.horizon == HORIZON


@pytest.mark.parametrize("name", AGENTS)
def test_other_settings_hold_from_the_next_decision_on(name):
    made = agent(name)
    made.act(question(made))
    made.configure(settings(horizon=3))
    result = made.act(question(made))
    assert result.actions.shape == (3 if name in PLANNING else 1, 1)
    if name == "planner+policy":
        # Whatever the settings propose.
        with pytest.raises(ValueError, match="the model has learned no policy"):
            made.check(problem(policy=None).model)


@pytest.mark.parametrize("name", PLANNING)
def test_settings_that_do_not_fit_change_nothing(name):
    made = agent(name)
    before = made.planner
    for wrong in ({"type": "categorical_cem"}, {"type": "nothing"}, {"proposals": ["nothing"]}):
        with pytest.raises(ValueError, match=r"planner\."):
            made.configure(settings(**wrong))
        assert made.planner is before
        assert made.act(problem()).actions.shape == (HORIZON, 1)
    with pytest.raises(ValueError, match="plans no discrete action"):
        make_agent(name, SPACES["discrete"], settings(), 0)
