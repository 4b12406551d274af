"""Trajectories that a model imagines."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Imagined:
    """H steps of N candidates, by each of M members.

    Attributes:
        actions: that were taken, shape ``(N, H, A)``, or ``(M, N, H, A)`` where a policy chose.
        observations: named dimensions, from where the first action acts; shape
            ``(M, N, H + 1, O)``, SI units; None where the kind predicts none.
        features: what heads, values and policies read, shape ``(M, N, H + 1, F)``.
        rewards: of each step, shape ``(M, N, H)``; None where the model itself predicts none.
        continues: probability that the episode goes on after each step, shape ``(M, N, H)``;
            None where the model itself predicts none.
    """

    actions: Tensor
    observations: Tensor | None
    features: Tensor | None = None
    rewards: Tensor | None = None
    continues: Tensor | None = None
