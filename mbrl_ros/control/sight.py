"""Whether the cameras see anything."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mbrl_ros.core.records import Observation

# Deviation of a picture's pixels, of 255, below which it shows nothing: behind a covered lens are
# the sensor's noise and some scattered light.
_LEAST_CONTRAST = 4.0
# Control steps for which it must have been so: a flash is none.
_STEPS = 3
# A picture that stays the same to the last bit is none of now once a reading has moved by this
# share of all that it was ever seen to move, which is known after so many observations. At rest
# a simulation's pictures stay the same rightly.
_MOVED, _KNOWN = 0.25, 50


@dataclass
class _Picture:
    """A camera's newest picture, and since when it is as it is."""

    image: NDArray[np.uint8]
    values: NDArray[np.float64]
    same: int = 0
    blank: int = 0


@dataclass
class Sight:
    """Notices covered, black and frozen cameras.

    One that drops its frames is noticed by whoever waits for them; see `FrameJoiner`.
    """

    _pictures: dict[str, _Picture] = field(default_factory=dict)
    _low: NDArray[np.float64] | None = None
    _high: NDArray[np.float64] | None = None
    _count: int = 0

    def observe(self, observation: Observation) -> str:
        """Take in an observation; return why its pictures are not to be believed, empty: they are.

        Args:
            observation: with finite values; what has no images is not judged.
        """
        if not observation.images:
            return ""
        values = np.asarray(observation.values, np.float64)
        low = values if self._low is None else np.minimum(self._low, values)
        high = values if self._high is None else np.maximum(self._high, values)
        self._low, self._high, self._count = low, high, self._count + 1
        reasons = [
            self._judged(camera, image, values, high - low)
            for camera, image in observation.images.items()
        ]
        return "; ".join(filter(None, reasons))

    def _judged(
        self,
        camera: str,
        image: NDArray[np.uint8],
        values: NDArray[np.float64],
        reach: NDArray[np.float64],
    ) -> str:
        known = self._pictures.get(camera)
        if known is None or not np.array_equal(known.image, image):
            blank = known.blank if known is not None else 0
            known = self._pictures[camera] = _Picture(image, values, blank=blank)
        else:
            known.same += 1
        contrast = float(image.reshape(-1, image.shape[-1]).std(axis=0).max())
        known.blank = known.blank + 1 if contrast < _LEAST_CONTRAST else 0
        if known.blank >= _STEPS:
            shade = float(image.mean())
            return (
                f"camera '{camera}' sees nothing: its picture is one shade ({shade:.0f} of 255), "
                f"for {known.blank} steps; is the lens covered?"
            )
        moved = np.abs(values - known.values) > _MOVED * reach
        if known.same >= _STEPS and self._count >= _KNOWN and moved.any():
            return (
                f"camera '{camera}' is frozen: its picture has been the same for {known.same} "
                "steps, in which the readings moved"
            )
        return ""
