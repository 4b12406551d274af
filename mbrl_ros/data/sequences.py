"""Batches of sequences, which models with a memory learn from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Sequence:
    """B sequences of L control steps each; a step is an observation and what led to it.

    Attributes:
        observations: shape ``(B, L, O)``, float32, SI units.
        actions: in effect from the observation before to this one, shape ``(B, L, A)``, float32,
            SI units; zeros at the first step of an episode.
        rewards: for reaching this observation, shape ``(B, L)``, float32; NaN where the plant pays
            none, 0 at the first step of an episode.
        terminated: the task ended at this observation, shape ``(B, L)``, bool.
        truncated: the episode was cut at this observation, shape ``(B, L)``, bool.
        is_first: this observation is the first of an episode: what came before it in the sequence
            has nothing to do with it; shape ``(B, L)``, bool.
        images: for each camera that was asked for, RGB, shape ``(B, L, height, width, 3)``, uint8.
    """

    observations: NDArray[np.float32]
    actions: NDArray[np.float32]
    rewards: NDArray[np.float32]
    terminated: NDArray[np.bool_]
    truncated: NDArray[np.bool_]
    is_first: NDArray[np.bool_]
    images: Mapping[str, NDArray[np.uint8]] = field(default_factory=dict)


class Replay(Protocol):
    """What a learner draws its batches from."""

    def sample(self, batch: int, length: int, rng: np.random.Generator) -> Sequence:
        """Draw sequences.

        Args:
            batch: their number B.
            length: control steps L in each.
            rng: chooses them.

        Raises:
            ValueError: if there is none of this length.
        """
