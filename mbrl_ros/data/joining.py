"""Frames of the control steps that they belong to, whichever of both comes first."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from mbrl_ros.core.records import Frame
from mbrl_ros.data.frames import decode
from mbrl_ros.data.transitions import check_count


class JoinedFrames:
    """The frames of rows, encoded, and those whose row has not come yet.

    Attributes:
        dropped: frames whose row never came.
    """

    def __init__(self, waiting: int) -> None:
        """Make an empty one.

        Args:
            waiting: frames at most that wait for their row; the oldest is dropped.
        """
        self.dropped = 0
        self._most_waiting = waiting
        self._joined: dict[str, dict[int, Frame]] = {}
        self._waiting: dict[tuple[int, int, str], Frame] = {}
        self._sizes: dict[str, tuple[int, int]] = {}

    @property
    def cameras(self) -> tuple[str, ...]:
        """Names of the cameras that a frame came of."""
        return tuple(self._joined)

    def check(self, frame: Frame) -> None:
        """See to it that a frame can be used later.

        Raises:
            ValueError: naming the field that is wrong, its value and what was expected.
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
        """Take a checked frame.

        Args:
            frame: of a control step.
            row: of this step; None where there is none yet.
        """
        self._sizes[frame.camera] = (frame.width, frame.height)
        joined = self._joined.setdefault(frame.camera, {})
        if row is not None and row not in joined:
            joined[row] = frame
        elif row is None or joined[row] != frame:
            # Another frame of a step that has one is of a plant that was restarted.
            self._waiting[frame.episode, frame.step, frame.camera] = frame
            if len(self._waiting) > self._most_waiting:
                del self._waiting[next(iter(self._waiting))]
                self.dropped += 1

    def claim(self, row: int, episode: int, step: int) -> None:
        """Give a new row the frames that waited for it."""
        for camera, joined in self._joined.items():
            frame = self._waiting.pop((episode, step, camera), None)
            if frame is not None:
                joined[row] = frame

    def drop_waiting(self, hopeless: Callable[[tuple[int, int]], bool]) -> None:
        """Drop the frames of those (episode, step) that will not come any more."""
        gone = [key for key in self._waiting if hopeless(key[:2])]
        for key in gone:
            del self._waiting[key]
        self.dropped += len(gone)

    def forget(self, rows: Iterable[int]) -> None:
        """Let the frames of rows go that are kept no longer."""
        for row in rows:
            for joined in self._joined.values():
                joined.pop(row, None)

    def known(self, camera: str, first: int, end: int) -> NDArray[np.bool_]:
        """Tell for each row from ``first`` up to, but without, ``end`` whether it has a frame."""
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
