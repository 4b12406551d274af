"""What makes one plan: our planner on our rollout engine and on a plain one, and the limit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from mbrl_ros.dynamics.model import DynamicsModel
from mbrl_ros.dynamics.rollout import Rollout
from mbrl_ros.dynamics.settings import ModelSettings
from mbrl_ros.objectives.objective import Objective
from mbrl_ros.planning.loop import PlanningLoop
from mbrl_ros.planning.problem import Problem
from mbrl_ros.planning.registry import make_planner
from mbrl_ros.planning.settings import PlannerSettings
from mbrl_ros.spaces import Space

OBSERVATION = Space.of(["x", "cosine", "sine", "speed", "rate"])
ACTION = Space.of(["force"], [-1.0], [1.0])
MEMBERS = 5
_MATRIX = 1024

Plan = Callable[[], object]


@dataclass(frozen=True)
class Setting:
    """The size of a planning problem.

    Attributes:
        name: in the table.
        hidden: sizes of the networks' hidden layers.
        candidates: N.
        iterations: of the planner.
        horizon: H.
        particles: that mbrl-lib spreads over the members; ours has one for each member.
    """

    name: str
    hidden: tuple[int, ...]
    candidates: int
    iterations: int
    horizon: int
    particles: int

    def evaluations(self, particles: int) -> int:
        """Return the model evaluations of a plan: one network, one candidate, one step each."""
        return self.candidates * self.iterations * self.horizon * particles

    @property
    def flops(self) -> int:
        """Floating point operations of an evaluation that predicts a mean, and no more."""
        sizes = [OBSERVATION.dim + ACTION.dim, *self.hidden, OBSERVATION.dim]
        return 2 * sum(a * b for a, b in pairwise(sizes))


class _PlainRollout:
    """The same predictions, written down plainly: the network's own forward, step by step."""

    def __init__(self, model: DynamicsModel) -> None:
        self.model = model

    @torch.inference_mode()
    def __call__(self, start: Tensor, actions: Tensor) -> Tensor:
        states = [start.expand(MEMBERS, len(actions), -1)]
        for action in actions.unbind(dim=1):
            states.append(predict(self.model, states[-1], action))
        return torch.stack(states, dim=2)


def predict(model: DynamicsModel, state: Tensor, action: Tensor) -> Tensor:
    """Return what each member's own forward predicts for the same actions ``(N, A)``."""
    following, _ = model.predict(state.expand(MEMBERS, -1, -1), action.expand(MEMBERS, -1, -1))
    return following


def make_model(setting: Setting) -> DynamicsModel:
    """Return an untrained model of the setting's size; its speed is that of a trained one."""
    generator = torch.Generator().manual_seed(0)
    hidden = list(setting.hidden)
    return DynamicsModel(
        OBSERVATION, ACTION, ModelSettings(members=MEMBERS, hidden=hidden), generator
    )


def ours(setting: Setting, plain: bool = False) -> tuple[Plan, int]:
    """Return what makes one plan with our planner, and its model evaluations.

    Args:
        setting: the problem's size.
        plain: without our rollout engine.
    """
    model = make_model(setting)
    rollout = _PlainRollout(model) if plain else Rollout(model)
    names = {"terms": ["near", "gentle"], "near.type": "quadratic", "near.of": ["x"],
             "gentle.type": "quadratic", "gentle.of": ["force"]}  # fmt: skip
    settings = PlannerSettings(
        type="cem",
        horizon=setting.horizon,
        candidates=setting.candidates,
        iterations=setting.iterations,
    )
    loop = PlanningLoop(make_planner(ACTION, settings), seed=0)
    problem = Problem(
        torch.zeros(OBSERVATION.dim),
        rollout,  # type: ignore[arg-type]  # the plain one has what is asked of it
        Objective.from_parameters(names, OBSERVATION, ACTION),
        torch.empty(0, ACTION.dim),
    )
    return lambda: loop.plan(problem), setting.evaluations(MEMBERS)


def matrix_product() -> tuple[Plan, float]:
    """Return a large matrix product and its floating point operations."""
    a, b = torch.randn(_MATRIX, _MATRIX), torch.randn(_MATRIX, _MATRIX)
    out = torch.empty(_MATRIX, _MATRIX)
    return lambda: torch.mm(a, b, out=out), 2.0 * _MATRIX**3
