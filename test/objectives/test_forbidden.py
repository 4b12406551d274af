"""Plans keep out of what is forbidden, by the worst member; the guard judges by the same limits."""

import math

import numpy as np
import pytest
import torch

from mbrl_ros.core.limits import LimitSettings
from mbrl_ros.core.spaces import Space
from mbrl_ros.models.imagined import Imagined
from mbrl_ros.objectives.forbidden import Forbidden
from mbrl_ros.safety.barriers import make_barriers

PLANE = Space.of(["x", "y"])
LIMITS = LimitSettings(
    of=["x"], low=[-1.0], high=[1.0], margin=[0.1], forbidden=["0.5 - sqrt(x**2 + y**2)"]
)


def imagined(states):
    """States of shape (M, N, H, 2) after a first one that is anywhere."""
    states = torch.as_tensor(states, dtype=torch.float32)
    first = torch.full_like(states[:, :, :1], 99.0)
    actions = torch.zeros(states.shape[1], states.shape[2], 1)
    return Imagined(actions, torch.cat([first, states], dim=2), None, None, None)


def test_the_steps_of_the_worst_member_beyond_count_before_what_is_paid():
    good, edge, inside = [0.0, 0.8], [0.95, 0.0], [0.1, 0.1]
    members = [
        [[good, good], [good, edge], [good, good], [good, [math.nan, 0.0]], [good, good]],
        [[good, good], [good, good], [inside, inside], [good, good], [good, good]],
    ]
    seen = imagined(members)
    forbidden = Forbidden(LIMITS, PLANE)
    assert forbidden.beyond(seen).tolist() == [0.0, 1.0, 2.0, 1.0, 0.0]
    for unit in (1e-6, 1.0, 1e6):
        worth = unit * torch.tensor([1.0, 3.0, 5.0, 4.0, 2.0])
        ranked = forbidden.rank(worth, seen)
        assert ranked.argsort(descending=True).tolist() == [4, 0, 3, 1, 2]
        assert ranked[[0, 4]].tolist() == worth[[0, 4]].tolist()
    lost = torch.full((5,), -torch.inf)
    assert forbidden.rank(lost, seen).tolist() == lost.tolist()


def test_nothing_is_forbidden_unless_it_is_said():
    nothing, worth = Forbidden(LimitSettings(), PLANE), torch.ones(1)
    assert not nothing
    seen = imagined([[[[0.0, 0.0]]]])
    assert nothing.beyond(seen).tolist() == [0.0]
    assert nothing.rank(worth, seen) is worth


def test_guard_and_plans_agree_everywhere():
    states = np.random.default_rng(0).uniform(-1.2, 1.2, (500, 2))
    within = [all(b.h(state) >= 0 for b in make_barriers(LIMITS, PLANE)) for state in states]
    beyond = Forbidden(LIMITS, PLANE).beyond(imagined(states[None, :, None]))
    assert [steps == 0.0 for steps in beyond.tolist()] == within
    assert 0 < sum(within) < 500


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"limits\.of: unknown dimension 'z'"):
        Forbidden(LimitSettings(of=["z"]), PLANE)
