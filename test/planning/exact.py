"""Exact models of simple systems, in the place of a learned one."""

import numpy as np
import torch
from support.linear import OBSERVATION, exact_model

from mbrl_ros.dynamics.rollout import Rollout
from mbrl_ros.objectives.objective import Objective
from mbrl_ros.planning.loop import PlanningLoop
from mbrl_ros.planning.problem import Problem
from mbrl_ros.planning.registry import make_planner
from mbrl_ros.planning.settings import PlannerSettings
from mbrl_ros.settings import build, specs
from mbrl_ros.spaces import Space

A = np.array([[1.0, 0.1], [0.0, 1.0]])
B = np.array([[0.005], [0.1]])


def action(limit):
    return Space.of(["force"], [-limit], [limit])


class LinearRollout:
    """Predicts x' = A x + B u, and remembers the candidates it was asked about."""

    def __init__(self, a=A, b=B):
        self.a, self.b = torch.from_numpy(a).float(), torch.from_numpy(b).float()
        self.asked = []

    def __call__(self, start, actions):
        self.asked.append(actions.clone())
        states = [start.expand(len(actions), -1)]
        for k in range(actions.shape[1]):
            states.append(states[-1] @ self.a.T + actions[:, k] @ self.b.T)
        return torch.stack(states, dim=1)[None]


class Recorded(Rollout):
    """The same as a model, so that it has derivatives; remembers what it was asked about."""

    def __init__(self, a=A, b=B, spread=0.0, members=1):
        model = exact_model(a, b, action(1.0), members=members)
        with torch.no_grad():
            force = model.network.weights[0][:, 2, :2]
            # Members that disagree about what it does, around the same mean.
            force += torch.linspace(-spread, spread, members)[:, None] * force
        super().__init__(model)
        self.asked = []

    def __call__(self, start, actions):
        self.asked.append(actions.clone())
        return super().__call__(start, actions)


def quadratic(limit=100.0, position=1.0, velocity=0.1, force=0.05, caution=0.0, speed=0.0):
    return Objective.from_parameters(
        {
            "terms": ["p", "v", "f", "s"], "caution": caution,
            "s.of": ["velocity"], "s.weight": speed,
            "p.of": ["position"], "p.type": "quadratic", "p.weight": position,
            "v.of": ["velocity"], "v.type": "quadratic", "v.weight": velocity,
            "f.of": ["force"], "f.type": "quadratic", "f.weight": force,
        },
        OBSERVATION,
        action(limit),
    )  # fmt: skip


def settings(**values):
    """Return settings by their last names, such as ``decay`` for ``icem.decay``."""
    names = {spec.name.split(".")[-1]: spec.name for spec in specs(PlannerSettings)}
    return build(PlannerSettings, {names[name]: value for name, value in values.items()})


def planner(limit=100.0, **values):
    return make_planner(action(limit), settings(**values))


def loop(limit=100.0, seed=0, **values):
    return PlanningLoop(planner(limit, **values), seed)


def problem(rollout, objective, start, sent=()):
    return Problem(start, rollout, objective, torch.tensor(sent).reshape(-1, 1))


def riccati(state, horizon, q, r, a=A, b=B):
    """Return the least cost of driving the linear system for so many steps."""
    p = np.zeros_like(q)
    for _ in range(horizon):
        # What is paid for is the state after each step.
        s = p + q
        gain = np.linalg.solve(r + b.T @ s @ b, b.T @ s @ a)
        p = a.T @ s @ (a - b @ gain)
    return float(state @ p @ state)


def cost(plan, objective, state):
    """Return what a plan really costs."""
    actions = plan.actions[None]
    return -objective.returns(LinearRollout()(state, actions), actions).item()


def start(position, velocity=0.0):
    return torch.tensor([position, velocity])
