"""Learning of recurrent state-space models."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.linalg import solve_discrete_are

from mbrl_ros.core.kinds import find_kind
from mbrl_ros.core.records import Transition
from mbrl_ros.core.settings import build
from mbrl_ros.core.spaces import Space
from mbrl_ros.learning.checked import make_learner
from mbrl_ros.learning.settings import trainer_settings

# It turns by 0.6 rad a step, and is slowly damped.
A = 0.98 * np.array([[np.cos(0.6), np.sin(0.6)], [-np.sin(0.6), np.cos(0.6)]])
B = np.array([[0.0], [0.3]])
C = np.array([[1.0, 0.0]])
Q, R = 0.01 * np.eye(2), np.array([[0.04]])
SEEN = Space.of(["position"])
PUSH = Space.of(["force"], [-1.0], [1.0])


def noisy(count, seed, length=60):
    """Yield transitions of a linear-Gaussian system, whose velocity nobody sees."""
    rng = np.random.default_rng(seed)

    def read(state):
        return C @ state + rng.multivariate_normal(np.zeros(1), R)

    for row in range(count):
        episode, k = divmod(row, length)
        if k == 0:
            state = rng.normal(size=2)
            seen = read(state)
        action = rng.uniform(-1, 1, size=1)
        state = A @ state + B @ action + rng.multivariate_normal(np.zeros(2), Q)
        after = read(state)
        yield Transition(seen, action, after, episode, k, reward=float(after[0]))
        seen = after


def kalman_errors(transitions):
    """Errors of the optimal one-step prediction, with its stationary gain."""
    p = solve_discrete_are(A.T, C.T, Q, R)
    gain = p @ C.T @ np.linalg.inv(C @ p @ C.T + R)
    errors, state = [], None
    for t in transitions:
        if t.step == 0:
            state = np.array([t.observation[0], 0.0])
        state = A @ state + B @ t.action
        innovation = t.next_observation - C @ state
        errors.append(innovation[0])
        state = state + gain @ innovation
    return np.array(errors)


def learned(count, updates, **values):
    settings = {"model.sequence": 24, "optimizer.learning_rate": 3e-3, "gate.first_error": 9.0}
    settings |= {"optimizer.batch_size": 256}
    made = build(trainer_settings(find_kind("rssm")), {**settings, **values})
    learner = make_learner("rssm", SEEN, PUSH, made, 0)
    for transition in noisy(count, 0):
        learner.append(transition)
    for _ in range(updates):
        learner.update()
    return learner


def test_a_dimension_that_never_changed_does_not_hold_a_model_back():
    settings = {"gate.first_error": 3.0, "gate.segment": 10, "model.sequence": 8}
    settings |= {"optimizer.batch_size": 32, "gate.first_transitions": 100}
    made = build(trainer_settings(find_kind("rssm")), settings)
    learner = make_learner("rssm", Space.of(["position", "altitude"]), PUSH, made, 0)
    for row, t in enumerate(noisy(120, 0)):
        # What is held out is the first to show that it may.
        seen, after = (
            [v[0], 1.0 + (40 < k < 50)]
            for v, k in ((t.observation, row), (t.next_observation, row + 1))
        )
        learner.append(replace(t, observation=seen, next_observation=after))
    for _ in range(15):
        learner.update()
    decision = learner.judge()
    assert decision.update is not None
    assert math.isfinite(learner.take_loss())


@pytest.mark.process
def test_it_filters_what_nobody_sees_and_no_better_than_kalman():
    learner = learned(2400, 120)
    model = find_kind("rssm").make_world_model(learner.judge().update)
    fresh = list(noisy(600, 1))
    errors, unmoved, belief = [], [], None
    for t in fresh:
        if t.step == 0:
            seen = torch.tensor(t.observation).float()
            belief = model.observe(belief, torch.zeros(1), seen, True)
        acted, after = torch.tensor(t.action).float(), torch.tensor(t.next_observation).float()
        told = model.imagine(belief, acted[None, None]).observations[0, 0, 1]
        errors.append((told - after).item())
        unmoved.append(t.observation[0] - t.next_observation[0])
        belief = model.observe(belief, acted, after, False)
    # After the first steps, in which the optimal filter knows as little.
    later = np.array([t.step >= 5 for t in fresh])
    found, best, naive = (
        np.sqrt(np.square(np.array(each)[later]).mean())
        for each in (errors, kalman_errors(fresh), unmoved)
    )
    # After so few updates, of the way from a model that expects no change to the optimum.
    assert 0.55 < (naive - found) / (naive - best) < 1.0
