from itertools import pairwise

import numpy as np
import pytest
import torch
from exact import OBSERVATION, Recorded, action, at, cost, loop, problem, quadratic, start
from scipy.optimize import minimize

from mbrl_ros.core.spaces import Space
from mbrl_ros.models.differentiable import DifferentiableModel
from mbrl_ros.models.dynamics_model import DynamicsModel
from mbrl_ros.models.ensemble.model import EnsembleModel
from mbrl_ros.models.ensemble.settings import EnsembleSettings
from mbrl_ros.objectives.objective import Objective
from mbrl_ros.planning.box_qp import box_qp
from mbrl_ros.planning.quadratic import quadratic_cost

ROUND = Space.of(["angle", "speed"], angles=["angle"])


def swinging():
    """Return an untrained network: something smooth that is not linear."""
    torch.manual_seed(0)
    return DynamicsModel(ROUND, action(1.0), EnsembleSettings(members=3, hidden=[16, 16]))


def differentiable(model):
    return DifferentiableModel(model.dynamics, model.mean_function(), model.members)


@pytest.mark.parametrize("seed", range(10))
def test_the_quadratic_programme_is_solved_within_its_limits(seed):
    rng = np.random.default_rng(seed)
    n = rng.integers(1, 5)
    root = rng.normal(size=(n, n))
    q, linear = root @ root.T + 0.1 * np.eye(n), rng.normal(size=n) * 2
    low, high = -rng.uniform(0, 1, n), rng.uniform(0, 1, n)
    x, free = box_qp(q, linear, low, high)
    best = minimize(
        lambda v: 0.5 * v @ q @ v + linear @ v, np.zeros(n), jac=lambda v: q @ v + linear,
        bounds=list(zip(low, high, strict=True)), tol=1e-12,
    )  # fmt: skip
    np.testing.assert_allclose(x, best.x, atol=1e-4)
    gradient = q @ x + linear
    assert np.abs(gradient[free]).max(initial=0.0) < 1e-6
    assert (((x == low) & (gradient > 0)) | ((x == high) & (gradient < 0)))[~free].all()


@pytest.mark.parametrize("limit", [0.5, 2.0])
def test_with_limits_the_constrained_optimum_is_found(limit):
    objective, state = quadratic(limit), start(1.0, 0.5)
    plan = loop(limit, type="ilqr", horizon=12, iterations=8).plan(
        problem(Recorded(), objective, state)
    )

    def cost_of(forces):
        actions = torch.tensor(forces, dtype=torch.float32).reshape(1, -1, 1)
        return -objective.score(Recorded().imagine(at(Recorded(), state), actions)).item()

    best = minimize(cost_of, np.zeros(12), bounds=[(-limit, limit)] * 12, method="SLSQP",
                    options={"eps": 1e-2, "maxiter": 200})  # fmt: skip
    assert plan.actions.abs().max() == pytest.approx(limit)
    assert cost(plan, objective, state) <= best.fun + 1e-3


def test_derivatives_of_the_model_are_those_of_its_predictions():
    model, x, u = swinging(), torch.randn(4, 2), torch.randn(4, 1)
    by_state, by_action = differentiable(EnsembleModel(model)).mean_jacobians(x, u)

    def plainly(x, u):
        return model.predict(x.expand(3, -1, -1), u.expand(3, -1, -1))[0].mean(dim=0)

    whole = torch.autograd.functional.jacobian(plainly, (x, u))
    for i in range(4):
        torch.testing.assert_close(by_state[i], whole[0][i, :, i])
        torch.testing.assert_close(by_action[i], whole[1][i, :, i])


def test_a_differentiable_rollout_predicts_as_the_fast_one_does():
    dynamics, state, actions = swinging(), torch.randn(1, 1, 2), torch.randn(5, 7, 1)
    for first, members in ((state, None), (torch.randn(3, 1, 2), None), (state, 2)):
        model = EnsembleModel(dynamics, members)
        belief = model.initial(1)._replace(state=first)
        fast = model.imagine(belief, actions).observations
        assert len(fast) == (members or 3)
        torch.testing.assert_close(differentiable(model).rollout(first, actions), fast)
        slow = model.imagine_gradients(belief, actions)
        torch.testing.assert_close(slow.observations, fast)


