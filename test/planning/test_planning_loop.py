import math
from dataclasses import replace

import pytest
import torch
from exact import LinearModel, loop, planner, problem, quadratic, start

from mbrl_ros.planning.duration import DurationEstimate
from mbrl_ros.planning.problem import NoPlanError


class Clock(LinearModel):
    """A model that takes one second by a clock of its own."""

    now = 100.0
    cost = 1.0

    def __call__(self):
        return self.now

    def imagine(self, belief, actions):
        self.now += self.cost
        return super().imagine(belief, actions)


@pytest.fixture
def clock():
    return Clock()


def warm_start_of(model):
    """Return the mean that the last plan of one iteration began with."""
    return model.asked[-1][-1]


def test_without_a_deadline_all_iterations_are_done(clock):
    plan = loop(iterations=5).plan(problem(clock, quadratic(), start(1.0)))
    assert (plan.iterations, plan.complete) == (5, True)


def known(clock, **settings):
    """Return a loop that knows what an iteration costs."""
    planning = loop(clock=clock, **settings)
    for _ in range(12):
        planning.plan(problem(clock, quadratic(), start(1.0)))
    planning.reset()
    return planning


def test_at_the_deadline_the_best_so_far_is_returned(clock):
    planning = known(clock, iterations=5)
    plan = planning.plan(problem(clock, quadratic(), start(1.0)), deadline=clock.now + 2.5)
    assert (plan.iterations, plan.complete) == (2, False)
    assert math.isfinite(plan.expected_return)


def test_no_plan_ends_after_its_deadline_once_the_cost_is_known(clock):
    planning = known(clock, iterations=5)
    done = []
    for spare in (0.5, 1.1, 1.7, 2.2, 3.9, 4.999, 5.1):
        deadline = clock.now + spare
        plan = planning.plan(problem(clock, quadratic(), start(1.0)), deadline=deadline)
        done.append(plan.iterations if plan else 0)
        assert clock.now <= deadline
    assert done == [0, 1, 1, 2, 3, 4, 5]


def test_the_expected_duration_allows_for_how_much_it_varies():
    steady, varying = DurationEstimate(), DurationEstimate()
    for k in range(50):
        steady.add(1.0)
        varying.add(1.0 + 0.5 * (-1) ** k)
    assert steady.bound == pytest.approx(1.0, abs=1e-3)
    assert 1.5 < varying.bound < 2.5


def test_without_the_time_for_one_iteration_there_is_no_plan(clock):
    planning = loop(clock=clock, iterations=3)
    assert planning.plan(problem(clock, quadratic(), start(1.0)), deadline=99.0) is None
    planning.plan(problem(clock, quadratic(), start(1.0)))
    assert planning.plan(problem(clock, quadratic(), start(1.0)), deadline=clock.now + 0.9) is None


def test_one_slow_iteration_is_forgotten_in_time(clock):
    planning = loop(clock=clock, iterations=1)
    clock.cost = 5.0
    planning.plan(problem(clock, quadratic(), start(1.0)))
    clock.cost = 0.5
    results = [
        planning.plan(problem(clock, quadratic(), start(1.0)), deadline=clock.now + 1.0)
        for _ in range(30)
    ]
    assert results[0] is None
    assert results[-1] is not None


def test_the_next_plan_begins_with_the_rest_of_the_last(clock):
    planning = loop(iterations=1, horizon=6)
    first = planning.plan(problem(clock, quadratic(), start(1.0))).actions
    planning.plan(problem(clock, quadratic(), start(1.0)), elapsed=2)
    assert torch.equal(warm_start_of(clock), first[[2, 3, 4, 5, 5, 5]])


def test_the_last_plan_moves_on_though_there_was_no_time_for_another(clock):
    planning = loop(iterations=1, horizon=6)
    first = planning.plan(problem(clock, quadratic(), start(1.0))).actions
    for _ in range(2):
        assert planning.plan(problem(clock, quadratic(), start(1.0)), deadline=0.0) is None
    planning.plan(problem(clock, quadratic(), start(1.0)))
    assert torch.equal(warm_start_of(clock), first[[3, 4, 5, 5, 5, 5]])


def test_reset_forgets_everything_of_the_last_plan(clock):
    fresh, used = loop(iterations=1), loop(iterations=1)
    fresh.plan(problem(clock, quadratic(), start(1.0)))
    first = clock.asked[-1]
    for _ in range(3):
        used.plan(problem(clock, quadratic(), start(1.0)))
    assert len(clock.asked[-1]) > len(first)  # with elites of the plan before
    assert warm_start_of(clock).abs().sum() > 0
    used.reset()
    used.plan(problem(clock, quadratic(), start(1.0)))
    assert clock.asked[-1].shape == first.shape
    assert (warm_start_of(clock) == 0).all()


def test_without_any_finite_return_there_is_an_error_and_a_fresh_start(clock):
    planning = loop(iterations=1)
    planning.plan(problem(clock, quadratic(), start(1.0)))
    for position in (math.nan, math.inf):
        with pytest.raises(NoPlanError, match="no candidate has a finite return"):
            planning.plan(problem(clock, quadratic(), start(position)))
    planning.plan(problem(clock, quadratic(), start(1.0)))
    assert (warm_start_of(clock) == 0).all()


class Cliff(LinearModel):
    """Beyond some force, what happens is not a number."""

    def predict(self, start, actions):
        states = super().predict(start, actions)
        states[:, actions[:, 0, 0] < -0.2] = math.nan
        return states


def test_a_plan_stays_where_predictions_are_numbers():
    plan = loop(1.0, iterations=6, horizon=5).plan(problem(Cliff(), quadratic(1.0), start(5.0)))
    assert -0.2 <= plan.actions[0, 0] < -0.1
    assert math.isfinite(plan.expected_return)


