"""Members that vote on a policy."""

import pytest
import torch
from support.linear import OBSERVATION, exact_model
from support.systems import ACTION, A, B

from mbrl_ros.learning.policy.vote import vote
from mbrl_ros.objectives.objective import Objective

NEAR = {"terms": ["near"], "near.of": ["position"], "near.type": "quadratic"}


class Push:
    """Pushes towards zero, or away from it, or always to one side."""

    objective = ""

    def __init__(self, gain, always=0.0):
        self._gain, self._always = gain, always

    def __call__(self, features):
        push = self._gain * (features[..., :1] + 0.5 * features[..., 1:]) + self._always
        return push.clamp(-1, 1).float()


class Slope:
    """Nothing is worth anything, or what is ahead is."""

    objective = ""

    def __init__(self, slope=0.0):
        self._slope = slope

    def __call__(self, features):
        return self._slope * features[..., 0]


def votes(first, second, value=None, spoil=None):
    model = exact_model(A, B, ACTION, members=4, likelihood="deterministic")
    model.network.mean_square.fill_(1e-12)
    if spoil:
        for weight in model.network.weights:
            weight.data[:spoil] *= -1.0
    start = 2 * torch.rand(40, 2, generator=torch.Generator().manual_seed(0)) - 1
    objective = Objective.from_parameters(NEAR, OBSERVATION, ACTION)
    return vote(start, 20, model, (first, second), value or Slope(), objective, 1)


def test_they_are_for_the_one_that_is_better():
    assert votes(Push(-1.0), Push(1.0)) == 1.0
    assert votes(Push(1.0), Push(-1.0)) == 0.0
    # No difference is no improvement.
    assert votes(Push(-1.0), Push(-1.0)) == 0.0


def test_each_member_has_its_own_opinion():
    assert votes(Push(-1.0), Push(1.0), spoil=1) == pytest.approx(0.75)


def test_what_comes_after_counts():
    right, left = Push(0.0, 1.0), Push(0.0, -1.0)
    assert votes(right, left, Slope(1e4)) == 1.0
    assert votes(right, left, Slope(-1e4)) == 0.0
