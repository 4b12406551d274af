"""Actions of the model's policy, without planning."""

from __future__ import annotations

import torch
from torch import Tensor

from mbrl_ros.agents.agent import Agent
from mbrl_ros.core.spaces import Space
from mbrl_ros.models.heads import is_for
from mbrl_ros.models.world_model import UnlearnedError, WorldModel
from mbrl_ros.planning.loop import PlanResult
from mbrl_ros.planning.problem import NoPlanError, Problem

_NO_POLICY = "agent 'policy': the model has learned no policy"


class PolicyAgent(Agent):
    """Executes the policy's actions at the present belief, as the members agree.

    They agree on the mean, or on the choice that most of them make.

    While it explores, they are drawn at random. It keeps to the policy after a change of the
    objective, until the learner has caught up: there is no better one.
    """

    effort = "policy"

    def __init__(self, action: Space, seed: int) -> None:
        """Create an agent.

        Args:
            action: A dimensions.
            seed: of exploration.
        """
        self._action = action
        self._generator = torch.Generator().manual_seed(seed)

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
        policy, value = problem.model.policy, problem.model.value
        features = problem.model.features(problem.belief)[:, 0].cpu()
        if self.exploring:
            # The mean of several draws would explore less.
            chosen = policy.sample(features[:1], self._generator)[0]
        else:
            chosen = self._agreed(policy(features))
        if not chosen.isfinite().all():
            raise NoPlanError(f"agent 'policy': expected finite numbers, got {chosen.tolist()}")
        action = torch.from_numpy(self._action.clip(chosen.double().numpy())).float()[None]
        expected = torch.tensor([torch.nan])
        if value is not None and is_for(value, problem.objective.digest):
            expected = value(features).mean()[None]
        return PlanResult(action, action[None], expected, 1, complete=True)

    def _agreed(self, each: Tensor) -> Tensor:
        """Return one action ``(A,)`` for those of all members, ``(M, A)``: their mean, or most."""
        agreed = each.mean(dim=0)
        which = list(self._action.discrete_indices)
        agreed[which] = each[:, which].round().mode(dim=0).values
        return agreed

    def check(self, model: WorldModel) -> None:
        """See `Agent.check`."""
        if model.policy is None:
            raise ValueError(_NO_POLICY)
