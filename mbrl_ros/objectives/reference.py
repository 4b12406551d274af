"""References: time-varying targets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mbrl_ros.core.numbers import shown
from mbrl_ros.core.settings import setting
from mbrl_ros.core.spaces import FloatArray
from mbrl_ros.objectives.limits import LARGEST


@dataclass(frozen=True)
class ReferenceSettings:
    """A piecewise linear signal added to a term's target."""

    times: list[float] = setting(
        [], "times of its points, increasing [s since the episode began]; empty: no reference",
        low=0.0, high=LARGEST, live=True,
    )  # fmt: skip
    values: list[float] = setting(
        [], "values at these times, all dimensions of a time in turn, added to the target",
        low=-LARGEST, high=LARGEST, live=True,
    )  # fmt: skip
    period: float = setting(
        0.0, "period of repetition [s]; 0: the first and last values are held outside",
        low=0.0, high=LARGEST, live=True,
    )  # fmt: skip

    def check(self, where: str, dim: int) -> None:
        """Check the signal of a term of ``dim`` dimensions.

        Raises:
            ValueError: naming the invalid parameter.
        """
        if len(self.values) != len(self.times) * dim:
            raise ValueError(
                f"{where}.values: expected {len(self.times) * dim} values, {dim} for each of "
                f"{len(self.times)} times, got {len(self.values)}"
            )
        if any(b <= a for a, b in zip(self.times, self.times[1:], strict=False)):
            raise ValueError(f"{where}.times: expected growing times, got {self.times}")
        if self.period and self.times and self.times[-1] - self.times[0] >= self.period:
            raise ValueError(
                f"{where}.period: expected more than the "
                f"{shown(self.times[-1] - self.times[0])} s from the first time to the last, "
                f"got {shown(self.period)}"
            )

    def extremes(self, dim: int) -> tuple[FloatArray, FloatArray]:
        """Return minimum and maximum of each dimension, each of shape ``(dim,)``."""
        points = np.reshape(self.values or np.zeros(dim), (-1, dim))
        return points.min(axis=0), points.max(axis=0)

    def at(self, times: FloatArray, dim: int) -> FloatArray:
        """Return the signal at times [s], shape ``(dim, len(times))``."""
        points = np.reshape(self.values, (-1, dim))
        period = self.period or None
        return np.stack([np.interp(times, self.times, p, period=period) for p in points.T])
