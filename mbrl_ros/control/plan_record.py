"""A plan with all that it was made from: what it expects, and what else could have been."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from mbrl_ros.core.records import Observation
from mbrl_ros.objectives.objective import Objective
from mbrl_ros.planning.loop import PlanningLoop, PlanResult
from mbrl_ros.planning.planner import Planner, shifted
from mbrl_ros.planning.problem import Problem

# Plans on end for an objective that no plan was made for yet: the effort that a warm start saves.
_ROUNDS = 5
# After this long no further one is begun: an answer is waited for, and so is the end of a node [s].
_PATIENCE = 1.0


@dataclass(frozen=True)
class PlanRecord:
    """A plan, its question and the observation behind that.

    Attributes:
        observation: planned from.
        problem: what was to be planned.
        result: the plan.
    """

    observation: Observation
    problem: Problem
    result: PlanResult

    @property
    def objective(self) -> Objective:
        """What it was made for."""
        return self.problem.objective

    def trajectory(self) -> Tensor | None:
        """Return the observations that each member expects; costs a rollout.

        For the thread that plans: the model is its own.

        Returns:
            shape ``(M, H + 1, O)``, SI units; it begins where the first action acts. None where the
            model predicts no named dimensions.
        """
        imagined = self.problem.model.imagine(self.problem.belief, self.result.actions[None])
        seen = imagined.observations
        return None if seen is None else seen[:, 0].clone().cpu()

    @torch.no_grad()
    def what_if(
        self,
        objective: Objective,
        planner: Planner,
        clock: Callable[[], float] = time.monotonic,
    ) -> PlanRecord:
        """Return what would be planned from the same start for another objective.

        For any thread. The plan for the present objective is among the candidates.

        Args:
            objective: planned for.
            planner: plans.
            clock: limits how long that takes [s].

        Raises:
            NoPlanError: if no candidate has a finite return.
        """
        then = self.problem
        problem = Problem(
            then.belief,
            then.model.fork(then.model.members),
            objective.at(
                then.objective.step, then.objective.previous_action, then.objective.reward_model
            ),
            then.sent,
            # The plan may be of another length than what is planned now.
            shifted(self.result.actions, 0, planner.settings.horizon)[None],
        )
        loop, deadline = PlanningLoop(planner, 0, clock), clock() + _PATIENCE
        result = loop.plan(problem, deadline)
        assert result is not None  # what nobody has timed yet is begun
        for _ in range(_ROUNDS - 1):
            result = loop.plan(problem, deadline, elapsed=0) or result
        return PlanRecord(self.observation, problem, result)
