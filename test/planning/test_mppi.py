import math

import numpy as np
import pytest
import torch
from exact import LinearModel, loop, planner, problem, quadratic, start
from scipy.signal import savgol_coeffs

from mbrl_ros.planning.mppi import _SMOOTHING, smoothed


def weighted(returns, **values):
    """Return the mean of candidates 0, 1, 2 ... that returns lead to."""
    mppi = planner(100.0, type="mppi", horizon=1, **values)
    candidates = torch.arange(float(len(returns)))[:, None, None]
    search = mppi.update(mppi.initial(None), candidates, torch.tensor(returns))
    return search.actions.item()


def test_candidates_are_averaged_by_the_exponential_of_their_returns():
    returns = [0.0, 1.0, 3.0]
    spread = np.std(returns)
    weights = np.exp(np.array(returns) / (0.5 * spread))
    expected = (weights * np.arange(3)).sum() / weights.sum()
    assert weighted(returns, effective_share=0.0, temperature=0.5) == pytest.approx(expected)


@pytest.mark.parametrize("unit", [1e-3, 1.0, 1e5])
def test_the_unit_of_the_returns_makes_no_difference(unit):
    returns = np.random.default_rng(0).normal(size=50)
    for values in ({}, {"effective_share": 0.0}):
        one, other = (
            weighted(returns.tolist(), **values),
            weighted((unit * returns).tolist(), **values),
        )
        assert one == pytest.approx(other, rel=1e-3)


@pytest.mark.parametrize("share", [0.05, 0.2, 0.7])
def test_the_share_that_counts_is_as_asked(share):
    mppi = planner(type="mppi", effective_share=share)
    returns = torch.randn(200, generator=torch.Generator().manual_seed(0))
    weights = torch.softmax(returns / mppi._temperature(returns), dim=0)
    assert 1 / weights.square().sum().item() == pytest.approx(200 * share, rel=0.02)


def test_what_is_not_finite_has_no_weight_and_equals_are_averaged():
    assert weighted([-math.inf, 5.0, -math.inf]) == 1.0
    assert weighted([2.0, 2.0, 2.0, -math.inf]) == pytest.approx(1.0)


def test_the_plan_itself_is_a_candidate():
    model, planning = LinearModel(), loop(10.0, type="mppi", iterations=1, candidates=8)
    first = planning.plan(problem(model, quadratic(10.0), start(1.0)))
    planning.plan(problem(model, quadratic(10.0), start(1.0)), elapsed=0)
    assert len(model.asked[-1]) == 8
    assert any(torch.allclose(each, first.actions) for each in model.asked[-1])


def test_smoothing_is_that_of_savitzky_and_golay():
    np.testing.assert_allclose(_SMOOTHING.numpy(), savgol_coeffs(9, 2), atol=1e-6)


def test_smoothing_continues_what_was_sent():
    """A parabola stays as it is, where both sides of it are known."""
    series = (0.01 * (torch.arange(30.0) - 12.0) ** 2)[:, None]
    found = smoothed(series[10:], series[:10])
    torch.testing.assert_close(found[:16], series[10:26], atol=1e-4, rtol=1e-4)
    for few in (0, 1, 3):
        assert smoothed(series[10:], series[10 - few : 10]).shape == (20, 1)


def test_a_smoothed_plan_trembles_less_and_joins_what_was_sent():
    sent = torch.full((6, 1), 0.8)
    roughness = {}
    for smoothing in (False, True):
        planning = loop(1.0, type="mppi", iterations=1, smoothing=smoothing, noise_beta=0.0)
        plan = planning.plan(problem(LinearModel(), quadratic(1.0), start(1.0), sent.tolist()))
        whole = torch.cat([sent, plan.actions])
        roughness[smoothing] = whole.diff(n=2, dim=0).square().mean().item()
    assert roughness[True] < 0.2 * roughness[False]
