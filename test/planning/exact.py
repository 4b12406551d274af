"""Exact models of simple systems, in the place of a learned one."""

import numpy as np
import torch

from mbrl_ros.objectives.objective import Objective
from mbrl_ros.planning.icem import ICEM
from mbrl_ros.planning.loop import PlanningLoop
from mbrl_ros.planning.settings import PlannerSettings
from mbrl_ros.spaces import Space

OBSERVATION = Space.of(["position", "velocity"])
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


def quadratic(limit=100.0, position=1.0, velocity=0.1, force=0.05):
    return Objective.from_parameters(
        {
            "terms": ["p", "v", "f"],
            "p.of": ["position"], "p.type": "quadratic", "p.weight": position,
            "v.of": ["velocity"], "v.type": "quadratic", "v.weight": velocity,
            "f.of": ["force"], "f.type": "quadratic", "f.weight": force,
        },
        OBSERVATION,
        action(limit),
    )  # fmt: skip


def planner(limit=100.0, **settings):
    return ICEM(action(limit), PlannerSettings(**settings))


def loop(limit=100.0, seed=0, **settings):
    return PlanningLoop(planner(limit, **settings), seed)


def start(position, velocity=0.0):
    return torch.tensor([position, velocity])
