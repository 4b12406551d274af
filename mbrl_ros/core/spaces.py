"""Named, bounded vectors; goals, limits and rewards refer to the names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
#: Sides that images of an observation may have [pixels].
IMAGE_SIZES = (64, 48, 32)


@dataclass(frozen=True)
class Space:
    """An observation or action vector whose dimensions have names and limits.

    Attributes:
        names: one per dimension, unique.
        low: lower limits, ``-inf``: none; shape ``(dim,)``, SI units.
        high: upper limits, ``inf``: none; shape ``(dim,)``, SI units.
        angles: the names of dimensions that are angles in radians and wrap at 2 pi.
        discrete: the names of dimensions that take integers only, such as a choice.
        images: names of the cameras whose frames are observed too, each at every control step.
        image_size: height and width of their images, as models see them [pixels].
    """

    names: tuple[str, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    angles: tuple[str, ...] = ()
    discrete: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    image_size: int = IMAGE_SIZES[0]

    @classmethod
    def of(
        cls,
        names: Sequence[str],
        low: Sequence[float] | None = None,
        high: Sequence[float] | None = None,
        angles: Sequence[str] = (),
        discrete: Sequence[str] = (),
        images: Sequence[str] = (),
        image_size: int = IMAGE_SIZES[0],
    ) -> Space:
        """Create a space; omitted (or empty) limits are infinite.

        Raises:
            ValueError: naming the invalid argument.
        """
        dim = len(names)
        if dim == 0:
            raise ValueError("names: expected at least one name, got none")
        if len(set(names)) != dim:
            double = next(name for name in names if list(names).count(name) > 1)
            raise ValueError(f"names: '{double}' appears more than once")
        lows = tuple(float(v) for v in low) if low is not None and len(low) else (-np.inf,) * dim
        highs = tuple(float(v) for v in high) if high is not None and len(high) else (np.inf,) * dim
        for field, values in (("low", lows), ("high", highs)):
            if len(values) != dim:
                raise ValueError(f"{field}: expected {dim} values, one per name, got {len(values)}")
        for name, lo, hi in zip(names, lows, highs, strict=True):
            if not lo < hi:
                raise ValueError(f"limits of '{name}': expected low < high, got {lo} and {hi}")
        for field, marked in (("angles", angles), ("discrete", discrete)):
            for name in marked:
                if name not in names:
                    raise ValueError(f"{field}: '{name}' is not one of {', '.join(names)}")
                if list(marked).count(name) > 1:
                    raise ValueError(f"{field}: '{name}' appears more than once")
        if len(set(images)) != len(images):
            raise ValueError(f"images: expected each camera once, got {', '.join(images)}")
        if image_size not in IMAGE_SIZES:
            known = ", ".join(map(str, IMAGE_SIZES))
            raise ValueError(f"image_size: expected one of {known}, got {image_size}")
        for name in discrete:
            index = list(names).index(name)
            lo, hi = lows[index], highs[index]
            if not (lo.is_integer() and hi.is_integer()):
                raise ValueError(
                    f"discrete: '{name}': expected whole numbers as limits, got {lo} and {hi}"
                )
        return cls(
            tuple(names), lows, highs, tuple(angles), tuple(discrete), tuple(images), image_size
        )

    @property
    def dim(self) -> int:
        """Number of dimensions."""
        return len(self.names)

    @cached_property
    def lower(self) -> FloatArray:
        """Lower limits as an array of shape ``(dim,)``."""
        return np.asarray(self.low, dtype=np.float64)

    @cached_property
    def upper(self) -> FloatArray:
        """Upper limits as an array of shape ``(dim,)``."""
        return np.asarray(self.high, dtype=np.float64)

    @cached_property
    def angle_indices(self) -> tuple[int, ...]:
        """Indices of the dimensions that are angles."""
        return tuple(self.names.index(name) for name in self.angles)

    @cached_property
    def discrete_indices(self) -> tuple[int, ...]:
        """Indices of the dimensions that take integers only."""
        return tuple(self.names.index(name) for name in self.discrete)

    @cached_property
    def neutral(self) -> FloatArray:
        """The allowed values nearest to zero, shape ``(dim,)``."""
        return self.clip(np.zeros(self.dim))

    def index(self, name: str) -> int:
        """Return the index of a dimension.

        Raises:
            ValueError: if no dimension has this name.
        """
        try:
            return self.names.index(name)
        except ValueError:
            raise ValueError(
                f"unknown dimension '{name}': expected one of {', '.join(self.names)}"
            ) from None

    def check(self, values: ArrayLike, what: str) -> FloatArray:
        """Return ``values`` as a finite array of shape ``(dim,)``.

        Args:
            values: anything numpy can convert.
            what: name of the vector in error messages.

        Raises:
            ValueError: naming the dimension, its value and the expected one.
        """
        try:
            array = np.asarray(values, dtype=np.float64)
        except (TypeError, ValueError, OverflowError) as error:
            raise ValueError(f"{what}: expected {self.dim} numbers: {error}") from None
        if array.shape != (self.dim,):
            raise ValueError(
                f"{what}: expected {self.dim} values ({', '.join(self.names)}), "
                f"got shape {array.shape}"
            )
        if not np.isfinite(array).all():
            bad = int(np.flatnonzero(~np.isfinite(array))[0])
            raise ValueError(
                f"{what}: '{self.names[bad]}' is {array[bad]}, expected a finite number"
            )
        for i in self.discrete_indices:
            if not (self.low[i] <= array[i] <= self.high[i] and array[i].is_integer()):
                raise ValueError(
                    f"{what}: '{self.names[i]}' is {array[i]:g}, expected an integer from "
                    f"{self.low[i]:g} to {self.high[i]:g}"
                )
        return array

    def clip(self, values: FloatArray) -> FloatArray:
        """Return ``values`` (shape ``(..., dim)``) within the limits, rounded where discrete."""
        clipped = np.clip(values, self.lower, self.upper)
        if self.discrete:
            chosen = list(self.discrete_indices)
            clipped[..., chosen] = np.round(clipped[..., chosen])
        return clipped
