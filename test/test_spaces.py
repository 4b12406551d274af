import numpy as np
import pytest

from mbrl_ros.core.settings import build
from mbrl_ros.core.spaces import Space
from mbrl_ros.core.task import TaskSettings

ARM = Space.of(["shoulder", "wrist"], [-1.0, -2.0], [1.0, 2.0], ["wrist"])


def test_limits_left_out_are_infinite():
    for space in (Space.of(["a", "b"]), Space.of(["a", "b"], [], [])):
        assert space.low == (-np.inf, -np.inf)
        assert space.high == (np.inf, np.inf)


def test_dimensions_are_found_by_name():
    assert ARM.dim == 2
    assert ARM.index("wrist") == 1
    assert ARM.angle_indices == (1,)
    np.testing.assert_array_equal(ARM.upper, [1.0, 2.0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"names": []}, "names: expected at least one"),
        ({"names": ["a", "b", "a"]}, "names: 'a' appears more than once"),
        ({"names": ["a", "b"], "low": [0.0]}, "low: expected 2 values, one per name, got 1"),
        ({"names": ["a"], "high": [0.0, 1.0]}, "high: expected 1 values, one per name, got 2"),
        ({"names": ["a"], "low": [1.0], "high": [1.0]}, "limits of 'a': expected low < high"),
        ({"names": ["a"], "low": [2.0], "high": [1.0]}, "limits of 'a': expected low < high"),
        ({"names": ["a"], "low": [np.nan]}, "limits of 'a'"),
        ({"names": ["a"], "low": [np.inf]}, "limits of 'a'"),
        ({"names": ["a", "b"], "angles": ["c"]}, "angles: 'c' is not one of a, b"),
        ({"names": ["a", "b"], "angles": ["b", "b"]}, "angles: 'b' appears more than once"),
        ({"names": ["a"], "discrete": ["b"]}, "discrete: 'b' is not one of a"),
        (
            {"names": ["a"], "low": [0.5], "high": [2.0], "discrete": ["a"]},
            "discrete: 'a': expected whole numbers as limits, got 0.5 and 2.0",
        ),
        ({"names": ["a"], "discrete": ["a"]}, "discrete: 'a': expected whole numbers"),
    ],
)
def test_spaces_that_make_no_sense_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Space.of(**arguments)


def test_discrete_dimensions_are_rounded_within_their_limits():
    space = Space.of(["gear", "throttle"], [-1, 0.0], [2, 1.0], discrete=["gear"])
    assert space.clip(np.array([1.4, 0.4])).tolist() == [1.0, 0.4]
    assert space.clip(np.array([[2.9, 1.2], [-5.0, 0.0]])).tolist() == [[2.0, 1.0], [-1.0, 0.0]]


@pytest.mark.parametrize("value", [-2.0, 3.0, 0.5])
def test_a_discrete_dimension_takes_integers_within_its_limits_only(value):
    space = Space.of(["gear", "throttle"], [-1, 0.0], [2, 1.0], discrete=["gear"])
    assert space.check([2, 7.5], "reading").tolist() == [2.0, 7.5]
    with pytest.raises(
        ValueError, match=f"reading: 'gear' is {value:g}, expected an integer from -1"
    ):
        space.check([value, 0.0], "reading")


def test_an_unknown_dimension_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"unknown dimension 'elbow'.*shoulder, wrist"):
        ARM.index("elbow")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1.0], "reading: expected 2 values .*shoulder, wrist.*got shape \\(1,\\)"),
        ([[1.0, 2.0]], "got shape \\(1, 2\\)"),
        (3.0, "got shape \\(\\)"),
        ([1.0, np.nan], "reading: 'wrist' is nan"),
        ([-np.inf, 0.0], "reading: 'shoulder' is -inf"),
        ([1.0, None], "reading: 'wrist' is nan"),
        ([1.0, "fast"], "reading: expected 2 numbers"),
        ([1.0, {}], "reading: expected 2 numbers"),
        ([[1.0], [1.0, 2.0]], "reading: expected 2 numbers"),
        ([10**400, 1.0], "reading: expected 2 numbers"),
    ],
)
def test_vectors_that_do_not_fit_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        ARM.check(values, "reading")


def test_a_vector_that_fits_is_returned_as_float64():
    checked = ARM.check([1, 5], "reading")
    assert checked.dtype == np.float64
    # Observations may leave their limits; only actions are clipped.
    np.testing.assert_array_equal(checked, [1.0, 5.0])


def test_clipping_acts_on_batches():
    clipped = ARM.clip(np.array([[-3.0, -3.0], [0.5, 3.0]]))
    np.testing.assert_array_equal(clipped, [[-1.0, -2.0], [0.5, 2.0]])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"action.names": ["u"], "action.low": [-1.0]}, "expected 1 values each, got 1 and 0"),
        ({}, "action.names: expected at least one name"),
        (
            {"action.names": ["u"], "action.low": [float("-inf")], "action.high": [1.0]},
            "action.low: expected finite limits",
        ),
        (
            {"action.names": ["u"], "action.low": [0.0], "action.high": [float("inf")]},
            "action.high: expected finite limits",
        ),
        (
            {"action.names": ["u"], "action.low": [1.0], "action.high": [0.0]},
            "action.limits of 'u'",
        ),
    ],
)
def test_a_task_refuses_actions_without_finite_limits(values, message):
    with pytest.raises(ValueError, match=message):
        build(TaskSettings, values).action_space()


def test_a_task_names_the_parameter_of_the_observation_that_does_not_fit():
    task = build(TaskSettings, {"observation.names": ["a"], "observation.angles": ["b"]})
    with pytest.raises(ValueError, match=r"^observation.angles: 'b' is not one of a"):
        task.observation_space()
