"""An observation and its images are of the same step."""

import numpy as np
import pytest

from mbrl_ros.control.frames import FrameJoiner
from mbrl_ros.core.records import Frame, Observation
from mbrl_ros.data.frames import decode, encode, fitted, smaller


def picture(episode, step, camera="left", life=0, side=32):
    """A frame whose pixels tell of which step it is."""
    told = (10 * life + episode, step, 7 if camera == "left" else 8)
    image = np.full((side, side, 3), told, np.uint8)
    return Frame(episode, step, camera, "png", side, side, encode(image, "png"))


def reading(episode, step, life=0):
    return Observation(episode, step, np.array([float(life)]))


@pytest.mark.parametrize("cameras", [["left"], ["left", "right"]])
@pytest.mark.parametrize("seed", range(20))
def test_whatever_comes_late_or_never_images_are_of_their_observations_step(cameras, seed):
    rng = np.random.default_rng(seed)
    joiner, messages = FrameJoiner(cameras, 32), []
    for life in range(2):  # the plant is restarted once, and counts anew
        for episode in range(2):
            for step in range(20):
                sent = [picture(episode, step, camera, life) for camera in cameras]
                sent.append(reading(episode, step, life))
                # Some are lost, some come later than others, some twice.
                messages += [
                    (30 * (2 * life + episode) + step + rng.exponential(0.7), k, one)
                    for k, one in enumerate(sent)
                    for _ in range(rng.choice([0, 1, 2], p=[0.1, 0.8, 0.1]))
                ]
    whole = []
    for *_, one in sorted(messages, key=lambda message: message[:2]):
        found = joiner.see(one) if isinstance(one, Frame) else joiner.observe(one)
        if found is not None:
            whole.append(found)
    assert len(whole) > 20
    for found in whole:
        assert set(found.images) == set(cameras)
        for camera, image in found.images.items():
            expected = decode(picture(found.episode, found.step, camera, int(found.values[0])))
            np.testing.assert_array_equal(image, expected)
    assert len(joiner._observations) <= 9
    assert len(joiner._images) <= 9


def test_without_a_camera_every_observation_is_whole():
    joiner = FrameJoiner([], 32)
    observation = reading(0, 3)
    assert joiner.observe(observation) is observation
    assert joiner.see(picture(0, 3)) is None


def test_a_damaged_frame_is_refused_and_a_good_one_still_counts():
    joiner = FrameJoiner(["left"], 32)
    joiner.observe(reading(0, 0))
    broken = Frame(0, 0, "left", "png", 32, 32, b"nothing")
    with pytest.raises(ValueError, match="data: expected a png image"):
        joiner.see(broken)
    assert joiner.see(picture(0, 0, "other")) is None
    assert joiner.see(picture(0, 0)).images["left"].shape == (32, 32, 3)


def test_images_are_made_as_small_online_as_offline():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (48, 80, 3), dtype=np.uint8)
    frame = Frame(0, 0, "left", "png", 80, 48, encode(image, "png"))
    joiner = FrameJoiner(["left"], 32)
    joiner.observe(reading(0, 0))
    online, offline = joiner.see(frame).images["left"], decode(smaller(frame, 32))
    np.testing.assert_array_equal(online, offline)
    # The middle square, unchanged where it has the size already.
    np.testing.assert_array_equal(fitted(image, 48), image[:, 16:64])
    # Each new pixel is the mean of those that it covers.
    halves = fitted(np.repeat(np.repeat(online, 2, axis=0), 2, axis=1), 32)
    np.testing.assert_array_equal(halves, online)
