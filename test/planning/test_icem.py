import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from exact import LinearModel, loop, planner, problem, quadratic, riccati, start, worth

from mbrl_ros.planning.planner import Search, shifted


@pytest.mark.parametrize("state", [(1.0, 0.0), (-0.5, 1.5)])
@pytest.mark.parametrize(("finest_scale", "excess"), [(1.0, 0.01), (0.1, 0.12)])
def test_the_plan_costs_hardly_more_than_the_best_there_is(state, finest_scale, excess):
    objective = quadratic()
    search = {"candidates": 300, "elites": 30, "iterations": 20, "noise_beta": 1.0}
    plan = loop(10.0, horizon=15, finest_scale=finest_scale, **search).plan(
        problem(LinearModel(), objective, start(*state))
    )
    actions = plan.actions[None]
    cost = -worth(objective, start(*state), actions).item()
    best = riccati(np.array(state), 15, np.diag([1.0, 0.1]), np.array([[0.05]]))
    nothing = -worth(objective, start(*state), 0 * actions).item()
    assert best * 0.999 <= cost <= best * (1 + excess)
    assert nothing > 1.3 * best
    assert plan.expected_return == pytest.approx(-cost, rel=0.05)


def test_time_is_least_with_full_force_first_forwards_then_backwards():
    a, b = np.array([[1.0, 0.2], [0.0, 1.0]]), np.array([[0.02], [0.2]])
    objective = quadratic(1.0, velocity=0.02, force=0.0)
    for side in (1.0, -1.0):
        search = {"candidates": 300, "elites": 30, "iterations": 30, "finest_scale": 1.0}
        plan = loop(1.0, horizon=15, noise_beta=2.0, **search).plan(
            problem(LinearModel(a, b), objective, start(side * 1.5))
        )
        forces = -side * plan.actions[:, 0]
        assert (forces[:4] > 0.9).all()
        assert forces.min() < -0.8


def test_limits_are_respected_by_every_candidate_and_by_the_plan():
    model = LinearModel()
    plan = loop(0.3, horizon=10, noise_std=5.0, iterations=8).plan(
        problem(model, quadratic(0.3), start(50.0))
    )
    asked = torch.cat(model.asked)
    assert asked.abs().max() <= 0.3
    assert asked.min() < -0.29
    assert plan.actions.abs().max() <= 0.3
    assert plan.actions[0, 0] < -0.25


def test_candidates_start_around_the_middle_of_the_range():
    icem = planner(1.0, candidates=4000, noise_beta=0.0, finest_scale=1.0, noise_std=0.2)
    icem.low.fill_(1.0)
    icem.high.fill_(5.0)
    search = icem.initial(None)
    assert (search.actions == 3.0).all()
    search = replace(search, std=torch.full_like(search.std, 0.4))
    drawn = icem.sample(search, torch.Generator().manual_seed(0))
    assert drawn.mean() == pytest.approx(3.0, abs=0.01)
    assert drawn.std() == pytest.approx(0.4, rel=0.02)


def test_the_first_deviation_is_a_share_of_half_the_range():
    assert planner(4.0, noise_std=0.25).initial(None).std.unique().item() == 1.0


def test_what_is_worth_minus_infinity_is_no_elite():
    icem = planner(elites=2, momentum=0.0, horizon=1)
    candidates = torch.arange(5.0).reshape(5, 1, 1)
    returns = torch.tensor([-math.inf, -math.inf, -math.inf, 1.0, 2.0])
    search = icem.update(icem.initial(None), candidates, returns)
    assert search.elites.flatten().tolist() == [4.0, 3.0]
    assert search.actions.item() == 3.5
    assert search.std.item() == 0.5


def test_there_are_never_more_elites_than_finite_returns():
    icem = planner(elites=10, momentum=0.0, horizon=1)
    returns = torch.tensor([-math.inf] * 4 + [1.0])
    search = icem.update(icem.initial(None), torch.arange(5.0).reshape(5, 1, 1), returns)
    assert search.elites.flatten().tolist() == [4.0]


def test_momentum_keeps_a_share_of_the_old_distribution():
    icem = planner(1.0, elites=1, momentum=0.25, horizon=1, noise_std=1.0)
    candidates = torch.tensor([[[0.8]], [[-0.3]]])
    search = icem.update(icem.initial(None), candidates, torch.tensor([1.0, 0.0]))
    assert search.actions.item() == pytest.approx(0.6)
    assert search.std.item() == pytest.approx(0.25)


def test_the_population_shrinks_down_to_twice_the_elites():
    model = LinearModel()
    loop(horizon=5, candidates=100, elites=10, iterations=8, decay=1.5, keep_elites=0.0).plan(
        problem(model, quadratic(), start(1.0))
    )
    assert [len(asked) for asked in model.asked] == [100, 66, 44, 29, 20, 20, 20, 21]


def test_good_candidates_compete_again_and_the_mean_takes_part_at_last():
    icem = planner(horizon=3, elites=10, keep_elites=0.3, iterations=2, candidates=20)
    search = icem.initial(None)
    candidates = torch.randn(20, 3, 1)
    search = icem.update(search, candidates, torch.arange(20.0))
    again = icem.sample(search, torch.Generator().manual_seed(0))
    assert torch.equal(again[-4:-1], candidates[[19, 18, 17]])
    assert torch.equal(again[-1], search.actions)


def test_the_finest_candidates_stay_close_to_the_mean():
    icem = planner(1.0, candidates=64, finest_scale=0.01, iterations=3)
    search = icem.initial(None)
    drawn = icem.sample(search, torch.Generator().manual_seed(0))
    assert drawn[0].abs().max() < 0.03
    assert drawn[-8:].abs().max() > 0.5


def test_shifting_drops_what_is_past_and_repeats_the_last():
    sequence = torch.arange(5.0)[:, None]
    assert shifted(sequence, 2, 5).flatten().tolist() == [2, 3, 4, 4, 4]
    assert shifted(sequence, 9, 3).flatten().tolist() == [4, 4, 4]
    assert shifted(sequence, 0, 7).flatten().tolist() == [0, 1, 2, 3, 4, 4, 4]
    batch = torch.stack([sequence, sequence + 10])
    assert shifted(batch, 1, 2)[:, :, 0].tolist() == [[1, 2], [11, 12]]
    assert shifted(torch.empty(0, 5, 1), 1, 5).shape == (0, 5, 1)


def test_mean_and_elites_of_the_last_plan_are_where_the_next_begins():
    icem = planner(horizon=4)
    last = Search(torch.randn(4, 1), torch.randn(6, 4, 1), torch.randn(6), 3)
    search = icem.initial(last, elapsed=2)
    assert torch.equal(search.actions, last.actions[[2, 3, 3, 3]])
    assert torch.equal(search.elites, last.elites[:, [2, 3, 3, 3]])
    assert torch.equal(search.std, icem.initial(None).std)
    assert search.iteration == 0
