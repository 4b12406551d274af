"""Cameras that see nothing."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch
from known import ACTION, OBSERVATION, SAFE, objective, source_of

from mbrl_ros.control.controller import CommandSource, Controller
from mbrl_ros.control.frames import FrameJoiner
from mbrl_ros.control.settings import ControllerSettings, TrustSettings
from mbrl_ros.control.sight import Sight
from mbrl_ros.core.records import Frame, Observation
from mbrl_ros.data.frames import encode
from mbrl_ros.models.latent.packing import pack
from mbrl_ros.models.rssm.network import Rssm
from mbrl_ros.models.rssm.settings import RssmSettings
from mbrl_ros.planning.settings import PlannerSettings
from mbrl_ros.safety.safe_command import SafeCommand

RNG = np.random.default_rng(0)
SEEN = replace(OBSERVATION, images=("top",), image_size=32)


def frame(camera, step):
    data = encode(scene(step), "png")
    return Frame(0, step, camera, "png", 32, 32, data)


def seeing(trust=True):
    """A controller whose model sees."""
    network = Rssm(SEEN, ACTION, RssmSettings())
    network.initialize(torch.Generator().manual_seed(0))
    settings = ControllerSettings(
        planner=PlannerSettings(horizon=3, candidates=8, elites=2, iterations=1, knots=0),
        # An untrained model is surprised by anything.
        trust=TrustSettings(enabled=trust, cautious=1e8, doubtful=1e8, fallback=1e8),
    )
    safe = SafeCommand(SEEN, ACTION, "values", values=SAFE)
    made = Controller(
        SEEN, ACTION, objective(), settings, period=0.05, lock_step=True, seed=0, safe=safe,
        learner="rssm",
    )  # fmt: skip
    made.models.offer(pack(network), 1, 1)
    return made


def scene(k, noise=0.0):
    """A bright bar on grey ground, whose place is the step's."""
    image = np.full((32, 32, 3), 60.0)
    image[8:24, k % 28 : k % 28 + 3] = (250, 200, 30)
    return np.clip(image + noise * RNG.normal(size=image.shape), 0, 255).astype(np.uint8)


def observed(k, image, values=None):
    values = np.sin(0.3 * k) * np.ones(2) if values is None else np.asarray(values, float)
    return Observation(0, k, values, images={"top": image})


def seen(sight, steps, picture, first=0, values=None):
    """Return what is told at each step."""
    return [sight.observe(observed(first + k, picture(first + k), values)) for k in range(steps)]


def test_a_moving_scene_is_believed_with_and_without_noise():
    for noise in (0.0, 8.0):
        assert not any(seen(Sight(), 200, lambda k, noise=noise: scene(k, noise)))


@pytest.mark.parametrize(
    "covered",
    [
        lambda k: np.zeros((32, 32, 3), np.uint8),
        lambda k: np.full((32, 32, 3), 255, np.uint8),  # a lamp into the lens
        lambda k: np.full((32, 32, 3), (90, 40, 20), np.uint8),  # a thumb
        lambda k: RNG.integers(10, 17, (32, 32, 3)).astype(np.uint8),  # noise of the sensor
    ],
)
def test_a_covered_lens_is_told_until_it_sees_again(covered):
    sight = Sight()
    assert not any(seen(sight, 60, scene))
    told = seen(sight, 10, covered, first=60)
    assert not any(told[:2])
    assert all("camera 'top' sees nothing" in reason for reason in told[2:])
    assert not any(seen(sight, 10, scene, first=70))
    # A flash is none.
    assert not any(seen(sight, 2, covered, first=80) + seen(sight, 5, scene, first=82))


def test_a_frozen_picture_is_told_once_the_readings_have_moved():
    sight = Sight()
    assert not any(seen(sight, 60, scene))
    told = seen(sight, 12, lambda _: scene(5), first=60)
    first = next(k for k, reason in enumerate(told) if reason)
    assert 3 <= first <= 6
    assert "camera 'top' is frozen" in told[-1]
    assert not any(seen(sight, 10, scene, first=72))


def test_at_rest_a_picture_may_stay_as_it_is():
    sight = Sight()
    assert not any(seen(sight, 60, scene))
    assert not any(seen(sight, 100, lambda _: scene(5), first=60, values=[0.3, -0.2]))
    # Nor is anything frozen before it is known how far readings go.
    assert not any(seen(Sight(), 20, lambda _: scene(5)))


def test_each_camera_is_judged_for_itself():
    sight, black = Sight(), np.zeros((32, 32, 3), np.uint8)
    for k in range(3):
        images = {"left": scene(k), "right": black}
        told = sight.observe(Observation(0, k, np.zeros(2), images=images))
    assert "camera 'right'" in told
    assert "left" not in told
    assert sight.observe(Observation(0, 4, np.zeros(2))) == ""


def test_a_camera_that_drops_its_frames_is_named_and_answered_with_the_safe_command():
    joiner = FrameJoiner(["left", "top"], 32)
    assert joiner.missing == ()
    joiner.observe(Observation(0, 0, np.zeros(2)))
    assert joiner.missing == ("left", "top")
    joiner.see(frame("left", 0))
    assert joiner.missing == ("top",)
    assert joiner.see(frame("top", 0)) is not None
    assert joiner.missing == ()
    made = seeing()
    last = replace(observed(0, scene(0)), received=10.0)
    made.tick(last)
    made.awaited = ("top",)
    command = made.silence(last, 10.5)
    assert source_of(command) == (
        CommandSource.HOLD, "no observation for 0.50 s: no frame of camera 'top' came with it",
    )  # fmt: skip
    assert command.values.tolist() == SAFE


def test_a_covered_lens_gets_the_safe_command_and_the_belief_goes_on_without_it():
    made = seeing()
    model = made.models.active.model
    looked = []
    model_look = model._look
    model._look = lambda images: looked.append([set(each) for each in images]) or model_look(images)
    for k in range(5):
        assert made.tick(observed(k, scene(k))).source is CommandSource.PLANNED
    black = np.zeros((32, 32, 3), np.uint8)
    commands = [made.tick(observed(k, black)) for k in range(5, 9)]
    assert [c.source is CommandSource.FALLBACK for c in commands] == [False, False, True, True]
    assert "camera 'top' sees nothing" in commands[-1].reason
    assert commands[-1].values.tolist() == SAFE
    assert looked[-1] == [set()]
    assert made.tick(observed(9, scene(9))).source is CommandSource.PLANNED
    untrusting = seeing(trust=False)
    told = [untrusting.tick(observed(k, black)).source for k in range(5)]
    assert told == 5 * [CommandSource.PLANNED]


def test_another_thread_may_ask_what_the_model_thinks_that_is_seen():
    made = seeing()
    assert made.known.picture() is None  # nothing is seen yet
    made.tick(observed(0, scene(0)))
    seen, images = made.known.picture()
    assert seen.step == 0
    assert images["top"].shape == (32, 32, 3)
    before = images["top"].clone()
    # Asking changes nothing, and is no part of deciding.
    assert torch.equal(made.known.picture()[1]["top"], before)
    made.tick(observed(1, 255 - scene(1)))
    seen, images = made.known.picture()
    assert seen.step == 1
    assert not torch.equal(images["top"], before)
    with ThreadPoolExecutor(1) as pool:
        asked = [pool.submit(made.known.picture) for _ in range(20)]
        commands = [made.tick(observed(k, scene(k))) for k in range(2, 22)]
        assert all(future.result() is not None for future in asked)
    assert {command.source for command in commands} == {CommandSource.PLANNED}
