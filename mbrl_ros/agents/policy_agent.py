"""Actions of the model's policy, without planning."""

from __future__ import annotations

import torch

from mbrl_ros.agents.agent import Agent
from mbrl_ros.core.spaces import Space
from mbrl_ros.models.world_model import UnlearnedError, WorldModel
from mbrl_ros.planning.loop import PlanResult
from mbrl_ros.planning.problem import Problem

_NO_POLICY = "agent 'policy': the model has learned no policy"


class PolicyAgent(Agent):
    """Executes the policy's actions at the present belief, averaged over members."""

    effort = "policy"

    def __init__(self, action: Space) -> None:
        self._action = action

    @torch.no_grad()
    def act(
        self,
        problem: Problem | None,
        deadline: float | None = None,
        elapsed: int = 1,
        reach: float = 1.0,
    ) -> PlanResult | None:
        """See `Agent.act`."""
        if problem is None or problem.model.policy is None:
            raise UnlearnedError(_NO_POLICY)
        model, belief = problem.model, problem.belief
        chosen = model.imagine_policy(belief, problem.model.policy, 1).actions
        # One sequence per member, or one for all.
        mean = chosen.reshape(-1, 1, self._action.dim).mean(dim=0)
        actions = torch.from_numpy(self._action.clip(mean.double().cpu().numpy())).float()
        returns = problem.returns(actions[None])
        return PlanResult(actions, actions[None], returns, 1, complete=True)

    def check(self, model: WorldModel) -> None:
        """See `Agent.check`."""
        if model.policy is None:
            raise ValueError(_NO_POLICY)
