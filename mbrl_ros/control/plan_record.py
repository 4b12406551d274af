"""A plan with all that it was made from: what it expects, and what else could have been."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from mbrl_ros.core.extensions import describe
from mbrl_ros.core.records import Observation, PlanGains
from mbrl_ros.core.spaces import FloatArray
from mbrl_ros.models.world_model import UnlearnedError
from mbrl_ros.objectives.objective import Objective
from mbrl_ros.planning.backward import backward
from mbrl_ros.planning.loop import PlanningLoop, PlanResult
from mbrl_ros.planning.planner import Planner, shifted
from mbrl_ros.planning.problem import Problem

# Plans on end for an objective that no plan was made for yet: the effort that a warm start saves.
_ROUNDS = 5
# After this long no further one is begun: an answer is waited for, and so is the end of a node [s].
_PATIENCE = 1.0
# Steps of a plan that have gains: more than may act before a command is too old.
_STEPS = 3
# Of the gains' computation; see `backward`.
_DAMPING = 1e-3


@dataclass(frozen=True)
class PlanRecord:
    """A plan, its question and the observation behind that.

    Attributes:
        observation: planned from.
        problem: what was to be planned.
        result: the plan.
        version: epoch and sequence of the model it was made with.
    """

    observation: Observation
    problem: Problem
    result: PlanResult
    version: tuple[int, int]

    @property
    def objective(self) -> Objective:
        """What it was made for."""
        return self.problem.objective

    def held(self, episode: int, step: int) -> FloatArray | None:
        """Return its action for the observation of a step, shape ``(A,)``; None: it has none."""
        actions, ahead = self.result.actions, step - self.observation.step
        if episode != self.observation.episode or not 0 <= ahead < len(actions):
            return None
        values: FloatArray = actions[ahead].double().numpy()
        return values

    def trajectory(self) -> Tensor | None:
        """Return the observations that each member expects; costs a rollout.

        For the thread that plans: the model is its own.

        Returns:
            shape ``(M, H + 1, O)``, SI units; it begins where the first action acts. None where the
            model predicts no named dimensions.
        """
        ways = self.ways(0)
        return None if ways is None else ways[:, 0]

    def ways(self, count: int) -> Tensor | None:
        """Return the observations that each member expects of the plan and the best candidates.

        Costs a rollout, as `trajectory`.

        Args:
            count: of candidates, at most.

        Returns:
            shape ``(M, 1 + K, H + 1, O)``, otherwise as of `trajectory`; the plan first, then
            `PlanResult.elites`.
        """
        actions = torch.cat([self.result.actions[None], self.result.elites[:count]])
        seen = self.problem.model.imagine(self.problem.belief, actions).observations
        return None if seen is None else seen.clone().cpu()

    @torch.no_grad()
    def gains(self) -> PlanGains:
        """Return the start of the plan with the feedback that is best around it; costs a rollout.

        It is the optimum of the objective to second order, by the model's derivatives along the
        plan. For the thread that plans.

        Raises:
            UnlearnedError: if the model does not know it.
        """
        problem, actions = self.problem, self.result.actions
        model, space = problem.model, problem.objective.action
        if model.delay:
            raise UnlearnedError(f"no gains: commands act {model.delay} steps later than is told")
        start, local = model.linearized(problem.belief)
        if len(start) != model.observation.dim:
            raise UnlearnedError("no gains: the model reads a history, not one observation")
        trajectory = self.trajectory()
        assert trajectory is not None  # as it has derivatives
        states = trajectory.mean(dim=0)
        low, high = (torch.tensor(limits).float() for limits in (space.low, space.high))
        try:
            policy = backward(local, problem.objective, states, actions, low, high, _DAMPING)
        except Exception as error:  # a user's own term need not have derivatives
            what = str(error) if isinstance(error, ValueError) else describe(error)
            raise UnlearnedError(f"no gains: {what}") from None
        if policy is None:
            raise UnlearnedError("no gains: a derivative is not finite")
        return PlanGains(
            self.observation.episode,
            self.observation.step,
            problem.objective.step,
            states[: _STEPS + 1].double().numpy(),
            space.clip(actions[:_STEPS].double().numpy()),
            policy.feedback[:_STEPS].double().numpy(),
        )

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
        return PlanRecord(self.observation, problem, result, self.version)
