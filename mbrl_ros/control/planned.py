"""A plan with all that it was made from: what it expects, and what else could have been."""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch
from torch import Tensor

from mbrl_ros.core.records import Observation
from mbrl_ros.dynamics.rollout import Rollout
from mbrl_ros.objectives.objective import Objective
from mbrl_ros.planning.loop import PlanningLoop, PlanResult
from mbrl_ros.planning.planner import Planner, shifted
from mbrl_ros.planning.problem import Problem

# Plans on end for an objective that no plan was made for yet: the effort that a warm start saves.
_ROUNDS = 5
# After this long no further one is begun: an answer is waited for, and so is the end of a node [s].
_PATIENCE = 1.0


@dataclass(frozen=True)
class Planned:
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

    def trajectory(self) -> Tensor:
        """Return the observations that each member expects; costs a rollout.

        For the thread that plans: the rollout is its own.

        Returns:
            shape ``(M, H + 1, O)``, SI units; it begins where the first action acts.
        """
        problem = self.problem
        return problem.rollout(problem.start, self.result.actions[None])[:, 0].clone().cpu()

    @torch.no_grad()
    def what_if(self, objective: Objective, planner: Planner) -> Planned:
        """Return what would be planned from the same start for another objective.

        For any thread. The plan for the present objective is among the candidates.

        Args:
            objective: planned for.
            planner: plans.

        Raises:
            NoPlanError: if no candidate has a finite return.
        """
        then = self.problem
        problem = Problem(
            then.start,
            Rollout(then.rollout.model, then.rollout.members),
            objective.at(
                then.objective.step, then.objective.previous_action, then.objective.outcomes
            ),
            then.sent,
            # The plan may be of another length than what is planned now.
            shifted(self.result.actions, 0, planner.settings.horizon)[None],
        )
        loop, deadline = PlanningLoop(planner, seed=0), time.monotonic() + _PATIENCE
        result = loop.plan(problem, deadline)
        assert result is not None  # what nobody has timed yet is begun
        for _ in range(_ROUNDS - 1):
            result = loop.plan(problem, deadline, elapsed=0) or result
        return Planned(self.observation, problem, result)
