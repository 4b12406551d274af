"""Imagined trajectories."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

# Below every relevant variance, so that the root has a gradient.
_TINY = 1e-30


@dataclass(frozen=True)
class Imagined:
    """Imagined trajectories of N candidates over H steps, for each of M ensemble members.

    Attributes:
        actions: shape ``(N, H, A)``, or ``(M, N, H, A)`` where a policy chose.
        observations: named dimensions, from the first action's start on; shape
            ``(M, N, H + 1, O)``, SI units; None if the kind predicts none.
        features: input of heads, values and policies, shape ``(M, N, H + 1, F)``.
        rewards: of each step, shape ``(M, N, H)``; None if the model itself predicts none.
        continues: probability that the episode continues after each step, shape ``(M, N, H)``; None
            if the model itself predicts none.
        before: the actions before the first, shape as `actions` without H; None: as the objective
            says.
        scale: standard deviations of the observations in the data, shape ``(O,)``; None: unknown.
    """

    actions: Tensor
    observations: Tensor | None
    features: Tensor | None = None
    rewards: Tensor | None = None
    continues: Tensor | None = None
    before: Tensor | None = None
    scale: Tensor | None = None

    def doubt(self) -> Tensor | None:
        """Return how much the members disagree on where each step leads, shape ``(N, H)``.

        It is the mean over the dimensions of the deviation between members, in those of the data,
        brought into [0, 1): where a model knows nothing, more is not more to find. None: the model
        does not tell.
        """
        if self.observations is None or self.scale is None or len(self.observations) < 2:
            return None
        apart = self.observations[:, :, 1:].var(dim=0).clamp_min(_TINY).sqrt() / self.scale
        return (apart / (1.0 + apart)).mean(dim=-1)
