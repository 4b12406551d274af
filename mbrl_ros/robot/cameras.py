"""What a robot's cameras show, as frames of observations."""

from __future__ import annotations

from collections.abc import Sequence

from mbrl_ros.core.records import ENCODINGS, Frame, Observation
from mbrl_ros.core.spaces import Space
from mbrl_ros.data.frames import encode, fitted
from mbrl_ros.data.messages import nanoseconds
from mbrl_ros.robot.images import COMPRESSED, RAW, read_image
from mbrl_ros.robot.listening import Listener
from mbrl_ros.robot.settings import BridgeSettings


def check_cameras(settings: BridgeSettings, observation: Space) -> None:
    """Check that the cameras are those that are observed.

    Raises:
        ValueError: naming the parameter that does not fit.
    """
    if set(settings.cameras) != set(observation.images):
        expected = ", ".join(observation.images) or "none"
        raise ValueError(
            f"cameras: expected observation.images, {expected}, got "
            f"{', '.join(settings.cameras) or 'none'}"
        )
    for camera in settings.cameras:
        if (kind := getattr(settings, camera).type) not in (RAW, COMPRESSED):
            raise ValueError(f"{camera}.type: expected {RAW} or {COMPRESSED}, got '{kind}'")


class RobotCameras:
    """Makes frames of the newest images."""

    def __init__(self, names: Sequence[str], side: int, listener: Listener) -> None:
        """Show nothing yet.

        Args:
            names: of the cameras, among the listener's sources.
            side: of the square images that models see [pixels].
            listener: to the robot's topics.
        """
        self._names, self._side, self._listener = tuple(names), side, listener

    def check(self, now: float) -> None:
        """Check that each camera shows something new enough.

        Args:
            now: on a clock that never jumps [s].

        Raises:
            ValueError: naming the camera that does not.
        """
        for camera in self._names:
            self._listener.newest(camera, now)

    def frame(self, camera: str, seen: Observation, now: float) -> Frame:
        """Return what a camera shows as a frame of an observation, of the size that models see.

        It takes a while, for an image that has to be decoded.

        Args:
            camera: one of the cameras.
            seen: the observation.
            now: on a clock that never jumps [s].

        Raises:
            ValueError: if there is no image, or it cannot be read.
        """
        lossless = ENCODINGS[0]
        message = self._listener.newest(camera, now)
        try:
            data = encode(fitted(read_image(message), self._side), lossless)
        except ValueError as error:
            raise ValueError(f"{camera}: {error}") from None
        stamp = nanoseconds(message.header.stamp) or seen.stamp
        return Frame(seen.episode, seen.step, camera, lossless, self._side, self._side, data, stamp)
