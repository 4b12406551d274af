"""Real and imagined steps, judged by an objective, to learn a policy from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from mbrl_ros.data.segments import Batch
from mbrl_ros.models.dynamics_model import DynamicsModel
from mbrl_ros.models.imagined import Imagined
from mbrl_ros.objectives.objective import Objective


@dataclass(frozen=True)
class Steps:
    """N single steps.

    Attributes:
        features: before each, shape ``(N, F)``.
        action: shape ``(N, A)``, SI units.
        next_features: shape ``(N, F)``.
        reward: in the objective's unit, shape ``(N,)``.
        continues: probability that the task goes on after it, shape ``(N,)``. A time limit does not
            end the task.
        weight: of each in the loss, shape ``(N,)``.
    """

    features: Tensor
    action: Tensor
    next_features: Tensor
    reward: Tensor
    continues: Tensor
    weight: Tensor

    @staticmethod
    def joined(parts: list[Steps]) -> Steps:
        """Return all steps of some parts."""
        if len(parts) == 1:
            return parts[0]
        columns = zip(*(vars(part).values() for part in parts), strict=True)
        return Steps(*(torch.cat(column) for column in columns))


def real_steps(batch: Batch, model: DynamicsModel, objective: Objective) -> Steps:
    """Return recorded steps; where the plant's reward counts, it is the recorded one.

    Steps without a finite reward have no weight.

    Args:
        batch: N rows, as the model's data.
        model: of the data's origin.
        objective: judges.
    """
    before, after = _observed(batch.state, model), _observed(batch.next_observation, model)
    goes_on = (~batch.terminated).float()
    told = Imagined(
        batch.action[:, None],
        torch.stack([before, after], dim=1)[None],
        rewards=batch.reward[None, :, None],
        continues=goes_on[None, :, None],
        before=batch.before,
    )
    reward, alive = (judged[0].float() for judged in objective.steps(told))
    known = reward.isfinite()
    return Steps(
        before,
        batch.action,
        after,
        reward.nan_to_num(0.0, 0.0, 0.0),
        alive * goes_on,
        known.float(),
    )


@torch.no_grad()
def imagined_steps(
    start: Tensor,
    steps: int,
    model: DynamicsModel,
    draw: Callable[[Tensor], Tensor],
    objective: Objective,
    generator: torch.Generator,
    before: Tensor | None = None,
) -> Steps:
    """Imagine short trajectories from real states (MBPO, Janner et al. 2019, section 4).

    Each is imagined by one member, noise included. After a likely end, little weight is left.

    Args:
        start: real states, shape ``(N, S)``, N a multiple of the members.
        steps: H.
        model: imagines.
        draw: actions ``(N, A)`` of features ``(N, F)``.
        objective: judges.
        generator: of the noise.
        before: actions before the first ones, shape ``(N, A)``; None: unknown.

    Returns:
        N * H steps.
    """
    model.tell_origin()
    state = start.view(model.members, -1, start.shape[-1])
    if before is not None:
        before = before.view(model.members, -1, before.shape[-1])
    weight = torch.ones(len(start))
    found: list[Steps] = []
    judge = objective.at(0, None, model.reward_model)
    for _ in range(steps):
        features = _observed(state, model)
        action = draw(features.flatten(0, 1))
        acted = action.view(*state.shape[:2], -1)
        mean, log_variance = model(state, acted)
        noise = torch.randn(mean.shape, generator=generator)
        drawn = mean + torch.exp(0.5 * log_variance) * noise
        after = model.next_observation(model.base(state, acted), drawn)
        trajectories = torch.stack([features, _observed(after, model)], dim=2)
        reward, continues = (
            judged.flatten().float()
            for judged in judge.steps(Imagined(acted[:, :, None], trajectories, before=before))
        )
        seen = trajectories.flatten(0, 1)
        found.append(Steps(seen[:, 0], action, seen[:, 1], reward, continues, weight))
        weight = weight * continues
        state, before = model.encoding.advance(state, acted, after), acted
    return Steps.joined(found)


def _observed(state: Tensor, model: DynamicsModel) -> Tensor:
    """Return the newest observation of states, in float64 where it is far from zero."""
    newest = state[..., : model.observation.dim]
    return newest + model.origin if model.is_far else newest
