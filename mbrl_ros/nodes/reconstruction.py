"""Publishes what the model thinks the cameras see, while somebody listens."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from mbrl_ros.control.knowledge import Knowledge
from mbrl_ros.core.extensions import describe
from mbrl_ros.core.realtime import follow_main_thread
from mbrl_ros.core.records import ENCODINGS, Frame
from mbrl_ros.data.frames import encode
from mbrl_ros.models.world_model import UnlearnedError
from mbrl_ros.nodes.qos import FRAMES
from mbrl_ros.nodes.record_messages import frame_message
from mbrl_ros.ros import Node
from mbrl_ros.ros import interfaces as ri

_LOSSLESS = ENCODINGS[0]


class ReconstructionPublisher:
    """Tells a model's images on ``reconstruction``, from a thread that no tick waits for."""

    def __init__(self, node: Node, known: Knowledge) -> None:
        """Offer the topic.

        Args:
            node: that owns it.
            known: to the controller, whose model is asked.
        """
        self._known, self._logger = known, node.get_logger()
        self._publisher = node.create_publisher(ri.Frame, "reconstruction", FRAMES)
        self._worker = ThreadPoolExecutor(1, "reconstruction", initializer=follow_main_thread)
        self._under_way: Future[list[Frame]] | None = None

    def update(self) -> None:
        """Publish what is ready, and begin with the newest; to be called now and then."""
        done = self._under_way
        if done is not None and not done.done():
            return
        if done is not None and (error := done.exception()) is not None:
            # A picture is no reason to end a controller.
            self._logger.error(f"no reconstruction: {describe(error)}", throttle_duration_sec=5.0)
        elif done is not None:
            for frame in done.result():
                self._publisher.publish(frame_message(frame))
        listened = self._publisher.get_subscription_count() > 0
        self._under_way = self._worker.submit(self._frames) if listened else None

    def close(self) -> None:
        """Stop the thread."""
        self._worker.shutdown(cancel_futures=True)

    def _frames(self) -> list[Frame]:
        try:
            known = self._known.picture()
        except UnlearnedError:
            return []
        if known is None:
            return []
        seen, images = known
        return [_frame(seen, camera, image.numpy()) for camera, image in images.items()]


def _frame(seen: Any, camera: str, image: Any) -> Frame:
    height, width, _ = image.shape
    data = encode(image, _LOSSLESS)
    return Frame(seen.episode, seen.step, camera, _LOSSLESS, width, height, data, seen.stamp)
