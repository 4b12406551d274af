"""Batches of sequences, for training recurrent models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Sequence:
    """B sequences of L control steps; a step is an observation and the action that led to it.

    Attributes:
        observations: shape ``(B, L, O)``, float32, SI units.
        actions: in effect from the previous observation to this one, shape ``(B, L, A)``, float32,
            SI units; zeros at the first step of an episode.
        rewards: for reaching this observation, shape ``(B, L)``, float32; NaN where the plant has
            none, 0 at the first step of an episode.
        terminated: the task ended at this observation, shape ``(B, L)``, bool.
        truncated: the episode was cut off at this observation, shape ``(B, L)``, bool.
        is_first: this observation is the first of an episode, unrelated to the previous ones in the
            sequence; shape ``(B, L)``, bool.
        images: by requested camera, RGB, shape ``(B, L, height, width, 3)``, uint8.
    """

    observations: NDArray[np.float32]
    actions: NDArray[np.float32]
    rewards: NDArray[np.float32]
    terminated: NDArray[np.bool_]
    truncated: NDArray[np.bool_]
    is_first: NDArray[np.bool_]
    images: Mapping[str, NDArray[np.uint8]] = field(default_factory=dict)


class Replay(Protocol):
    """A learner's source of batches."""

    def sample(self, batch: int, length: int, rng: np.random.Generator) -> Sequence:
        """Sample sequences.

        Args:
            batch: their number B.
            length: control steps L in each.
            rng: source of randomness.

        Raises:
            ValueError: if there are none of this length.
        """
