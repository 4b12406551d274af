"""A planner that hands over to a policy."""

from __future__ import annotations

from mbrl_ros.agents.agent import Agent
from mbrl_ros.agents.planner_agent import PlannerAgent
from mbrl_ros.agents.policy_agent import PolicyAgent
from mbrl_ros.models.world_model import WorldModel
from mbrl_ros.planning.loop import PlanResult
from mbrl_ros.planning.problem import Problem
from mbrl_ros.planning.settings import PlannerSettings


class HandoverAgent(Agent):
    """Plans until the model has a policy, which decides from then on (Nagabandi et al. 2018).

    When that is, the learner decides: with ``policy.imitated``, once the policy has seen enough of
    the plans to do without.
    """

    def __init__(self, planning: PlannerAgent, acting: PolicyAgent) -> None:
        self._planning, self._acting = planning, acting
        self._newest: Agent = planning
        self.planner = planning.planner

    @property
    def effort(self) -> str:
        """See `Agent.effort`."""
        return self._newest.effort

    def act(
        self,
        problem: Problem | None,
        deadline: float | None = None,
        elapsed: int = 1,
        reach: float = 1.0,
    ) -> PlanResult | None:
        """See `Agent.act`."""
        learned = problem is not None and problem.model.policy is not None
        self._newest = self._acting if learned else self._planning
        self._newest.exploring = self.exploring
        return self._newest.act(problem, deadline, elapsed, reach)

    def reset(self) -> None:
        """See `Agent.reset`."""
        self._planning.reset()

    def check(self, model: WorldModel) -> None:
        """See `Agent.check`."""
        if model.policy is None:
            self._planning.check(model)

    def configure(self, settings: PlannerSettings, model: WorldModel | None = None) -> None:
        """See `Agent.configure`."""
        self._planning.configure(settings, model)
        self.planner = self._planning.planner
