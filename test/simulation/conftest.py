"""Plants for the tests, made as the node makes them."""

from __future__ import annotations

import pytest

from mbrl_ros.core.task import ActionSettings, ObservationSettings, TaskSettings
from mbrl_ros.simulation import graphics
from mbrl_ros.simulation.settings import SimulatorSettings
from mbrl_ros.simulation.simulator import Simulator, make_simulator

try:
    # Before MuJoCo is first imported, so that the camera's tests can render in this process.
    graphics.choose(camera=True)
    NO_GRAPHICS = ""
except ValueError as error:
    NO_GRAPHICS = str(error)

ARM = """
<mujoco>
  <option timestep="0.01"/>
  <worldbody>
    <camera name="side" pos="0 -2 0" xyaxes="1 0 0 0 0 1"/>
    <light pos="0 0 3"/>
    <body>
      <joint name="elbow" type="hinge" axis="0 1 0" damping="0.1"/>
      <geom type="capsule" fromto="0 0 0 0.5 0 0" size="0.05" rgba="1 0 0 1"/>
      <site name="tip" pos="0.5 0 0"/>
    </body>
  </worldbody>
  <actuator>
    <motor name="torque" joint="elbow" ctrllimited="true" ctrlrange="-2 2"/>
  </actuator>
</mujoco>
"""


@pytest.fixture
def graphics_library():
    if NO_GRAPHICS:
        pytest.skip(NO_GRAPHICS)


@pytest.fixture
def arm_file(tmp_path):
    path = tmp_path / "arm.xml"
    path.write_text(ARM)
    return path


@pytest.fixture
def cartpole():
    """A function that makes the dm_control cart-pole's simulator; closes it afterwards."""
    made: list[Simulator] = []

    def make(*, lock_step=True, seed=0, period=0.04, task=None, **settings) -> Simulator:
        task = TaskSettings(
            **(task or {}),
            seed=seed,
            period=period,
            lock_step=lock_step,
            observation=ObservationSettings(["x", "cos", "sin", "v", "w"], [], [], []),
            action=ActionSettings(["motor"], [-1.0], [1.0]),
        )
        given = {
            "environment": "dm_control/cartpole-swingup-v0",
            "action_repeat": 4,
            **settings,
        }
        made.append(make_simulator(task, SimulatorSettings(**given)))
        return made[-1]

    yield make
    for simulator in made:
        simulator.close()