def test_a_horizon_of_one_step_will_do():
    plan = loop(1.0, horizon=1, iterations=6).plan(
        problem(LinearModel(), quadratic(1.0), start(5.0))
    )
    assert plan.actions.shape == (1, 1)
    # The best force for -(5 + 0.005 u)^2 - 0.1 (0.1 u)^2 - 0.05 u^2, by its derivative.
    assert plan.actions.item() == pytest.approx(-0.025 / 0.051025, abs=0.02)


def test_fewer_candidates_than_elites_will_do():
    plan = loop(1.0, candidates=2, elites=10, iterations=40, horizon=3).plan(
        problem(LinearModel(), quadratic(1.0), start(5.0))
    )
    assert plan.actions[0, 0] < 0


def test_the_same_seed_gives_the_same_plans():
    def plans(seed):
        planning = loop(seed=seed)
        return [
            planning.plan(problem(LinearModel(), quadratic(), start(x))).actions for x in (1.0, 0.9)
        ]

    for one, other in zip(plans(3), plans(3), strict=True):
        assert torch.equal(one, other)
    assert not torch.equal(plans(3)[0], plans(4)[0])


def test_another_planner_takes_over_what_is_known_with_its_own_horizon(clock):
    planning = loop(iterations=1, horizon=6)
    first = planning.plan(problem(clock, quadratic(), start(1.0))).actions
    planning.planner = planner(iterations=1, horizon=8)
    plan = planning.plan(problem(clock, quadratic(), start(1.0)))
    assert plan.actions.shape == (8, 1)
    assert torch.equal(warm_start_of(clock), first[[1, 2, 3, 4, 5, 5, 5, 5]])
    planning.planner = planner(iterations=1, horizon=2)
    assert planning.plan(problem(clock, quadratic(), start(1.0))).actions.shape == (2, 1)


def test_plans_get_better_with_warm_starts():
    objective, planning = quadratic(10.0), loop(10.0, iterations=1, horizon=15)
    results = [
        planning.plan(problem(LinearModel(), objective, start(1.0)), elapsed=0).expected_return
        for _ in range(15)
    ]
    assert results[-1] > results[0]
    assert results[-1] == max(results)


def test_another_planner_is_not_judged_by_how_long_the_last_one_took(clock):
    planning = loop(clock=clock, horizon=3, iterations=1)
    question = problem(clock, quadratic(), start(1.0))
    clock.cost = 50.0
    planning.plan(question)
    assert planning.plan(question, clock.now + 10.0) is None
    clock.cost = 1.0
    planning.planner = planner(horizon=3, iterations=2)
    assert planning.plan(question, clock.now + 10.0).complete


def valley(side):
    """Return an objective with a narrow summit at +side and a broad, low one at -side."""

    class Valley:
        digest = f"valley {side}"

        def score(self, imagined, value=None):
            mean = imagined.actions.mean(dim=(1, 2))
            return 3.0 * torch.exp(-(((mean - side) / 0.1) ** 2)) + torch.exp(-((mean / 0.15) ** 2))

    return Valley()


def test_for_another_objective_the_better_of_two_starts_goes_on(clock):
    planning = loop(iterations=5, candidates=64, noise_std=0.1)
    # The last plan sits on its summit, from where the middle cannot be seen.
    for _ in range(3):
        planning.plan(problem(clock, valley(0.9), start(1.0)))
    calls = clock.now
    plan = planning.plan(problem(clock, valley(-9.0), start(1.0)))
    # One iteration more, and only once.
    assert clock.now - calls == 6
    assert float(plan.actions.mean().abs()) < 0.2
    calls = clock.now
    planning.plan(problem(clock, valley(-9.0), start(1.0)))
    assert clock.now - calls == 5


def test_another_objective_keeps_the_deadline(clock):
    planning = known(clock, iterations=5)
    planning.plan(problem(clock, quadratic(), start(1.0)))
    for spare, done in ((0.5, 0), (1.5, 1), (2.5, 1), (3.5, 2)):
        deadline = clock.now + spare
        plan = planning.plan(problem(clock, valley(spare), start(1.0)), deadline=deadline)
        assert clock.now <= deadline
        assert (plan.iterations if plan else 0) == done


def test_a_second_start_that_leads_nowhere_is_left_out(clock):
    planning = loop(clock=clock, iterations=2)
    planning.plan(problem(clock, quadratic(), start(1.0)))
    plain, calls = clock.predict, []

    def fails_at_second(begin, actions):
        calls.append(actions)
        trajectories = plain(begin, actions)
        return torch.full_like(trajectories, math.nan) if len(calls) == 2 else trajectories

    clock.predict = fails_at_second
    plan = planning.plan(problem(clock, valley(0.5), start(1.0)))
    assert len(calls) == 3
    assert plan.complete
    assert math.isfinite(plan.expected_return)


@pytest.mark.parametrize(
    ("made", "got"),
    [
        (lambda search: None, "NoneType"),
        (lambda search: search.actions, "Tensor"),
        (lambda search: replace(search, actions=search.actions[:1]), r"\(1, 1\)"),
    ],
)
@pytest.mark.parametrize("step", ["initial", "improve"])
def test_a_planner_that_returns_no_search_is_named(clock, step, made, got):
    planning = loop(clock=clock)
    right = getattr(planning.planner, step)
    setattr(planning.planner, step, lambda *given: made(right(*given)))
    expected = rf"planner\.type: \w+: expected a Search with actions of shape .*, got {got}$"
    with pytest.raises(ValueError, match=expected):
        planning.plan(problem(clock, quadratic(), start(1.0)))
