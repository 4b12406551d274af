import numpy as np
import pytest
import torch
from dm_control.utils import rewards

from mbrl_ros.core.settings import specs
from mbrl_ros.core.spaces import Space
from mbrl_ros.objectives.objective import Objective
from mbrl_ros.objectives.term_settings import settings_of_kind
from mbrl_ros.objectives.terms import TERMS

X = np.concatenate([np.linspace(-8, 8, 801), [0.0, 1.0, -0.5, 1e3, -1e3]])
ACTION = Space.of(["u"], [-1.0], [1.0])


def judged(x, **fields):
    """Return f of each row of x, of dimensions x0, x1 and so on."""
    x = torch.as_tensor(x, dtype=torch.float64)
    x = x[:, None] if x.ndim == 1 else x
    names = [f"x{i}" for i in range(x.shape[1])]
    values = {"terms": ["f"], "f.of": names, **{f"f.{name}": v for name, v in fields.items()}}
    judge = Objective.from_parameters(values, Space.of(names), ACTION)
    return judge.rewards(x, torch.zeros(len(x), 1)).numpy()


@pytest.mark.parametrize("sigmoid", ["gaussian", "linear", "quadratic", "long_tail"])
@pytest.mark.parametrize("value", [0.01, 0.1, 0.9])
@pytest.mark.parametrize(("lower", "upper", "margin"), [(0.0, 0.0, 2.0), (-0.5, 1.0, 0.7)])
def test_tolerance_is_that_of_dm_control(sigmoid, value, lower, upper, margin):
    expected = rewards.tolerance(
        X, bounds=(lower, upper), margin=margin, sigmoid=sigmoid, value_at_margin=value
    )
    ours = judged(
        X, type="tolerance", lower=lower, upper=upper, margin=margin, sigmoid=sigmoid,
        value_at_margin=value,
    )  # fmt: skip
    np.testing.assert_allclose(ours, expected, atol=1e-12)


@pytest.mark.parametrize("sigmoid", ["linear", "quadratic"])
def test_nothing_may_be_left_at_the_margin(sigmoid):
    expected = rewards.tolerance(X, margin=1.5, sigmoid=sigmoid, value_at_margin=0.0)
    ours = judged(X, type="tolerance", margin=1.5, sigmoid=sigmoid, value_at_margin=0.0)
    np.testing.assert_allclose(ours, expected, atol=1e-12)


def test_without_a_margin_tolerance_is_all_or_nothing():
    expected = rewards.tolerance(X, bounds=(-0.5, 1.0))
    ours = judged(X, type="tolerance", lower=-0.5, upper=1.0)
    np.testing.assert_array_equal(ours, expected)
    assert set(ours) == {0.0, 1.0}


def test_bounds_may_be_open_to_one_side():
    expected = rewards.tolerance(X, bounds=(2.0, np.inf), margin=1.0)
    ours = judged(X, type="tolerance", lower=2.0, upper=np.inf, margin=1.0)
    np.testing.assert_allclose(ours, expected, atol=1e-12)


def test_numbers_bound_the_distance_from_the_target_and_lists_each_dimension():
    points = [[1.0, 2.0], [1.6, 2.6], [1.6, 2.0], [1.0, 3.1]]
    ball = judged(points, type="tolerance", target=[1.0, 2.0], upper=0.7)
    assert ball.tolist() == [1.0, 0.0, 1.0, 0.0]
    box = {"lower": [-0.1, -1.0], "upper": [0.7, 1.0]}
    square = judged(points, type="tolerance", target=[1.0, 2.0], **box)
    assert square.tolist() == [1.0, 1.0, 1.0, 0.0]
    far = judged([[1.0, 4.0]], type="tolerance", target=[1.0, 2.0], margin=2.0, **box)
    np.testing.assert_allclose(far, rewards.tolerance(1.0, margin=2.0))


def test_the_plain_terms_are_what_their_names_say():
    np.testing.assert_array_equal(judged(X, type="linear"), X)
    np.testing.assert_allclose(judged(X, type="quadratic"), -(X**2))
    np.testing.assert_allclose(judged(X, type="cosine"), np.cos(X))


def test_every_shape_is_of_the_scaled_difference_from_the_target():
    for kind in ("linear", "quadratic", "smooth_l1", "cosine", "tolerance"):
        moved = judged(2.5 * X + 0.5, type=kind, target=0.5, scale=2.5)
        np.testing.assert_allclose(moved, judged(X, type=kind), atol=1e-9)


def test_smooth_l1_is_that_of_torch():
    x = torch.as_tensor(X)
    expected = torch.nn.functional.smooth_l1_loss(x, torch.zeros_like(x), reduction="none")
    np.testing.assert_allclose(judged(X, type="smooth_l1"), -expected.numpy(), atol=1e-12)


def test_a_barrier_costs_the_squared_distance_outside():
    assert judged([0.0, 1.0, 3.0, -5.0], type="barrier", lower=-2.0, upper=1.0).tolist() == [
        0.0, 0.0, -4.0, -9.0
    ]  # fmt: skip
    corner = judged([[4.0, 6.0], [0.0, 2.0]], type="barrier", lower=[-1.0, -1.0], upper=[1.0, 2.0])
    assert corner.tolist() == [-(3.0**2) - 4.0**2, 0.0]


def test_alive_is_one_within_the_bounds_ends_included():
    for x, alive in ((1.0, 1.0), (1.0 + 1e-9, 0.0), (-2.0, 1.0), (-2.1, 0.0)):
        assert judged([x], type="alive", lower=-2.0, upper=1.0).tolist() == [alive]


OF_DIMENSIONS = [kind for kind in TERMS if "of" in {s.name for s in specs(settings_of_kind(kind))}]


@pytest.mark.parametrize("kind", OF_DIMENSIONS)
def test_every_kind_reads_several_dimensions(kind):
    fields = {"lower": -1.0, "upper": 1.0} if kind in ("tolerance", "alive", "barrier") else {}
    once = judged([3.0], type=kind, **fields)
    np.testing.assert_allclose(judged([[0.0, 3.0, 0.0]], type=kind, **fields), once)
