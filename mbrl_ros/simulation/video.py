"""Camera videos: MP4 if ffmpeg is available, otherwise an animated GIF."""

from __future__ import annotations

import itertools
from collections.abc import Generator
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

# Maximum number of frames; a GIF is kept in memory until it is written.
GIF_FRAMES = 1000


class Video(Protocol):
    """A video being recorded.

    Attributes:
        path: the file.
    """

    path: Path

    def write(self, image: NDArray[np.uint8]) -> None:
        """Append a frame, shape ``(height, width, 3)``."""

    def close(self) -> None:
        """Finish the file."""


class Mp4:
    """H.264 in MP4, encoded by the ffmpeg of the package imageio-ffmpeg."""

    def __init__(self, path: Path, width: int, height: int, rate: float) -> None:
        """Start the encoder for frames of a size [pixels] at a rate [1/s]."""
        import imageio_ffmpeg

        self.path = path
        self._encoder: Generator[None, Any, None] = imageio_ffmpeg.write_frames(
            str(path), (width, height), fps=rate, macro_block_size=2, ffmpeg_log_level="error"
        )
        self._encoder.send(None)

    def write(self, image: NDArray[np.uint8]) -> None:
        """Append a frame."""
        self._encoder.send(np.ascontiguousarray(image))

    def close(self) -> None:
        """Finish the file."""
        self._encoder.close()


class Gif:
    """An animated GIF of the first ``GIF_FRAMES`` frames."""

    def __init__(self, path: Path, rate: float) -> None:
        """Prepare for frames at a rate [1/s]."""
        self.path = path
        self._milliseconds = 1000.0 / rate
        self._frames: list[Any] = []

    def write(self, image: NDArray[np.uint8]) -> None:
        """Append a frame."""
        from PIL import Image

        if len(self._frames) < GIF_FRAMES:
            self._frames.append(Image.fromarray(image).quantize(64))

    def close(self) -> None:
        """Write the file, if there are frames."""
        if self._frames:
            first, *others = self._frames
            first.save(
                self.path,
                save_all=True,
                append_images=others,
                duration=self._milliseconds,
                loop=0,
            )


def open_video(directory: Path, width: int, height: int, rate: float) -> Video:
    """Open a new video in a directory, created if missing.

    Args:
        directory: of ``video.mp4`` or ``video.gif``, numbered if one exists.
        width: of the frames [pixels].
        height: of the frames [pixels].
        rate: frames per second.

    Raises:
        ValueError: if no encoder is installed.
    """
    directory.mkdir(parents=True, exist_ok=True)
    try:
        import imageio_ffmpeg  # noqa: F401
    except ImportError:
        pass
    else:
        return Mp4(_free(directory, "mp4"), width, height, rate)
    try:
        import PIL  # noqa: F401
    except ImportError:
        raise ValueError(
            "camera.video: needs the package imageio-ffmpeg (MP4) or pillow (GIF)"
        ) from None
    return Gif(_free(directory, "gif"), rate)


def _free(directory: Path, suffix: str) -> Path:
    names = itertools.chain(["video"], (f"video-{i}" for i in itertools.count(2)))
    return next(p for name in names if not (p := directory / f"{name}.{suffix}").exists())
