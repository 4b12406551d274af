"""Joins frames to their control steps, whichever arrives first."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from mbrl_ros.core.records import Frame
from mbrl_ros.data.frames import decode
from mbrl_ros.data.transitions import check_count


class JoinedFrames:
    """The encoded frames of rows, and those that wait for their row.

    Attributes:
        dropped: frames whose row never arrived.
    """

    def __init__(self, waiting: int) -> None:
        """Create an empty one.

        Args:
            waiting: maximum number of frames waiting for their row; the oldest is dropped.
        """
        self.dropped = 0
        self._most_waiting = waiting
        self._joined: dict[str, dict[int, Frame]] = {}
        self._waiting: dict[tuple[int, int, str], Frame] = {}
        self._sizes: dict[str, tuple[int, int]] = {}

    @property
    def cameras(self) -> tuple[str, ...]:
        """Names of the cameras with at least one frame."""
        return tuple(self._joined)

    def check(self, frame: Frame) -> None:
        """Check a frame.

        Raises:
            ValueError: naming the invalid field, its value and the expected one.
        """
        check_count(frame.episode, "episode")
        check_count(frame.step, "step")
        decode(frame)
        size = (frame.width, frame.height)
        known = self._sizes.get(frame.camera, size)
        if size != known:
            raise ValueError(
                f"width and height: expected {known[0]} x {known[1]} pixels, as in the frames "
                f"of camera '{frame.camera}' before, got {size[0]} x {size[1]}"
            )

    def add(self, frame: Frame, row: int | None) -> None:
        """Add a checked frame.

        Args:
            frame: of a control step.
            row: of this step; None: not arrived yet.
        """
        self._sizes[frame.camera] = (frame.width, frame.height)
        joined = self._joined.setdefault(frame.camera, {})
        if row is not None and row not in joined:
            joined[row] = frame
        elif row is None or joined[row] != frame:
            # A second, different frame of a step comes from a restarted plant.
            self._waiting[frame.episode, frame.step, frame.camera] = frame
            if len(self._waiting) > self._most_waiting:
                del self._waiting[next(iter(self._waiting))]
                self.dropped += 1

    def claim(self, row: int, episode: int, step: int) -> None:
        """Join waiting frames to a new row."""
        for camera, joined in self._joined.items():
            frame = self._waiting.pop((episode, step, camera), None)
            if frame is not None:
                joined[row] = frame

    def drop_waiting(self, hopeless: Callable[[tuple[int, int]], bool]) -> None:
        """Drop the waiting frames of each (episode, step) that cannot arrive any more."""
        gone = [key for key in self._waiting if hopeless(key[:2])]
        for key in gone:
            del self._waiting[key]
        self.dropped += len(gone)

    def forget(self, rows: Iterable[int]) -> None:
        """Delete the frames of evicted rows."""
        for row in rows:
            for joined in self._joined.values():
                joined.pop(row, None)

    def known(self, camera: str, first: int, end: int) -> NDArray[np.bool_]:
        """Return for each row from ``first`` to ``end`` (exclusive) whether it has a frame."""
        joined = self._joined[camera]
        known = np.zeros(end - first, np.bool_)
        known[np.fromiter(joined, np.int64, len(joined)) - first] = True
        return known

    def images(self, camera: str, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Return the decoded frames of rows that have one, shape ``(*rows, height, width, 3)``."""
        width, height = self._sizes[camera]
        images = np.empty((*rows.shape, height, width, 3), np.uint8)
        for place in np.ndindex(rows.shape):
            images[place] = decode(self._joined[camera][int(rows[place])])
        return images
