"""What every reward term has in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from mbrl_ros.objectives.batch import Batch, Dimension, wrap
from mbrl_ros.objectives.limits import LARGEST
from mbrl_ros.objectives.reference import ReferenceSettings
from mbrl_ros.settings import flat, group, setting

# Fields that hold one number for all dimensions, or a list with one for each.
PER_DIMENSION = ("target", "scale", "lower", "upper")


@dataclass(frozen=True)
class Term:
    """One reward term, ``offset + weight * value``; its fields are its parameters."""

    type: str = setting("", "kind of the term: what f is, or module:attribute of one's own")
    weight: float = setting(1.0, "factor of f", low=-LARGEST, high=LARGEST, live=True)
    offset: float = setting(
        0.0, "added to the weighted f", low=-LARGEST, high=LARGEST, live=True
    )  # fmt: skip

    def check(self, where: str, known: Mapping[str, Dimension]) -> None:
        """Check that the fields fit each other and the dimensions there are.

        Args:
            where: the term's name in messages.
            known: every dimension by its name.

        Raises:
            ValueError: naming the parameter that does not fit.
        """

    def value(self, batch: Batch) -> Tensor:
        """Return f for each step, shape ``(..., H)``; what is not finite must stay so."""
        raise NotImplementedError

    @property
    def aims_at(self) -> tuple[str, ...]:
        """The dimensions whose target a goal replaces."""
        return ()

    @property
    def content(self) -> dict[str, Any]:
        """All that makes two terms the same."""
        return flat(self)


@dataclass(frozen=True)
class Reading(Term):
    """A term of named dimensions."""

    of: list[str] = setting([], "dimensions it reads; several enter by their Euclidean norm")

    def check(self, where: str, known: Mapping[str, Dimension]) -> None:
        """See `Term.check`."""
        if not self.of:
            raise ValueError(f"{where}.of: expected at least one dimension, got none")
        for name in self.of:
            if name not in known:
                raise ValueError(
                    f"{where}.of: unknown dimension '{name}': expected one of {', '.join(known)}"
                )
        if len(set(self.of)) < len(self.of):
            double = next(name for name in self.of if self.of.count(name) > 1)
            raise ValueError(f"{where}.of: '{double}' stands there more than once")
        for field in PER_DIMENSION:
            values = getattr(self, field, [0.0])
            if len(values) not in (1, len(self.of)):
                raise ValueError(
                    f"{where}.{field}: expected one number, or one for each of "
                    f"{', '.join(self.of)}, got {len(values)}"
                )

    def each(self, values: list[float]) -> list[float]:
        """Return one value per dimension."""
        return values * len(self.of) if len(values) == 1 else values


@dataclass(frozen=True)
class Aimed(Reading):
    """A term of how far dimensions are from a target: ``(dimension - target) / scale``.

    The difference of angles is taken the short way round.
    """

    target: list[float] = setting(
        [0.0], "subtracted from the dimensions first [their unit]; a number, or one for each",
        low=-LARGEST, high=LARGEST, live=True,
    )  # fmt: skip
    scale: list[float] = setting(
        [1.0], "the difference is divided by it [the dimensions' unit]; a number, or one for each",
        low=1e-6, high=LARGEST, live=True,
    )  # fmt: skip
    change: bool = setting(
        False, "judge the change of the dimensions since the step before in their place"
    )
    reference: ReferenceSettings = group(ReferenceSettings)

    wraps: ClassVar[bool] = True

    def check(self, where: str, known: Mapping[str, Dimension]) -> None:
        """See `Term.check`."""
        super().check(where, known)
        self.reference.check(f"{where}.reference", len(self.of))
        lows, highs = self.reference.extremes(len(self.of))
        given = any(self.target) or bool(self.reference.times)
        if self.change or not given:
            return
        for name, target, least, most in zip(
            self.of, self.each(self.target), lows, highs, strict=True
        ):
            low, high = known[name].low, known[name].high
            if not low <= target + least <= target + most <= high:
                reached = f"{target:g}"
                if self.reference.times:
                    reached = f"{target + least:g} to {target + most:g} with the reference"
                raise ValueError(
                    f"{where}.target: '{name}' has the limits [{low:g}, {high:g}], got {reached}"
                )

    @property
    def aims_at(self) -> tuple[str, ...]:
        """See `Term.aims_at`."""
        return () if self.change else tuple(self.of)

    def deviations(self, batch: Batch) -> list[Tensor]:
        """Return the scaled difference of each dimension from its target, each ``(..., H)``."""
        moving = None
        if self.reference.times:
            assert batch.times is not None
            moving = self.reference.at(batch.times, len(self.of))
        columns = []
        for i, (name, target, scale) in enumerate(
            zip(self.of, self.each(self.target), self.each(self.scale), strict=True)
        ):
            x = batch.change(name) if self.change else batch[name]
            target = target if self.change else batch.goal.get(name, target)
            if target:
                x = x - target
            if moving is not None:
                x = x - torch.as_tensor(moving[i], dtype=x.dtype, device=x.device)
            if self.wraps and batch.wraps(name):
                x = wrap(x)
            columns.append(x if scale == 1.0 else x * (1.0 / scale))
        return columns
