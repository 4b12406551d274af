"""Images in the lock-step loop."""

import numpy as np
import pytest

from mbrl_ros.core.settings import SettingsError
from mbrl_ros.data.frames import fitted
from mbrl_ros.system.configuration import read_task
from mbrl_ros.system.lock_step import LockStepSystem


@pytest.mark.process
def test_every_observation_has_its_own_image_for_learner_and_controller():
    # Without waiting for the distribution of the readings, which is longer than this.
    settings = {"mujoco_sim.time_limit": 0.3, "replay.screen": False}
    system = LockStepSystem(read_task("cartpole_pixels", settings))
    for _ in range(20):  # over the ends of episodes
        before = system.simulator.observation
        shown = fitted(system._eye.look(), 32)
        system.step()
        if not before.ended:
            seen = system.controller.known.beliefs._seen[-1]
            np.testing.assert_array_equal(seen.values.numpy(), before.values)
            np.testing.assert_array_equal(seen.images["fixed"].numpy(), shown)
    # The newest observation is looked at when it is answered.
    replay = system.learner.replay
    drawn = replay.sample(64, 1, np.random.default_rng(0), ["fixed"])
    assert replay.sequences(1, ["fixed"]) == len(replay) - 1
    assert replay.frames_dropped == 0
    assert len(np.unique(drawn.images["fixed"].reshape(64, -1), axis=0)) >= 15
    assert replay.sequences(10, ["fixed"]) >= 10


def test_a_camera_that_the_plant_has_not_is_refused_by_name():
    with pytest.raises(SettingsError, match=r"observation\.images: expected fixed, the camera of"):
        LockStepSystem(read_task("cartpole_pixels", {"observation.images": ["top"]}))
