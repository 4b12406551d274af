"""Terms that are a function of the deviation from a target."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from mbrl_ros.objectives.batch import Batch, norm, squared_norm
from mbrl_ros.objectives.term import Aimed
from mbrl_ros.objectives.term_settings import AimedSettings


class Linear(Aimed[AimedSettings]):
    """The deviation itself; of several dimensions, their distance from the target."""

    def value(self, batch: Batch) -> Tensor:
        """See `Term.value`."""
        return norm(self.deviations(batch))


class Quadratic(Aimed[AimedSettings]):
    """The negative square."""

    def value(self, batch: Batch) -> Tensor:
        """See `Term.value`."""
        return -squared_norm(self.deviations(batch))


class SmoothL1(Aimed[AimedSettings]):
    """Negative; half the square up to a scaled distance of 1, linear beyond.

    Huber's loss (1964), also known as smooth L1 (Girshick 2015, eq. 3).
    """

    def value(self, batch: Batch) -> Tensor:
        """See `Term.value`."""
        x = norm(self.deviations(batch))
        near = torch.clamp(x, -1.0, 1.0)
        return near * (0.5 * near - x)


class Cosine(Aimed[AimedSettings]):
    """The cosine of an angle: 1 at the target, -1 half a turn away."""

    # It is periodic anyway.
    wraps: ClassVar[bool] = False

    def value(self, batch: Batch) -> Tensor:
        """See `Term.value`."""
        return torch.cos(norm(self.deviations(batch)))
