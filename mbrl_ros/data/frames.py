"""Encoding and decoding of camera frames."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mbrl_ros.core.records import ENCODINGS, Frame

#: Maximum width and height of a frame [pixels]: a decoded image is below 51 MB.
MAX_SIDE = 4096


def encode(image: NDArray[np.uint8], encoding: str) -> bytes:
    """Encode an image.

    Args:
        image: RGB, shape ``(height, width, 3)``.
        encoding: one of `ENCODINGS`.
    """
    file = io.BytesIO()
    Image.fromarray(image).save(file, format=encoding)
    return file.getvalue()


def fitted(image: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Return an image as models see it, online and offline: its middle square, made as small.

    Args:
        image: RGB, shape ``(height, width, 3)``.
        side: of the square [pixels]; one that has this size already stays as it is.

    Returns:
        RGB, shape ``(side, side, 3)``.
    """
    height, width, _ = image.shape
    whole = min(height, width)
    top, left = (height - whole) // 2, (width - whole) // 2
    square = image[top : top + whole, left : left + whole]
    if whole == side:
        return np.ascontiguousarray(square)
    # The mean of the pixels that a new one covers.
    return np.array(Image.fromarray(square).resize((side, side), Image.Resampling.BOX))


def smaller(frame: Frame, side: int) -> Frame:
    """Return a frame with its image `fitted`.

    Raises:
        ValueError: as `decode`.
    """
    lossless = ENCODINGS[0]
    data = encode(fitted(decode(frame), side), lossless)
    return replace(frame, encoding=lossless, width=side, height=side, data=data)


def decode(frame: Frame) -> NDArray[np.uint8]:
    """Decode a frame's image.

    Neither the frame's nor the image's stated size is trusted: nothing is decoded before both agree
    on an allowed size.

    Returns:
        RGB, shape ``(height, width, 3)``.

    Raises:
        ValueError: naming the invalid field, its value and the expected one.
    """
    if frame.encoding not in ENCODINGS:
        raise ValueError(f"encoding: expected {' or '.join(ENCODINGS)}, got '{frame.encoding}'")
    for field, side in (("width", frame.width), ("height", frame.height)):
        if not 0 < side <= MAX_SIDE:
            raise ValueError(f"{field}: expected 1 to {MAX_SIDE} pixels, got {side}")
    try:
        # One format only: Pillow runs external programs for some others.
        image = Image.open(io.BytesIO(frame.data), formats=[frame.encoding])
        size, mode = image.size, image.mode
    except Exception:  # corrupt bytes raise arbitrary exceptions
        got = f"{len(frame.data)} bytes of something else"
        raise ValueError(f"data: expected a {frame.encoding} image, got {got}") from None
    if size != (frame.width, frame.height):
        raise ValueError(
            f"data: expected an image of {frame.width} x {frame.height} pixels, as width and "
            f"height say, got {size[0]} x {size[1]}"
        )
    if mode != "RGB":
        raise ValueError(f"data: expected RGB with 8 bits per channel, got an image of mode {mode}")
    try:
        return np.array(image)
    except Exception as error:  # as above
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"data: expected a whole {frame.encoding} image, got {reason}") from None
