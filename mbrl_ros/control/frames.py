"""Observations with the frames of their own step."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mbrl_ros.core.records import Frame, Observation
from mbrl_ros.data.frames import decode, fitted

# Steps of which something is missing and may still come.
_MOST_WAITING = 8


class FrameJoiner:
    """Gives each observation the images of its episode and step, whichever comes first.

    An observation is handed on when it is whole; one that never is, because a camera dropped its
    frame, is not. So whoever waits for observations hears nothing, as from a silent plant.
    """

    def __init__(self, cameras: Collection[str], side: int) -> None:
        """Wait for the first.

        Args:
            cameras: names of those whose frames belong to an observation; none: it is whole alone.
            side: of the images [pixels].
        """
        self._cameras, self._side = frozenset(cameras), side
        self._observations: dict[tuple[int, int], Observation] = {}
        self._images: dict[tuple[int, int], dict[str, NDArray[np.uint8]]] = {}
        self._newest = (-1, -1)

    @property
    def missing(self) -> tuple[str, ...]:
        """Cameras whose frame of the newest observation has not come."""
        if self._newest not in self._observations:
            return ()
        return tuple(sorted(self._cameras - set(self._images.get(self._newest, ()))))

    def observe(self, observation: Observation) -> Observation | None:
        """Take in an observation; return it if it is whole."""
        if not self._cameras:
            return observation
        key = observation.episode, observation.step
        if key < self._newest:
            # A plant that was restarted counts anew: what is left are frames of another life.
            self._observations.clear()
            self._images.clear()
        self._newest = key
        self._observations[key] = observation
        return self._whole(key)

    def see(self, frame: Frame) -> Observation | None:
        """Take in a frame; return the observation that it makes whole.

        Raises:
            ValueError: if its image is damaged; nothing is changed then.
        """
        if frame.camera not in self._cameras:
            return None
        key = frame.episode, frame.step
        image = fitted(decode(frame), self._side)
        self._images.setdefault(key, {})[frame.camera] = image
        return self._whole(key)

    def _whole(self, key: tuple[int, int]) -> Observation | None:
        images = self._images.get(key, {})
        if key not in self._observations or len(images) < len(self._cameras):
            for waiting in (self._observations, self._images):
                while len(waiting) > _MOST_WAITING:
                    del waiting[next(iter(waiting))]
            return None
        whole = replace(self._observations[key], images=images)
        # What is older would come too late.
        for waiting in (self._observations, self._images):
            for older in [other for other in waiting if other <= key]:
                del waiting[older]
        return whole
