"""Planning engines: our planner on our rollout engine and on a plain one, and the limit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from mbrl_ros.core.spaces import Space
from mbrl_ros.models.dynamics_model import DynamicsModel
from mbrl_ros.models.ensemble.engines import engines_of
from mbrl_ros.models.ensemble.model import EnsembleModel
from mbrl_ros.models.ensemble.settings import EnsembleSettings
from mbrl_ros.models.imagined import Imagined
from mbrl_ros.models.world_model import Belief
from mbrl_ros.objectives.objective import Objective
from mbrl_ros.planning.loop import PlanningLoop
from mbrl_ros.planning.problem import Problem
from mbrl_ros.planning.registry import make_planner
from mbrl_ros.planning.settings import PlannerSettings

OBSERVATION = Space.of(["x", "cosine", "sine", "speed", "rate"])
ACTION = Space.of(["force"], [-1.0], [1.0])
MEMBERS = 5
_MATRIX = 1024

Plan = Callable[[], object]


@dataclass(frozen=True)
class Setting:
    """The size of a planning problem.

    Attributes:
        name: label in the table.
        hidden: sizes of the networks' hidden layers.
        candidates: N.
        iterations: planner iterations.
        horizon: H.
        particles: mbrl-lib's, spread over the members; ours has one for each member.
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
        """Floating-point operations of an evaluation that predicts only a mean."""
        sizes = [OBSERVATION.dim + ACTION.dim, *self.hidden, OBSERVATION.dim]
        return 2 * sum(a * b for a, b in pairwise(sizes))


class _PlainModel(EnsembleModel):
    """The same predictions in plain PyTorch: the network's own forward, step by step."""

    @torch.inference_mode()
    def imagine(self, belief: Belief, actions: Tensor) -> Imagined:
        state = belief[0].expand(MEMBERS, len(actions), -1)
        steps = self.dynamics.unroll(state, actions.unbind(dim=1))
        observations = torch.stack([state, *(step.next_observation for step in steps)], dim=2)
        return Imagined(actions, observations, observations)


def predict(model: DynamicsModel, state: Tensor, action: Tensor) -> Tensor:
    """Return the prediction of each member's own forward for the same actions ``(N, A)``."""
    return next(model.unroll(state, [action])).next_observation


def make_model(setting: Setting) -> DynamicsModel:
    """Return an untrained model of the setting's size; it is as fast as a trained one."""
    generator = torch.Generator().manual_seed(0)
    hidden = list(setting.hidden)
    return DynamicsModel(
        OBSERVATION, ACTION, EnsembleSettings(members=MEMBERS, hidden=hidden), generator
    )


def our_engines(setting: Setting) -> tuple[str, ...]:
    """Return the names of our engines that there are on this machine for a setting."""
    return engines_of(make_model(setting))


def ours(setting: Setting, engine: str = "float32", plain: bool = False) -> tuple[Plan, int]:
    """Return a function that plans once with our planner, and its model evaluations.

    Args:
        setting: the problem's size.
        engine: that computes the rollouts.
        plain: without our rollout engine.
    """
    model = (_PlainModel if plain else EnsembleModel)(make_model(setting), engine=engine)
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
        model.observe(None, torch.zeros(ACTION.dim), torch.zeros(OBSERVATION.dim), True),
        model,
        Objective.from_parameters(names, OBSERVATION, ACTION),
        torch.empty(0, ACTION.dim),
    )
    return lambda: loop.plan(problem), setting.evaluations(MEMBERS)


def matrix_products() -> tuple[dict[str, Plan], float]:
    """Return a large matrix product by each library and type of number, and its operations."""
    library = "MKL" if torch.backends.mkl.is_available() else "torch's BLAS"
    products = {f"{library}, float32": _product(torch.float32)}
    if torch.backends.mkldnn.is_available():
        a, b = torch.randn(_MATRIX, _MATRIX), torch.randn(_MATRIX, _MATRIX)
        packed = torch.ops.mkldnn._reorder_linear_weight(b, None)
        linear = torch.ops.mkldnn._linear_pointwise
        products["oneDNN, float32"] = lambda: linear(a, packed, None, "none", [], "")
        products["oneDNN, bfloat16"] = _product(torch.bfloat16)
    return products, 2.0 * _MATRIX**3


def _product(dtype: torch.dtype) -> Plan:
    a, b = torch.randn(2, _MATRIX, _MATRIX).to(dtype)
    out = torch.empty(_MATRIX, _MATRIX, dtype=dtype)
    return lambda: torch.mm(a, b, out=out)
