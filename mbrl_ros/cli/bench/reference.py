"""What learning is measured against: chance, and the same planner with nothing left to learn."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import fmean

import numpy as np
import torch
from torch import Tensor

from mbrl_ros.cli.bench.curve import EVALUATION_SEED, Evaluated
from mbrl_ros.cli.bench.kept import Curve
from mbrl_ros.cli.lock_step import LockStepSystem
from mbrl_ros.control.command import Command, Outcome
from mbrl_ros.core.records import Observation
from mbrl_ros.dynamics.model import DynamicsModel
from mbrl_ros.objectives.objective import Objective
from mbrl_ros.planning.loop import PlanningLoop
from mbrl_ros.planning.planner import Planner
from mbrl_ros.planning.problem import Problem
from mbrl_ros.plants.true_dynamics import NoTrueDynamicsError, TrueDynamics, true_dynamics
from mbrl_ros.spaces import FloatArray, Space

# Commands that a planner may look back to.
_SENT = 25


@dataclass(frozen=True)
class Reference(Evaluated):
    """A return that takes no learning; its curve is one point, after no steps.

    Attributes:
        kind: random, or true dynamics.
    """

    kind: str

    @property
    def method(self) -> str:
        """What plays."""
        return self.kind

    @property
    def label(self) -> str:
        """Its kind; the seed is always the same."""
        return self.kind.replace(" ", "_")

    def measure(self, threads: int) -> Curve:
        """Play.

        Raises:
            NoTrueDynamicsError: if the plant's true dynamics cannot be planned with.
            ValueError: naming the parameter that does not fit.
        """
        system = LockStepSystem(self.judged)
        if self.kind == "random":
            system.controller = UniformActions(  # type: ignore[assignment]  # all that is asked of it
                system.controller.action, system.controller.objective
            )
        else:
            if self.judged.own("mujoco_sim").get("actuation_delay"):
                raise NoTrueDynamicsError("actuation_delay: what is under way is left out")
            rollout = TrueRollout(true_dynamics(system.simulator.plant, threads))
            system.controller = AllKnowing(  # type: ignore[assignment]  # all that is asked of it
                rollout, system.controller.planner, system.controller.objective
            )
        return [(0, fmean(system.evaluate(self.episodes)))]


class Player:
    """Answers readings in the controller's place.

    Attributes:
        objective: what it is to do.
    """

    objective: Objective

    def adapt(self, enabled: bool) -> bool:
        """Say that nothing is ever adapted."""
        return False


class UniformActions(Player):
    """Answers every observation with any action, all of them equally likely."""

    def __init__(self, action: Space, objective: Objective) -> None:
        self.objective = objective
        self._action = action
        self._rng = np.random.default_rng(EVALUATION_SEED)

    def tick(self, observation: Observation) -> Command:
        """Answer a observation."""
        return _answer(observation, self._drawn(), Outcome.EXPLORATION)

    def _drawn(self) -> FloatArray:
        space = self._action
        drawn = self._rng.uniform(space.lower, space.upper)
        for i in space.discrete_indices:
            drawn[i] = self._rng.integers(int(space.low[i]), int(space.high[i]), endpoint=True)
        return drawn


class AllKnowing(Player):
    """Plans every answer with the true dynamics."""

    def __init__(self, rollout: TrueRollout, planner: Planner, objective: Objective) -> None:
        self.objective = objective
        self._rollout = rollout
        self._loop = PlanningLoop(planner, EVALUATION_SEED)
        self._sent: list[FloatArray] = []

    def tick(self, observation: Observation) -> Command:
        """Answer a observation."""
        if observation.step == 0:
            self._loop.reset()
            self._sent = []
        previous = self._sent[-1].tolist() if self._sent else None
        space = self.objective.action
        problem = Problem(
            torch.from_numpy(observation.values).float(),
            self._rollout,  # type: ignore[arg-type]  # has what is asked of it
            self.objective.at(observation.step, previous),
            torch.tensor(np.array(self._sent)).float().reshape(-1, space.dim),
        )
        plan = self._loop.plan(problem)
        assert plan is not None  # without a deadline there is the time
        values = space.clip(plan.actions[0].double().numpy())
        self._sent = [*self._sent, values][-_SENT:]
        return _answer(observation, values, Outcome.PLANNED)


def _answer(observation: Observation, values: FloatArray, outcome: Outcome) -> Command:
    return Command(
        observation.episode, observation.step, values, outcome, "", 0.0, 0.0, (0, 0), math.nan
    )  # fmt: skip


class TrueRollout:
    """Predicts trajectories with a plant's true dynamics, from where the plant is.

    Attributes:
        members: one: they would all agree.
    """

    members = 1

    def __init__(self, dynamics: TrueDynamics) -> None:
        self._dynamics = dynamics

    @property
    def model(self) -> DynamicsModel:
        """There is none, for planners that need more of it than predictions.

        Raises:
            NoTrueDynamicsError: always.
        """
        raise NoTrueDynamicsError("the planner needs derivatives")

    def __call__(self, start: Tensor, actions: Tensor) -> Tensor:
        """Predict trajectories.

        Args:
            start: the plant's present observation, shape ``(O,)``.
            actions: shape ``(N, H, A)``.

        Returns:
            observations of shape ``(1, N, H + 1, O)``.
        """
        following = torch.from_numpy(self._dynamics(actions.double().numpy())).float()
        first = start.expand(len(actions), 1, -1)
        return torch.cat([first, following], dim=1)[None]
