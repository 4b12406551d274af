"""Exact models of simple systems, in the place of a learned one."""

import time

import numpy as np
import torch
from support import linear
from support.linear import OBSERVATION, exact_model

from mbrl_ros.core.settings import build, specs
from mbrl_ros.core.spaces import Space
from mbrl_ros.models.ensemble.model import EnsembleModel
from mbrl_ros.models.imagined import Imagined
from mbrl_ros.objectives.objective import Objective
from mbrl_ros.planning.loop import PlanningLoop
from mbrl_ros.planning.problem import Problem
from mbrl_ros.planning.registry import make_planner
from mbrl_ros.planning.settings import PlannerSettings

A = np.array([[1.0, 0.1], [0.0, 1.0]])
B = np.array([[0.005], [0.1]])


def action(limit):
    return Space.of(["force"], [-limit], [limit])


class LinearModel(linear.LinearModel):
    """A mass that is pushed, unless told otherwise."""

    def __init__(self, a=A, b=B, action=action(1.0)):  # noqa: B008
        super().__init__(a, b, action)


class Recorded(EnsembleModel):
    """The same as a network, so that it has derivatives; remembers what it was asked about."""

    def __init__(self, a=A, b=B, spread=0.0, members=1):
        dynamics = exact_model(a, b, action(1.0), members=members)
        with torch.no_grad():
            force = dynamics.network.weights[0][:, 2, :2]
            # Members that disagree about what it does, around the same mean.
            force += torch.linspace(-spread, spread, members)[:, None] * force
        super().__init__(dynamics)
        self.asked = []

    def imagine(self, belief, actions):
        self.asked.append(actions.clone())
        return super().imagine(belief, actions)

    def imagine_gradients(self, belief, actions):
        self.asked.append(actions.detach().clone())
        return super().imagine_gradients(belief, actions)

    def fork(self, members=None):
        return EnsembleModel(self.dynamics, members)


def quadratic(
    limit=100.0, position=1.0, velocity=0.1, force=0.05, caution=0.0, speed=0.0, tail=1.0
):
    return Objective.from_parameters(
        {
            "terms": ["p", "v", "f", "s"], "caution": caution, "tail": tail,
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


def loop(limit=100.0, seed=0, clock=time.monotonic, **values):
    return PlanningLoop(planner(limit, **values), seed, clock)


def problem(model, objective, start, sent=()):
    return Problem(at(model, start), model, objective, torch.tensor(sent).reshape(-1, 1))


def at(model, state):
    """Return the belief that the plant is in a state, shape ``(S,)``."""
    return model.observe(None, torch.zeros(model.action.dim), state, is_first=True)


def riccati(state, horizon, q, r, a=A, b=B):
    """Return the least cost of driving the linear system for so many steps."""
    p = np.zeros_like(q)
    for _ in range(horizon):
        # What is paid for is the state after each step.
        s = p + q
        gain = np.linalg.solve(r + b.T @ s @ b, b.T @ s @ a)
        p = a.T @ s @ (a - b @ gain)
    return float(state @ p @ state)


def worth(objective, state, actions, model=None):
    """Return what sequences ``(N, H, A)`` are really worth from a state ``(S,)``."""
    return objective.score(Imagined(actions, (model or LinearModel()).predict(state, actions)))


def cost(plan, objective, state):
    """Return what a plan really costs."""
    return -worth(objective, state, plan.actions[None]).item()


def start(position, velocity=0.0):
    return torch.tensor([position, velocity])
