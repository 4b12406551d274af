import os
import subprocess
import sys

import numpy as np
import pytest

from mbrl_ros.core.records import Observation
from mbrl_ros.simulation import graphics, video
from mbrl_ros.simulation.camera import Camera
from mbrl_ros.simulation.environments import make_plant
from mbrl_ros.simulation.settings import CameraSettings, SimulatorSettings

needs_graphics = pytest.mark.usefixtures("graphics_library")
SMALL = {"width": 64, "height": 48}


def observation(step, period=0.02):
    return Observation(0, step, np.empty(0), stamp=round(1e9 * step * period))


def test_a_camera_needs_a_model():
    plant = make_plant(SimulatorSettings(environment="Pendulum-v1"))
    with pytest.raises(ValueError, match="no MuJoCo model to render"):
        Camera(plant, CameraSettings(rate=10.0), lambda *_: None)


def test_no_library_to_render_with_is_said(monkeypatch):
    monkeypatch.delenv("MUJOCO_GL", raising=False)
    monkeypatch.setattr(graphics, "_egl_works", lambda: False)
    monkeypatch.setattr(graphics.ctypes.util, "find_library", lambda name: None)
    with pytest.raises(ValueError, match="found neither a working EGL nor OSMesa"):
        graphics.choose(camera=True)


@pytest.mark.process
def test_without_a_camera_no_graphics_are_loaded():
    code = (
        "import os, sys\n"
        "from mbrl_ros.simulation.environments import make_plant\n"
        "from mbrl_ros.simulation.settings import SimulatorSettings\n"
        "make_plant(SimulatorSettings(environment='InvertedPendulum-v5')).close()\n"
        "assert os.environ['MUJOCO_GL'] == 'disable'\n"
        "assert 'OpenGL' not in sys.modules\n"
    )
    environment = {k: v for k, v in os.environ.items() if k not in ("MUJOCO_GL", "DISPLAY")}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()


@needs_graphics
@pytest.mark.parametrize("environment", ["dm_control/cartpole-swingup-v0", "arm", "Reacher-v5"])
def test_pictures_show_the_plant(environment, arm_file):
    name = str(arm_file) if environment == "arm" else environment
    plant = make_plant(SimulatorSettings(environment=name))
    plant.reset(seed=0)
    pictures = []
    camera = Camera(plant, CameraSettings(rate=10.0, **SMALL), lambda o, i: pictures.append((o, i)))
    for step in range(50):
        camera.offer(observation(step), wait=True)
        plant.step(plant.action_space.high)
    camera.close()
    plant.close()
    assert [seen.step for seen, _ in pictures] == list(range(0, 50, 5))
    first, last = pictures[0][1], pictures[-1][1]
    assert first.shape == (48, 64, 3)
    assert first.dtype == np.uint8
    assert first.std() > 1
    assert not np.array_equal(first, last)


@needs_graphics
def test_an_unknown_camera_is_named(arm_file):
    plant = make_plant(SimulatorSettings(environment=str(arm_file)))
    with pytest.raises(ValueError, match="has no camera 'top', it has: side"):
        Camera(plant, CameraSettings(rate=1.0, name="top", **SMALL), lambda *_: None)


@needs_graphics
def test_a_camera_that_fails_does_not_stop_the_plant_and_says_so(arm_file):
    plant = make_plant(SimulatorSettings(environment=str(arm_file)))
    plant.reset(seed=0)

    def fail(*_):
        raise RuntimeError("no space left")

    camera = Camera(plant, CameraSettings(rate=100.0, **SMALL), fail)
    for step in range(5):
        camera.offer(observation(step), wait=True)
    camera.close()
    assert camera.failure.startswith("RuntimeError: no space left")


@pytest.mark.process
@needs_graphics
@pytest.mark.parametrize("period", [0.04, 1 / 60, 0.007])
@pytest.mark.parametrize("rate", [1.0, 3.0])
def test_every_observation_has_one_frame_at_the_rate_of_control(arm_file, period, rate):
    plant = make_plant(SimulatorSettings(environment=str(arm_file)))
    plant.reset(seed=0)
    seen = []
    settings = CameraSettings(rate=rate / period, width=16, height=16)
    camera = Camera(plant, settings, lambda o, _: seen.append(o.step))
    # The first one is repeated, as in lock-step before somebody answers; time has begun long ago.
    for step in [0, 0, *range(60), *range(10**6, 10**6 + 60)]:
        camera.offer(observation(step, period), wait=True)
    camera.close()
    assert seen == [*range(60), *range(10**6, 10**6 + 60)]


@needs_graphics
def test_a_camera_has_a_name(arm_file):
    for environment, name in ((str(arm_file), "side"), ("InvertedPendulum-v5", "free")):
        plant = make_plant(SimulatorSettings(environment=environment))
        plant.reset(seed=0)
        camera = Camera(plant, CameraSettings(rate=1.0, **SMALL), lambda *_: None)
        assert camera.name == name
        camera.close()


def frames():
    return [np.full((48, 64, 3), v, np.uint8) for v in (0, 80, 160, 240)]


@pytest.mark.process
def test_mp4(tmp_path):
    ffmpeg = pytest.importorskip("imageio_ffmpeg")
    recorded = video.open_video(tmp_path, 64, 48, 10.0)
    for frame in frames():
        recorded.write(frame)
    recorded.close()
    assert recorded.path == tmp_path / "video.mp4"
    count, seconds = ffmpeg.count_frames_and_secs(str(recorded.path))
    assert count == 4
    assert seconds == pytest.approx(0.4)
    assert video.open_video(tmp_path, 64, 48, 10.0).path.name == "video-2.mp4"


def test_gif_without_ffmpeg(tmp_path, monkeypatch):
    image = pytest.importorskip("PIL.Image")
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    recorded = video.open_video(tmp_path / "new", 64, 48, 10.0)
    for frame in frames():
        recorded.write(frame)
    recorded.close()
    with image.open(tmp_path / "new" / "video.gif") as gif:
        assert gif.n_frames == 4
        assert gif.info["duration"] == 100


def test_nothing_to_encode_with_is_said(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ValueError, match=r"camera\.video: needs the package"):
        video.open_video(tmp_path, 64, 48, 10.0)
