import numpy as np
import pytest
import torch
from dm_control.utils import rewards

from mbrl_ros.objectives.settings import TermSettings
from mbrl_ros.objectives.terms import TERMS

X = np.concatenate([np.linspace(-8, 8, 801), [0.0, 1.0, -0.5, 1e3, -1e3]])


def judged(x, **settings):
    term = TermSettings(**settings)
    return TERMS[term.type](torch.as_tensor(x, dtype=torch.float64), term).numpy()


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


def test_the_plain_terms_are_what_their_names_say():
    np.testing.assert_array_equal(judged(X, type="linear"), X)
    np.testing.assert_allclose(judged(X, type="quadratic"), -(X**2))
    np.testing.assert_allclose(judged(X, type="cosine"), np.cos(X))


@pytest.mark.parametrize("kind", TERMS)
@pytest.mark.parametrize("margin", [0.0, 1.0])
@pytest.mark.parametrize("sigmoid", ["gaussian", "linear", "quadratic", "long_tail"])
def test_what_is_not_a_number_is_worth_no_number(kind, margin, sigmoid):
    assert np.isnan(judged([np.nan, 0.0], type=kind, margin=margin, sigmoid=sigmoid)).tolist() == [
        True,
        False,
    ]
