"""Planners of choices, on a mass that is pushed by whole forces of -2 to 1."""

import itertools

import numpy as np
import pytest
import torch
from exact import OBSERVATION, LinearModel, problem, settings, start, worth

from mbrl_ros.core.spaces import Space
from mbrl_ros.objectives.objective import Objective
from mbrl_ros.planning.categorical_cem import CategoricalCEM
from mbrl_ros.planning.loop import PlanningLoop
from mbrl_ros.planning.registry import make_planner

FORCE = Space.of(["force"], [-2.0], [1.0], discrete=["force"])
KINDS = ["categorical_cem", "random_shooting"]
A, B = np.array([[1.0, 0.2], [0.0, 1.0]]), np.array([[0.02], [0.2]])


def objective(target=0.3):
    values = {"terms": ["p"], "p.of": ["position"], "p.type": "quadratic", "p.target": target}
    return Objective.from_parameters(values, OBSERVATION, FORCE)


def looping(kind, seed=0, **values):
    few = {"horizon": 6, "candidates": 200, "iterations": 8, "elites": 20, **values}
    return PlanningLoop(make_planner(FORCE, settings(type=kind, **few)), seed)


@pytest.mark.parametrize("kind", KINDS)
def test_the_best_of_all_sequences_is_found(kind):
    model, judge = LinearModel(A, B, FORCE), objective()
    every = torch.tensor(list(itertools.product([-2.0, -1.0, 0.0, 1.0], repeat=6)))[..., None]
    most = worth(judge, start(0.0), every, model).max().item()
    plan = looping(kind, iterations=30).plan(problem(model, judge, start(0.0)))
    assert plan.expected_return == pytest.approx(most, rel=0.02)
    if kind == "categorical_cem":
        found = worth(judge, start(0.0), plan.actions[None], model).item()
        assert found == pytest.approx(most, rel=0.1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("knots", [0, 3])
def test_every_candidate_is_a_sequence_of_choices(kind, knots):
    model = LinearModel(A, B, FORCE)
    plan = looping(kind, knots=knots).plan(problem(model, objective(), start(0.0)))
    asked = torch.cat([*model.asked, plan.elites, plan.actions[None]])
    assert set(asked.unique().tolist()) <= {-2.0, -1.0, 0.0, 1.0}
    first = model.asked[0]
    assert set(first.unique().tolist()) == {-2.0, -1.0, 0.0, 1.0}
    if knots:
        assert (first[:, 0] == first[:, 1]).all()


def test_at_first_all_choices_are_equally_likely():
    for kind in KINDS:
        planner = make_planner(FORCE, settings(type=kind, candidates=20_000, horizon=2))
        drawn = planner.sample(planner.initial(None), torch.Generator().manual_seed(0))
        share = torch.bincount((drawn.flatten() + 2).long()) / drawn.numel()
        torch.testing.assert_close(share, torch.full((4,), 0.25), atol=0.01, rtol=0)


def test_no_choice_dies_out():
    planner = make_planner(FORCE, settings(type="categorical_cem", horizon=3, elites=2))
    search = planner.initial(None)
    for _ in range(50):
        search = planner.update(search, torch.ones(5, 3, 1), torch.arange(5.0))
    assert (search.actions == 1.0).all()
    assert search.probabilities.min() > 0.01
    torch.testing.assert_close(search.probabilities.sum(dim=-1), torch.ones(3, 1))


def test_the_next_plan_begins_with_the_rest_of_the_last_and_with_chance():
    planner = make_planner(FORCE, settings(type="categorical_cem", horizon=3, momentum=0.0))
    candidates = torch.tensor([-2.0, 0.0, 1.0])[None, :, None]
    last = planner.update(planner.initial(None), candidates, torch.zeros(1))
    begun = planner.initial(last, elapsed=1)
    assert begun.actions.flatten().tolist() == [0.0, 1.0, 1.0]
    assert begun.probabilities[0, 0].argmax() == 2
    assert 0.5 < begun.probabilities[0, 0, 2] < 0.75
    # From another planner, what it would have done.
    other = make_planner(FORCE, settings(type="random_shooting", horizon=3)).resting()
    begun = planner.initial(other, elapsed=1)
    assert begun.probabilities[0, 0].argmax() == begun.actions[0, 0] + 2


def test_dimensions_may_have_different_numbers_of_choices():
    space = Space.of(["a", "b"], [0, -1], [1, 1], discrete=["a", "b"])
    planner = make_planner(space, settings(type="categorical_cem", horizon=4, candidates=500))
    drawn = planner.sample(planner.initial(None), torch.Generator().manual_seed(0))
    assert set(drawn[..., 0].unique().tolist()) == {0.0, 1.0}
    assert set(drawn[..., 1].unique().tolist()) == {-1.0, 0.0, 1.0}


def test_too_many_choices_are_refused():
    many = Space.of(["a"], [0], [10**6], discrete=["a"])
    with pytest.raises(ValueError, match="at most 1000 choices, action 'a' has 1000001"):
        CategoricalCEM(many, settings())
