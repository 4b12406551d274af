"""Terms of sets: reward inside, penalty or termination outside."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from mbrl_ros.core.numbers import shown
from mbrl_ros.objectives.batch import Batch, Dimension, norm, root, squared_norm
from mbrl_ros.objectives.term import Aimed, DimensionTerm
from mbrl_ros.objectives.term_settings import BoundedSettings, ToleranceSettings


def squared_excess(columns: Sequence[Tensor], lower: list[float], upper: list[float]) -> Tensor:
    """Return the squared distance from a set, zero inside.

    Args:
        columns: D tensors, of broadcasting shapes.
        lower: bound of the columns' norm, or D bounds of a box.
        upper: likewise.
    """
    if len(lower) == len(upper) == 1:
        columns = [norm(columns)]
    lower = lower * len(columns) if len(lower) == 1 else lower
    upper = upper * len(columns) if len(upper) == 1 else upper
    outside = [
        x if low == high == 0.0 else x - torch.clamp(x, low, high)
        for x, low, high in zip(columns, lower, upper, strict=True)
    ]
    return squared_norm(outside)


def inside(squared: Tensor) -> Tensor:
    """Return 1 where a squared distance is zero, else 0; non-finite values become NaN."""
    return (squared == 0.0).to(squared.dtype) + 0.0 * squared


def check_bounds(where: str, lower: list[float], upper: list[float]) -> None:
    """Check that no lower bound exceeds its upper bound.

    Raises:
        ValueError: if one does.
    """
    count = max(len(lower), len(upper))
    lowers = lower * count if len(lower) == 1 else lower
    uppers = upper * count if len(upper) == 1 else upper
    for low, high in zip(lowers, uppers, strict=True):
        if low > high:
            raise ValueError(
                f"{where}.lower: expected at most upper = {shown(high)}, got {shown(low)}"
            )
        if low == math.inf or high == -math.inf:
            raise ValueError(
                f"{where}.lower: no number lies between {shown(low)} and {shown(high)}"
            )


class Tolerance(Aimed[ToleranceSettings]):
    """1 within bounds around the target, falling off over a margin outside.

    With several dimensions, single numbers bound their norm (a ball), lists bound each (a box). As
    ``dm_control.utils.rewards.tolerance`` (Tassa et al. 2018, section 6).
    """

    def check(self, where: str, known: Mapping[str, Dimension]) -> None:
        """See `Term.check`."""
        super().check(where, known)
        s = self.settings
        check_bounds(where, s.lower, s.upper)
        if s.sigmoid in ("gaussian", "long_tail") and not 0 < s.value_at_margin < 1:
            raise ValueError(
                f"{where}.value_at_margin: expected a number between 0 and 1 for "
                f"a {s.sigmoid} sigmoid, got {s.value_at_margin}"
            )

    def value(self, batch: Batch) -> Tensor:
        """See `Term.value`."""
        s = self.settings
        squared = squared_excess(self.deviations(batch), s.lower, s.upper)
        if s.margin == 0.0:
            return inside(squared)
        left, area = s.value_at_margin, s.margin * s.margin
        if s.sigmoid == "gaussian":
            value = torch.exp(squared * (math.log(left) / area))
        elif s.sigmoid == "long_tail":
            value = 1.0 / (1.0 + squared * ((1.0 / left - 1.0) / area))
        elif s.sigmoid == "quadratic":
            value = torch.clamp_min(1.0 - squared * ((1.0 - left) / area), 0.0)
        else:
            value = torch.clamp_min(1.0 - root(squared) * ((1.0 - left) / s.margin), 0.0)
        # Planners must see non-finite values; without this, they would give 0.
        return torch.add(value, squared, alpha=0.0)


class _Bounded(DimensionTerm[BoundedSettings]):
    """A term of the set between fixed bounds, not affected by goals."""

    def check(self, where: str, known: Mapping[str, Dimension]) -> None:
        """See `Term.check`."""
        super().check(where, known)
        check_bounds(where, self.settings.lower, self.settings.upper)

    def squared_excess(self, batch: Batch) -> Tensor:
        """Return the squared distance from the set, shape ``(..., H)``."""
        s = self.settings
        return squared_excess([batch[name] for name in s.of], s.lower, s.upper)


class Barrier(_Bounded):
    """The negative squared distance outside of the bounds."""

    def value(self, batch: Batch) -> Tensor:
        """See `Term.value`."""
        return -self.squared_excess(batch)


class Alive(_Bounded):
    """1 within the bounds, 0 outside; no term counts after a step that ends outside.

    As in Gymnasium, where leaving the bounds terminates the episode: that step is the last.
    """

    def value(self, batch: Batch) -> Tensor:
        """See `Term.value`."""
        return inside(self.squared_excess(batch))


def survival(alive: Tensor) -> Tensor:
    """Return 1 for each step whose reward still counts, else 0; or the probability of it.

    Args:
        alive: continuation (0 or 1, or its probability) after each step; shape ``(..., H)``.
    """
    before = torch.cumprod(alive[..., :-1], dim=-1)
    return torch.cat([torch.ones_like(alive[..., :1]), before], dim=-1)
