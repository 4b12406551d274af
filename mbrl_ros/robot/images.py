"""Images of a robot's cameras, as sensor_msgs/Image or CompressedImage tells them."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mbrl_ros.data.frames import MAX_SIDE

RAW, COMPRESSED = "sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage"

# Channels of an encoding, and their order as RGB.
_ENCODINGS = {"rgb8": (3, (0, 1, 2)), "bgr8": (3, (2, 1, 0)), "mono8": (1, (0, 0, 0))}
_FORMATS = ("jpeg", "png")


def read_image(message: Any) -> NDArray[np.uint8]:
    """Return an image as RGB, shape ``(height, width, 3)``.

    Args:
        message: of the type `RAW` or `COMPRESSED`.

    Raises:
        ValueError: naming the field that does not fit, its value and the expected one.
    """
    return _decompressed(message) if hasattr(message, "format") else _raw(message)


def _raw(message: Any) -> NDArray[np.uint8]:
    if message.encoding not in _ENCODINGS:
        known = ", ".join(_ENCODINGS)
        raise ValueError(f"encoding: expected {known}, got '{message.encoding}'")
    channels, order = _ENCODINGS[message.encoding]
    height, width, row = int(message.height), int(message.width), int(message.step)
    _check_size(width, height)
    if row < width * channels:
        raise ValueError(f"step: expected at least {width * channels} bytes, got {row}")
    data = np.frombuffer(bytes(message.data), dtype=np.uint8)
    if len(data) < height * row:
        raise ValueError(f"data: expected {height} rows of {row} bytes, got {len(data)} bytes")
    rows = data[: height * row].reshape(height, row)[:, : width * channels]
    return np.ascontiguousarray(rows.reshape(height, width, channels)[:, :, order])


def _decompressed(message: Any) -> NDArray[np.uint8]:
    said = message.format.lower().replace("jpg", "jpeg")
    if not any(known in said for known in _FORMATS):
        raise ValueError(f"format: expected {' or '.join(_FORMATS)}, got '{message.format}'")
    try:
        image = Image.open(io.BytesIO(bytes(message.data)), formats=_FORMATS)
        width, height = image.size
    except Exception:  # corrupt bytes raise arbitrary exceptions
        raise ValueError(f"data: expected a {said} image, got something else") from None
    _check_size(width, height)
    if image.mode not in ("RGB", "L"):
        raise ValueError(f"data: expected colours or grey of 8 bits, got the mode {image.mode}")
    try:
        return np.array(image.convert("RGB"))
    except Exception as error:  # as above
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"data: expected a whole image, got {reason}") from None


def _check_size(width: int, height: int) -> None:
    for field, side in (("width", width), ("height", height)):
        if not 0 < side <= MAX_SIDE:
            raise ValueError(f"{field}: expected 1 to {MAX_SIDE} pixels, got {side}")
