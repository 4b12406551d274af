"""Environments that draw themselves."""

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from mbrl_ros.core.records import Observation
from mbrl_ros.core.spaces import Space
from mbrl_ros.simulation.camera import Camera, Eye
from mbrl_ros.simulation.environments import make_plant
from mbrl_ros.simulation.plant import Plant
from mbrl_ros.simulation.settings import CameraSettings, SimulatorSettings

SIZE = {"width": 20, "height": 16}


class Counting(gymnasium.Env):
    """Each picture is as bright as there were steps."""

    observation_space = spaces.Box(-1.0, 1.0, (1,))
    action_space = spaces.Box(-1.0, 1.0, (1,))
    render_mode = "rgb_array"

    def reset(self, *, seed=None, options=None):
        self._picture = np.zeros((16, 20, 3), np.uint8)
        return np.zeros(1, np.float32), {}

    def step(self, action):
        self._picture += 1
        return np.zeros(1, np.float32), 0.0, False, False, {}

    def render(self):
        return self._picture


@pytest.fixture
def plant():
    made = Plant(Counting(), "counting", time_step=0.02)
    made.reset()
    return made


def test_an_eye_sees_what_is_drawn_now(plant):
    eye = Eye(plant, CameraSettings(rate=50.0, **SIZE))
    assert eye.name == "rendered"
    before = eye.look()
    plant.step(np.zeros(1))
    assert (before == 0).all()  # a copy
    assert (eye.look() == 1).all()
    assert Eye(plant, CameraSettings(rate=50.0, name="road", **SIZE)).name == "road"


def test_a_camera_shows_each_observation_as_it_was_drawn(plant):
    shown = []
    camera = Camera(plant, CameraSettings(rate=50.0, **SIZE), lambda o, i: shown.append((o, i)))
    for step in range(5):
        stamp = round(1e9 * step * 0.02)
        camera.offer(Observation(0, step, np.empty(0), stamp=stamp), wait=True)
        plant.step(np.zeros(1))
    camera.close()
    assert not camera.failure
    assert [(o.step, int(i.max()), int(i.min())) for o, i in shown] == [(k, k, k) for k in range(5)]


def test_a_picture_of_another_size_is_refused(plant):
    with pytest.raises(ValueError, match=r"draws 20 x 16 pixels: expected these as camera\.width"):
        Eye(plant, CameraSettings(rate=50.0))


CAR = "mbrl_ros.simulation.car_racing:mbrl_ros/CarRacing-v0"


def test_a_car_s_instruments_are_named_and_its_road_is_drawn():
    pytest.importorskip("Box2D")
    observation = Space.of(["speed", "slide", "wheel_angle", "yaw_rate"])
    settings = SimulatorSettings(environment=CAR, time_step=0.02, action_repeat=4)
    plant = make_plant(settings, observation)
    start, _ = plant.reset(seed=0)
    eye = Eye(plant, CameraSettings(rate=12.5, width=84, height=84))
    for _ in range(10):  # full throttle
        seen, *_ = plant.step(np.array([0.0, 1.0, 0.0]))
    assert seen[0] > start[0] + 5.0
    assert abs(seen[1]) < 0.5
    road = eye.look()
    for steer in (1.0, -1.0):  # to the right, to the left
        plant.reset(seed=0)
        for _ in range(10):
            turned, *_ = plant.step(np.array([steer, 0.3, 0.0]))
        assert np.sign(turned[2]) == np.sign(turned[3]) == -steer
    assert road.shape == (84, 84, 3)
    grass = road[..., 1] > road[..., 0] + 40
    assert 0.3 < grass.mean() < 0.95
    assert not np.array_equal(eye.look(), road)
    plant.close()
