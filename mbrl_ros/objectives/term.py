"""Base classes of reward terms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Generic, TypeVar

import torch
from torch import Tensor

from mbrl_ros.core.numbers import shown
from mbrl_ros.core.settings import flat
from mbrl_ros.objectives.batch import Batch, Dimension, wrap
from mbrl_ros.objectives.term_settings import (
    PER_DIMENSION,
    AimedSettings,
    DimensionSettings,
    TermSettings,
)

Settings = TypeVar("Settings", bound=TermSettings)
OfDimensions = TypeVar("OfDimensions", bound=DimensionSettings)
Aims = TypeVar("Aims", bound=AimedSettings)


@dataclass(frozen=True)
class Term(Generic[Settings]):
    """One reward term, ``offset + weight * value``.

    Attributes:
        settings: its parameters.
    """

    settings: Settings

    def check(self, where: str, known: Mapping[str, Dimension]) -> None:
        """Check the settings against each other and the dimensions.

        Args:
            where: the term's name in messages.
            known: every dimension by name.

        Raises:
            ValueError: naming the invalid parameter.
        """

    def value(self, batch: Batch) -> Tensor:
        """Return f for each step, shape ``(..., H)``; non-finite input stays non-finite."""
        raise NotImplementedError

    @property
    def aims_at(self) -> tuple[str, ...]:
        """Dimensions whose target a goal replaces."""
        return ()

    @property
    def tracks(self) -> bool:
        """Whether its target varies with time."""
        return False

    @cached_property
    def content(self) -> dict[str, Any]:
        """The definition of the term: equal for equal terms."""
        return flat(self.settings)


class DimensionTerm(Term[OfDimensions]):
    """A term of named dimensions."""

    def check(self, where: str, known: Mapping[str, Dimension]) -> None:
        """See `Term.check`."""
        names = self.settings.of
        if not names:
            raise ValueError(f"{where}.of: expected at least one dimension, got none")
        for name in names:
            if name not in known:
                raise ValueError(
                    f"{where}.of: unknown dimension '{name}': expected one of {', '.join(known)}"
                )
        if len(set(names)) < len(names):
            double = next(name for name in names if names.count(name) > 1)
            raise ValueError(f"{where}.of: '{double}' appears more than once")
        for field in PER_DIMENSION:
            values = getattr(self.settings, field, [0.0])
            if len(values) not in (1, len(names)):
                raise ValueError(
                    f"{where}.{field}: expected one number, or one for each of "
                    f"{', '.join(names)}, got {len(values)}"
                )


class Aimed(DimensionTerm[Aims]):
    """A term of the deviation from a target: ``(dimension - target) / scale``.

    Differences of angles are wrapped.
    """

    wraps: ClassVar[bool] = True

    def check(self, where: str, known: Mapping[str, Dimension]) -> None:
        """See `Term.check`."""
        super().check(where, known)
        s = self.settings
        s.reference.check(f"{where}.reference", len(s.of))
        lows, highs = s.reference.extremes(len(s.of))
        if s.change or not (any(s.target) or self.tracks):
            return
        for name, target, least, most in zip(s.of, s.each(s.target), lows, highs, strict=True):
            low, high = known[name].low, known[name].high
            if not low <= target + least <= target + most <= high:
                reached = shown(target)
                if self.tracks:
                    ends = shown(target + least), shown(target + most)
                    reached = f"{ends[0]} to {ends[1]} with the reference"
                raise ValueError(
                    f"{where}.target: '{name}' has the limits [{shown(low)}, {shown(high)}], "
                    f"got {reached}"
                )

    @property
    def aims_at(self) -> tuple[str, ...]:
        """See `Term.aims_at`."""
        return () if self.settings.change else tuple(self.settings.of)

    @property
    def tracks(self) -> bool:
        """See `Term.tracks`."""
        return bool(self.settings.reference.times)

    def deviations(self, batch: Batch) -> list[Tensor]:
        """Return the scaled deviation of each dimension from its target, each ``(..., H)``."""
        s = self.settings
        moving = None
        if self.tracks:
            assert batch.times is not None
            moving = s.reference.at(batch.times, len(s.of))
        columns = []
        for i, (name, target, scale) in enumerate(
            zip(s.of, s.each(s.target), s.each(s.scale), strict=True)
        ):
            x = batch.change(name) if s.change else batch[name]
            target = target if s.change else batch.goal.get(name, target)
            if target:
                x = x - target
            if moving is not None:
                x = x - torch.as_tensor(moving[i], dtype=x.dtype, device=x.device)
            if self.wraps and batch.wraps(name):
                x = wrap(x)
            columns.append(x if scale == 1.0 else x * (1.0 / scale))
        return columns
