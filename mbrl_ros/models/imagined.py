"""Imagined trajectories."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


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
    """

    actions: Tensor
    observations: Tensor | None
    features: Tensor | None = None
    rewards: Tensor | None = None
    continues: Tensor | None = None
