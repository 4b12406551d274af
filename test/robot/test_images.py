"""Images of cameras, in all forms that drivers send, and what of them becomes a frame."""

import io

import numpy as np
import pytest
from PIL import Image as Picture
from test_robot_plant import PERIOD, Bench

from mbrl_ros.data.frames import decode, fitted
from mbrl_ros.robot.images import read_image
from mbrl_ros.ros.interfaces import Header, Time, interface

Image, CompressedImage = (
    interface(f"sensor_msgs/msg/{name}") for name in ("Image", "CompressedImage")
)
# Red above, blue below, brighter to the right.
PICTURE = np.zeros((12, 20, 3), np.uint8)
PICTURE[:6, :, 0] = PICTURE[6:, :, 2] = np.arange(20) * 10


def raw(encoding="rgb8", padding=0, **changed):
    pixels = {"rgb8": PICTURE, "bgr8": PICTURE[:, :, ::-1], "mono8": PICTURE[:, :, 0]}[encoding]
    rows = pixels.reshape(12, -1)
    data = np.pad(rows, ((0, 0), (0, padding))).tobytes()
    fields = {"height": 12, "width": 20, "encoding": encoding, "step": rows.shape[1] + padding}
    return Image(**{**fields, "data": data, **changed})


def compressed(kind, mode="RGB", **changed):
    file = io.BytesIO()
    Picture.fromarray(PICTURE).convert(mode).save(file, format=kind)
    return CompressedImage(**{"format": kind, "data": file.getvalue(), **changed})


def test_every_form_becomes_the_same_picture():
    grey = np.repeat(PICTURE[:, :, :1], 3, axis=2)
    for message, expected in (
        (raw(), PICTURE),
        (raw("rgb8", padding=7), PICTURE),
        (raw("bgr8"), PICTURE),
        (raw("mono8", padding=3), grey),
        (compressed("png"), PICTURE),
        (compressed("png", format="rgb8; png compressed bgr8"), PICTURE),
    ):
        np.testing.assert_array_equal(read_image(message), expected)
    lossy = read_image(compressed("jpeg", format="bgr8; jpeg compressed bgr8"))
    assert np.abs(lossy.astype(int) - PICTURE).mean() < 15.0
    assert read_image(compressed("jpeg", "L")).shape == (12, 20, 3)


@pytest.mark.parametrize(
    ("message", "told"),
    [
        (raw(height=13), "data: expected 13 rows of 60 bytes, got 720 bytes"),
        (raw(width=21), "step: expected at least 63 bytes, got 60"),
        (raw(width=0), "width: expected 1 to 4096 pixels, got 0"),
        (raw(height=2**32 - 1), "height: expected 1 to 4096 pixels, got 4294967295"),
        (raw(data=b""), "data: expected 12 rows of 60 bytes, got 0 bytes"),
        (compressed("png", format="webp"), "format: expected jpeg or png, got 'webp'"),
        (compressed("png", format=""), "format: expected jpeg or png, got ''"),
        (compressed("png", data=b""), "data: expected a png image, got something else"),
        (compressed("png", data=b"\x89PNG\r\n\x1a\n" + bytes(20)), "data: expected a png image"),
        (compressed("png", data=compressed("png").data[:60]), "data: expected a whole image"),
        (compressed("png", "RGBA"), "data: expected colours or grey of 8 bits, got the mode RGBA"),
    ],
)
def test_what_is_no_image_is_refused(message, told):
    with pytest.raises(ValueError, match="expected") as caught:
        read_image(message)
    assert str(caught.value).startswith(told)


def test_another_encoding_is_refused():
    message = raw()
    message.encoding = "16UC1"
    with pytest.raises(ValueError, match="encoding: expected rgb8, bgr8, mono8, got '16UC1'"):
        read_image(message)


CAMERA = {
    "cameras": ["front"],
    "front.topic": "front/image_raw",
    "front.type": "sensor_msgs/msg/Image",
    "front.rate": 10.0,
}
SEES = {"observation.images": ["front"], "observation.image_size": 32}


def seeing(**changed):
    return Bench(task=SEES, **{k.replace(".", "__"): v for k, v in {**CAMERA, **changed}.items()})


def test_a_frame_is_what_the_camera_shows_in_the_size_that_models_see():
    bench = seeing()
    tick, _ = bench.tick(0.5)
    assert tick.observation is None
    assert bench.plant.problem == "front (front/image_raw): nothing heard yet"
    image = raw()
    image.header = Header(stamp=Time(sec=7, nanosec=5))
    bench.plant.hear("front", image, bench.now)
    tick, _ = bench.tick(0.5)
    frame = bench.plant.cameras.frame("front", tick.observation, bench.now)
    assert (frame.episode, frame.step, frame.camera, frame.stamp) == (0, 0, "front", 7 * 10**9 + 5)
    np.testing.assert_array_equal(decode(frame), fitted(PICTURE, 32))
    # A slower camera's image counts until it is too old; then nothing is observed.
    seen = [bench.tick(0.5)[0].observation is not None for _ in range(8)]
    assert seen == [True] * 5 + [False] * 3
    assert bench.plant.problem == "front (front/image_raw): nothing heard for 0.36 s"
    assert 7 * PERIOD > 2.5 / 10.0 > 6 * PERIOD
    # One that cannot be read is told by name.
    bench.plant.hear("front", raw(data=b"x"), bench.now)
    tick, _ = bench.tick(0.5)
    with pytest.raises(ValueError, match="front: data: expected 12 rows"):
        bench.plant.cameras.frame("front", tick.observation, bench.now)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"cameras": []}, "cameras: expected observation.images, front, got none"),
        ({"front.type": "sensor_msgs/msg/Imu"}, "front.type: expected sensor_msgs/msg/Image or"),
        ({"front.topic": ""}, "front.topic: expected one"),
    ],
)
def test_cameras_that_do_not_fit_are_refused_by_name(changed, message):
    kept = {k: None for k in CAMERA if k != "cameras"} if changed.get("cameras") == [] else {}
    with pytest.raises(ValueError, match="expected") as caught:
        seeing(**{**kept, **changed})
    assert str(caught.value).startswith(message)
