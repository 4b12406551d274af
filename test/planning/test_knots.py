import numpy as np
import pytest
import torch
from scipy.interpolate import CubicSpline

from mbrl_ros.planning.knots import Knots
from mbrl_ros.planning.planner import shifted

KINDS = ["zero", "linear", "cubic"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("horizon", "count"), [(10, 1), (10, 2), (10, 3), (25, 6), (40, 39)])
def test_the_sequence_goes_through_its_knots(kind, horizon, count):
    knots, values = Knots(horizon, count, kind), torch.randn(5, count, 2)
    sequence = knots.expand(values)
    assert sequence.shape == (5, horizon, 2)
    if kind == "zero" or (horizon - 1) % max(count - 1, 1) == 0:
        torch.testing.assert_close(knots.at(sequence), values)


def test_zero_holds_and_linear_interpolates():
    values = torch.tensor([[0.0], [3.0], [6.0]])
    assert Knots(6, 3, "zero").expand(values).flatten().tolist() == [0, 0, 3, 3, 6, 6]
    assert Knots(7, 3, "zero").expand(values).flatten().tolist() == [0, 0, 0, 3, 3, 6, 6]
    linear = Knots(7, 3, "linear").expand(values).flatten()
    torch.testing.assert_close(linear, torch.arange(7.0))


@pytest.mark.parametrize(("horizon", "count"), [(10, 3), (25, 6), (40, 20)])
def test_cubic_is_the_natural_spline(horizon, count):
    values = torch.randn(count, 1)
    spline = CubicSpline(np.arange(count), values[:, 0].numpy(), bc_type="natural")
    expected = spline(np.linspace(0, count - 1, horizon))
    found = Knots(horizon, count, "cubic").expand(values)[:, 0].numpy()
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_projecting_keeps_what_knots_can_form_and_comes_closest_to_the_rest(kind):
    knots = Knots(20, 5, kind)
    formed = knots.expand(torch.randn(3, 5, 2))
    torch.testing.assert_close(knots.project(formed), formed, atol=1e-5, rtol=1e-5)
    other = torch.randn(20, 1)
    near = knots.project(other)
    torch.testing.assert_close(knots.project(near), near, atol=1e-5, rtol=1e-5)
    for _ in range(20):
        elsewhere = near + 0.1 * knots.expand(torch.randn(5, 1))
        assert (other - near).square().sum() <= (other - elsewhere).square().sum()


@pytest.mark.parametrize("kind", KINDS)
def test_a_plan_that_is_shifted_step_by_step_arrives_in_time(kind):
    """Knots that are read off anew each step would never move on."""
    knots = Knots(40, 10, kind)
    bump = torch.exp(-0.5 * ((torch.arange(40.0) - 22.0) / 3.0) ** 2)[:, None]
    plan = knots.project(bump)
    for _ in range(6):
        plan = knots.project(shifted(plan, 1, 40))
    centre = (plan[:, 0] * torch.arange(40.0)).sum() / plan.sum()
    assert centre.item() == pytest.approx(16.0, abs=0.5)


@pytest.mark.parametrize("count", [0, 12, 99])
def test_without_knots_every_action_is_free(count):
    knots, sequence = Knots(12, count, "cubic"), torch.randn(3, 12, 2)
    assert knots.count == 12
    for same in (knots.expand, knots.project, knots.at):
        assert same(sequence) is sequence
