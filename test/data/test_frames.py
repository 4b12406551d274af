import contextlib
import io
import struct
import zlib
from dataclasses import replace

import numpy as np
import pytest
from bag_messages import frame as frame_message
from PIL import Image

from mbrl_ros.core.records import Frame
from mbrl_ros.data.frames import decode, encode
from mbrl_ros.data.messages import read_frame

IMAGE = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
FRAME = Frame(2, 5, "side", "png", 64, 48, encode(IMAGE, "png"), 240_000_000)


def saved(mode):
    file = io.BytesIO()
    Image.fromarray(IMAGE).convert(mode).save(file, format="png")
    return file.getvalue()


def bomb(width, height):
    """A PNG of a few bytes whose header promises a large image."""

    def chunk(kind, data):
        crc = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + crc

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(10**6)))
    return b"\x89PNG\r\n\x1a\n" + data + chunk(b"IEND", b"")


def test_png_loses_nothing():
    decoded = decode(FRAME)
    assert decoded.dtype == np.uint8
    assert np.array_equal(decoded, IMAGE)


def test_jpeg_loses_little():
    smooth = np.linspace(0, 255, 48 * 64 * 3).reshape(48, 64, 3).astype(np.uint8)
    decoded = decode(replace(FRAME, encoding="jpeg", data=encode(smooth, "jpeg")))
    assert decoded.shape == (48, 64, 3)
    assert np.abs(decoded.astype(int) - smooth).mean() < 3


def test_a_message_holds_all_of_a_frame():
    assert read_frame(frame_message(FRAME)) == FRAME


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"encoding": "gif"}, "encoding: expected png or jpeg, got 'gif'"),
        ({"encoding": "jpeg"}, "data: expected a jpeg image, got .* bytes of something else"),
        ({"width": 0}, "width: expected 1 to 4096 pixels, got 0"),
        ({"height": 2**31}, "height: expected 1 to 4096 pixels, got 2147483648"),
        ({"width": 48}, "expected an image of 48 x 48 pixels, .*, got 64 x 48"),
        ({"data": b""}, "data: expected a png image, got 0 bytes"),
        ({"data": b"hello"}, "data: expected a png image, got 5 bytes"),
        ({"data": FRAME.data[:20]}, "data: expected a png image, got 20 bytes"),
        ({"data": FRAME.data[:5000]}, "data: expected a whole png image, got "),
        ({"data": bomb(60_000, 60_000)}, "data: "),
        ({"data": bomb(4097, 48)}, "got 4097 x 48"),
        ({"data": saved("L")}, "got an image of mode L"),
        ({"data": saved("RGBA")}, "got an image of mode RGBA"),
    ],
)
def test_what_is_no_such_image_is_refused_in_one_line(change, message):
    with pytest.raises(ValueError, match=message) as caught:
        decode(replace(FRAME, **change))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("encoding", ["png", "jpeg"])
def test_damaged_bytes_never_raise_anything_else(encoding):
    rng = np.random.default_rng(1)
    good = replace(FRAME, encoding=encoding, data=encode(IMAGE, encoding))
    for _ in range(300):
        data = bytearray(good.data)
        for place in rng.integers(len(data), size=rng.integers(1, 8)):
            data[place] = rng.integers(256)
        damaged = replace(good, data=bytes(data[: rng.integers(len(data) + 1)]))
        with contextlib.suppress(ValueError):  # nothing else may come out
            assert decode(damaged).shape == IMAGE.shape
