"""Model-predictive control."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from mbrl_ros.agents.agent import Agent
from mbrl_ros.core.spaces import Space
from mbrl_ros.models.heads import is_for
from mbrl_ros.models.world_model import WorldModel
from mbrl_ros.planning.loop import PlanningLoop, PlanResult
from mbrl_ros.planning.planner import Planner
from mbrl_ros.planning.problem import NoPlanError, Problem
from mbrl_ros.planning.registry import make_planner
from mbrl_ros.planning.settings import PlannerSettings


class PlannerAgent(Agent):
    """Plans action sequences at every tick, warm-started from the last plan.

    Together with a policy, the policy's actions are among the candidates, and returns end in the
    learned value (TD-MPC, Hansen et al. 2022, section 3), as far as both were learned for the
    present objective.

    Attributes:
        planner: for a fully trusted model.
    """

    planner: Planner

    def __init__(
        self,
        action: Space,
        settings: PlannerSettings,
        seed: int,
        with_policy: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Create an agent.

        Args:
            action: A dimensions.
            settings: of planning.
            seed: of sampling.
            with_policy: whether it plans together with the model's policy and value.
            clock: what deadlines are on [s].

        Raises:
            ValueError: if the planner does not suit the action.
        """
        self._action, self._with_policy = action, with_policy
        self.planner = make_planner(action, self._with_proposals(settings))
        self._loop = PlanningLoop(self.planner, seed, clock)
        self._loop_reaches = self.planner, 1.0

    @property
    def effort(self) -> str:
        """See `Agent.effort`."""
        return self.planner.effort

    def act(
        self,
        problem: Problem | None,
        deadline: float | None = None,
        elapsed: int = 1,
        reach: float = 1.0,
    ) -> PlanResult | None:
        """See `Agent.act`."""
        if problem is None:
            raise NoPlanError("no model yet to plan with")
        self._plan_as_far_as(reach)
        return self._loop.plan(self.completed(problem), deadline, elapsed)

    def completed(self, problem: Problem) -> Problem:
        """See `Agent.completed`: the learned value."""
        value = problem.model.value
        if not self._with_policy or not is_for(value, problem.objective.digest):
            return problem
        return replace(problem, value=value)

    def reset(self) -> None:
        """See `Agent.reset`."""
        self._loop.reset()

    def check(self, model: WorldModel) -> None:
        """See `Agent.check`."""
        self.planner.check(model)

    def configure(self, settings: PlannerSettings, model: WorldModel | None = None) -> None:
        """See `Agent.configure`; the warm start is kept."""
        made = make_planner(self._action, self._with_proposals(settings))
        if model is not None:
            made.check(model)
        self.planner = made

    def _with_proposals(self, settings: PlannerSettings) -> PlannerSettings:
        if not self._with_policy or "policy" in settings.proposals:
            return settings
        return replace(settings, proposals=[*settings.proposals, "policy"])

    def _plan_as_far_as(self, reach: float) -> None:
        """Limit the horizon to the trusted share."""
        # The attribute may be replaced meanwhile.
        planner = self.planner
        if self._loop_reaches == (planner, reach):
            return
        s = planner.settings
        horizon = max(1, round(reach * s.horizon))
        if horizon == s.horizon:
            self._loop.planner = planner
        else:
            shorter = replace(s, horizon=horizon, knots=min(s.knots, horizon))
            self._loop.planner = make_planner(self._action, shorter)
        self._loop_reaches = planner, reach
