"""What the cameras see, and below each what the model makes of it."""

from __future__ import annotations

from typing import Any

import viser

from mbrl_ros.data.frames import decode
from mbrl_ros.data.messages import read_frame
from mbrl_ros.web.watched import Watched


class Cameras:
    """A tab with the images; there is none before the first."""

    def __init__(self, gui: Any, panel: Any) -> None:
        """Show nothing yet.

        Args:
            gui: viser's.
            panel: to which the tab is added.
        """
        self._gui, self._panel = gui, panel
        self._tab: Any = None
        self._shown: dict[str, Any] = {}
        self._images: dict[str, Any] = {}

    def draw(self, watched: Watched) -> None:
        """Show the newest images."""
        for i, (camera, frame) in enumerate(watched.frames.items()):
            self._show(camera, frame, 2 * i)
            if (told := watched.reconstructions.get(camera)) is not None:
                self._show(f"{camera}, as the model tells it", told, 2 * i + 1)

    def _show(self, label: str, frame: Any, order: int) -> None:
        if frame is self._shown.get(label):
            return
        self._shown[label] = frame
        try:
            image = decode(read_frame(frame))
        except ValueError:
            return  # half a frame; the next one comes
        if label in self._images:
            self._images[label].image = image
            return
        if self._tab is None:
            self._tab = self._panel.add_tab("Cameras", viser.Icon.CAMERA)
        with self._tab:
            self._images[label] = self._gui.add_image(image, label=label, order=order)
