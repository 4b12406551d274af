import itertools

import numpy as np
import pytest
from known import (
    ACTION,
    OBSERVATION,
    A,
    B,
    controller,
    reading,
    step,
)

from mbrl_ros.models.dynamics_model import DynamicsModel
from mbrl_ros.models.ensemble.settings import EnsembleSettings
from mbrl_ros.models.packing import pack
from mbrl_ros.models.world_model import UnlearnedError
from mbrl_ros.objectives.objective import Objective
from mbrl_ros.planning.settings import ICEMSettings


def test_a_plan_says_what_it_expects():
    made = controller()
    assert made.planned is None
    command = made.tick(reading(0, [1.0, 2.0]))
    planned = made.planned
    actions, trajectory = planned.result.actions, planned.trajectory()
    assert actions[0].numpy() == pytest.approx(command.values)
    assert trajectory.shape == (2, 9, 2)
    state = np.array([1.0, 2.0])
    for k, force in enumerate(actions.numpy()):
        np.testing.assert_allclose(trajectory[0, k].numpy(), state, atol=1e-5)
        state = step(state, force)
    assert planned.result.expected_return == command.expected_return


def test_a_plan_says_where_the_best_candidates_lead():
    made = controller()
    made.tick(reading(0, [1.0, 2.0]))
    planned = made.planned
    ways = planned.ways(3)
    assert ways.shape == (2, 4, 9, 2)
    np.testing.assert_allclose(ways[:, 0].numpy(), planned.trajectory().numpy(), atol=1e-6)
    for way, actions in zip(ways[0, 1:].numpy(), planned.result.elites.numpy(), strict=False):
        state = np.array([1.0, 2.0])
        for seen, force in zip(way, actions, strict=False):
            np.testing.assert_allclose(seen, state, atol=1e-5)
            state = step(state, force)


def test_what_if_plans_for_another_objective_and_changes_nothing():
    made = controller(iterations=20, candidates=64, icem=ICEMSettings(finest_scale=1.0))
    with pytest.raises(ValueError, match="what_if: there is no plan now"):
        made.what_if(made.objective)
    made.tick(reading(0))
    before, objective = made.planned, made.objective
    backwards = Objective.from_parameters(
        {"terms": ["back"], "back.of": ["velocity"], "back.weight": -1.0}, OBSERVATION, ACTION
    )
    asked = made.what_if(backwards)
    assert asked.objective.digest == backwards.digest
    assert asked.observation is before.observation
    assert before.result.actions[0] > 0.9
    assert asked.result.actions[0] < ACTION.lower[0] + 0.05
    assert made.planned is before
    assert made.objective is objective
    # The plan that there is competes: one for the same objective is not worse.
    again = made.what_if(made.objective)
    assert again.result.expected_return >= before.result.expected_return - 1e-4


def test_what_if_is_answered_before_long_even_where_planning_takes_long():
    now = itertools.count(0.0, 0.3)  # every look at the clock takes 0.3 s
    made = controller(iterations=2, clock=lambda: next(now))
    made.tick(reading(0))
    began = next(now)
    asked = made.what_if(made.objective)
    assert not asked.result.complete
    assert next(now) < began + 5.0


def cruising(**options):
    """Return a controller that keeps a speed, which costs no more than the least it can."""
    judge = Objective.from_parameters(
        {
            "terms": ["speed", "force"],
            "speed.of": ["velocity"], "speed.type": "quadratic", "speed.target": [0.6],
            "force.of": ["force"], "force.type": "quadratic", "force.target": [0.6],
        },
        OBSERVATION,
        ACTION,
    )  # fmt: skip
    return controller(judge=judge, **options)


def test_gains_are_those_of_the_riccati_equation():
    made = cruising(lock_step=False, period=1000.0, horizon=12)
    made.tick(reading(7, [0.0, 0.6], action_step=4))
    found = made.planned.gains()
    assert (found.episode, found.step, found.acts) == (0, 7, 9)
    assert (found.states.shape, found.actions.shape) == ((4, 2), (3, 1))
    actions, trajectory = made.planned.result.actions, made.planned.trajectory()
    np.testing.assert_array_equal(found.actions, actions[:3].double().numpy())
    np.testing.assert_allclose(found.states, trajectory.mean(dim=0)[:4].numpy(), atol=1e-6)
    cost, gains = np.diag([0.0, 1.0]), []
    ahead = np.zeros((2, 2))
    for _ in range(12):
        worth = cost + ahead  # of the state after the step
        gain = -np.linalg.solve(B.T @ worth @ B + np.eye(1), B.T @ worth @ A)
        ahead = A.T @ worth @ (A + B @ gain)
        gains.insert(0, gain)
    np.testing.assert_allclose(found.gains, gains[:3], rtol=0.01)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [({"delay": 1}, "commands act 1 steps later"), ({"history": 2}, "the model reads a history")],
)
def test_without_a_state_there_are_no_gains(settings, expected):
    made = cruising(model=False)
    made.models.offer(
        pack(DynamicsModel(OBSERVATION, ACTION, EnsembleSettings(hidden=[4], **settings))), 1, 1
    )
    made.tick(reading(0))
    with pytest.raises(UnlearnedError, match=expected):
        made.planned.gains()


def test_a_term_of_ones_own_without_derivatives_gives_no_gains(tmp_path):
    file = tmp_path / "terms.py"
    file.write_text(
        "import numpy as np, torch\n"
        "def own(observation, action):\n"
        "    return torch.from_numpy(np.square(observation['velocity'].numpy()))\n"
    )
    judge = Objective.from_parameters(
        {"terms": ["own"], "own.type": f"{file}:own"}, OBSERVATION, ACTION
    )
    made = controller(judge=judge)
    assert made.tick(reading(0)).reason == ""
    with pytest.raises(UnlearnedError, match=r"no gains: RuntimeError: .*terms\.py:3"):
        made.planned.gains()
