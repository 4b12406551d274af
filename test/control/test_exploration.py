import numpy as np
import pytest

from mbrl_ros.control.exploration import Exploration
from mbrl_ros.control.settings import ExplorationSettings
from mbrl_ros.core.spaces import Space

ACTION = Space.of(["u", "v"], [-1.0, 10.0], [1.0, 30.0])


def explored(count=2000, seed=0, limits=(), **settings):
    explore = Exploration(ACTION, ExplorationSettings(**settings), seed, 0.02, limits)
    actions = [np.array([0.0, 20.0])]
    for _ in range(count):
        actions.append(explore(actions[-1]))
    return np.array(actions[1:])


def test_actions_are_within_the_limits_and_reach_them():
    actions = explored(std=1.0)
    assert actions.shape == (2000, 2)
    np.testing.assert_array_equal(actions.min(axis=0), ACTION.lower)
    np.testing.assert_array_equal(actions.max(axis=0), ACTION.upper)


def test_actions_scatter_around_the_middle_of_the_range_as_asked():
    actions = explored(20_000, std=0.1, noise_beta=0.0)
    np.testing.assert_allclose(actions.mean(axis=0) / [1.0, 10.0], [0.0, 2.0], atol=0.01)
    np.testing.assert_allclose(actions.std(axis=0), [0.1, 1.0], rtol=0.05)


def test_the_same_seed_explores_the_same_way():
    np.testing.assert_array_equal(explored(600, seed=5), explored(600, seed=5))
    assert not np.array_equal(explored(seed=5), explored(seed=6))


def test_on_hardware_it_goes_no_further_and_no_faster_than_asked():
    actions = explored(amplitude=0.4, rate=1.0)
    np.testing.assert_allclose(abs(actions - [0.0, 20.0]).max(axis=0), [0.4, 4.0])
    np.testing.assert_allclose(abs(np.diff(actions, axis=0)).max(axis=0), [0.04, 0.4])
    # What the task allows holds as well: one definition for the guard and for it.
    actions = explored(rate=1.0, limits=[0.5, 1000.0])
    np.testing.assert_allclose(abs(np.diff(actions, axis=0)).max(axis=0), [0.01, 0.4])


def test_it_never_repeats_itself():
    actions = explored(1024, std=0.1)
    assert len(np.unique(actions[:, 0])) == 1024


@pytest.mark.parametrize(("beta", "low", "high"), [(0.0, -0.1, 0.1), (2.0, 0.8, 1.0)])
def test_slow_noise_holds_its_direction(beta, low, high):
    u = explored(4096, std=0.2, noise_beta=beta)[:, 0]
    assert low < np.corrcoef(u[1:], u[:-1])[0, 1] < high


def test_dimensions_are_explored_independently():
    u, v = explored(8192, noise_beta=0.5, std=0.3).T
    assert abs(np.corrcoef(u, v)[0, 1]) < 0.1
