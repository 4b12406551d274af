"""Numbers of the values that a discrete space can take."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mbrl_ros.core.spaces import FloatArray, Space

Indices = NDArray[np.int64]


class Numbering:
    """Counts the vectors of a space whose dimensions are all discrete, the last one fastest.

    Attributes:
        size: how many there are.
    """

    def __init__(self, space: Space, what: str) -> None:
        """Count.

        Args:
            space: D dimensions.
            what: ``observation`` or ``action``, in messages.

        Raises:
            ValueError: naming a dimension that takes any number.
        """
        for name in space.names:
            if name not in space.discrete:
                raise ValueError(
                    f"{what}.discrete: learner tabular takes integers only, expected '{name}' "
                    f"among them, with its limits in {what}.low and {what}.high"
                )
        self._low = space.lower
        self._most = space.upper - space.lower
        sizes = [int(most) + 1 for most in self._most]
        self.size = math.prod(sizes)
        self._sizes = sizes
        self._strides = np.array([math.prod(sizes[i + 1 :]) for i in range(space.dim)], float)

    def index(self, values: FloatArray) -> Indices:
        """Return the numbers ``(...)`` of vectors ``(..., D)``; of the nearest there are."""
        places = np.clip(np.rint(values - self._low), 0, self._most)
        numbers: Indices = (places @ self._strides).astype(np.int64)
        return numbers

    def number(self, values: ArrayLike) -> int:
        """Return the number of one vector ``(D,)`` that `Space.check` has found to be in order."""
        return int((np.asarray(values, dtype=np.float64) - self._low) @ self._strides)

    def values(self) -> FloatArray:
        """Return all vectors in order, shape ``(size, D)``."""
        every = np.unravel_index(np.arange(self.size), self._sizes)
        counted: FloatArray = np.stack(every, axis=-1) + self._low
        return counted