def test_the_objective_becomes_its_convex_quadratic_part():
    values = {
        "terms": ["p", "wave", "f"],
        "p.of": ["position"], "p.type": "quadratic", "p.weight": 2.0, "p.target": 1.0,
        "wave.of": ["velocity"], "wave.type": "cosine",
        "f.of": ["force"], "f.type": "quadratic", "f.weight": 0.5,
    }  # fmt: skip
    objective = Objective.from_parameters(values, OBSERVATION, action(1.0))
    states = torch.tensor([[9.0, 9.0], [0.0, 0.0], [0.0, np.pi]])
    found = quadratic_cost(objective, states, torch.tensor([[0.3], [0.0]]))
    np.testing.assert_allclose(found.gradient[:, 0], [-4.0, -4.0], atol=1e-5)
    np.testing.assert_allclose(found.gradient[:, 2], [0.3, 0.0], atol=1e-5)
    # A cosine bends the right way at its top only.
    expected = [np.diag([4.0, 1.0, 1.0]), np.diag([4.0, 0.0, 1.0])]
    np.testing.assert_allclose(found.curvature, expected, atol=1e-5)


def test_terms_of_changes_do_not_mix_the_steps_curvatures():
    values = {"terms": ["rate"], "rate.of": ["force"], "rate.type": "quadratic",
              "rate.change": True}  # fmt: skip
    objective = Objective.from_parameters(values, OBSERVATION, action(1.0))
    found = quadratic_cost(objective, torch.zeros(4, 2), torch.tensor([[0.1], [0.4], [0.2]]))
    # Of (b - a)^2 + (c - b)^2; the first action has none before it.
    np.testing.assert_allclose(found.gradient[:, 2], [-0.6, 1.0, -0.4], atol=1e-6)
    np.testing.assert_allclose(found.curvature[:, 2, 2], [2.0, 4.0, 2.0], atol=1e-6)


def test_a_plan_never_gets_worse_on_a_system_that_is_not_linear():
    values = {"terms": ["a", "f"], "a.of": ["angle"], "a.type": "cosine", "a.target": 2.0,
              "f.of": ["force"], "f.type": "quadratic", "f.weight": 0.01}  # fmt: skip
    objective = Objective.from_parameters(values, ROUND, action(1.0))
    planning = loop(1.0, type="ilqr", horizon=20, iterations=1)
    question = problem(EnsembleModel(swinging()), objective, torch.tensor([0.0, 0.0]))
    returns = [planning.plan(question, elapsed=0).expected_return for _ in range(12)]
    assert all(b >= a - 1e-5 for a, b in pairwise(returns))
    assert returns[-1] > returns[0] + 1e-3


@pytest.mark.parametrize("unit", [1e-9, 1e6])
def test_the_unit_of_the_reward_does_not_matter(unit):
    plans = []
    for weight in (1.0, unit):
        values = {"terms": ["a", "f"], "a.of": ["angle"], "a.type": "cosine", "a.target": 2.0,
                  "f.of": ["force"], "f.type": "quadratic"}  # fmt: skip
        weights = {"a.weight": weight, "f.weight": 0.01 * weight}
        objective = Objective.from_parameters({**values, **weights}, ROUND, action(1.0))
        planning = loop(1.0, type="ilqr", horizon=20, iterations=4)
        question = problem(EnsembleModel(swinging()), objective, torch.tensor([0.0, 0.0]))
        plans.append(planning.plan(question).actions)
    assert plans[0].abs().max() > 0.01
    torch.testing.assert_close(plans[1], plans[0], rtol=1e-3, atol=1e-3)


def test_where_a_derivative_is_not_a_number_the_plan_stays():
    model = Recorded()
    planning = loop(1.0, type="ilqr", horizon=5, iterations=3)
    first = planning.plan(problem(model, quadratic(1.0), start(1.0)))
    with torch.no_grad():
        model.dynamics.network.weights[0][0, 0, 0] = float("nan")
    plan = planning.plan(problem(model, quadratic(1.0), start(1.0)), elapsed=0)
    assert torch.equal(plan.actions, first.actions)
