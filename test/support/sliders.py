"""A robot of two sliders, each with a motor, and a model of it that is exact."""

import numpy as np

from mbrl_ros.core.spaces import Space
from mbrl_ros.models.checkpoint import save
from mbrl_ros.models.packing import pack
from support.linear import exact_model

PERIOD, STEP, MASSES, FORCE = 0.04, 0.01, (1.0, 2.0), 40.0
NAMES = ["left", "right", "left_speed", "right_speed"]

ROBOT = """
/**:
  ros__parameters:
    task: sliders
    period: 0.04
    observation:
      names: [left, right, left_speed, right_speed]
    action: {names: [push_left, push_right], low: [-1.0, -1.0], high: [1.0, 1.0]}
robot_bridge:
  ros__parameters:
    sources: [joints]
    joints: {topic: joint_states, type: sensor_msgs/msg/JointState, rate: 100.0}
    observe:
      - left = joints.position[left]
      - right = joints.position[right]
      - left_speed = joints.velocity[left]
      - right_speed = joints.velocity[right]
    commands: [effort]
    effort:
      topic: effort_controller/commands
      type: std_msgs/msg/Float64MultiArray
      send: ["data = [40 * push_left, 40 * push_right]"]
    time_limit: 2.0
mpc_controller:
  ros__parameters:
    autotune: false
    needs_limits: false
    planner: {horizon: 12, candidates: 32, iterations: 2}
    adaptation: {enabled: false}
    objective:
      name: meet
      terms: [left, right, calm]
      left: {type: tolerance, of: [left], target: [0.5], margin: 0.3}
      right: {type: tolerance, of: [right], target: [-0.5], margin: 0.3}
      calm: {type: quadratic, of: [left_speed, right_speed], weight: 0.02}
"""

STANDIN = """
robot_standin:
  ros__parameters:
    model: sliders.xml
    rate: 100.0
    hears: [effort]
    effort:
      topic: effort_controller/commands
      type: std_msgs/msg/Float64MultiArray
      rate: 25.0
    drive: ["left = effort.data[0]", "right = effort.data[1]"]
    sends: [joints]
    joints:
      topic: joint_states
      type: sensor_msgs/msg/JointState
      send:
        - position[{joint}] = joints.position[{joint}]
        - velocity[{joint}] = joints.velocity[{joint}]
"""

XML = """
<mujoco>
  <option timestep="0.01" gravity="0 0 0" integrator="Euler"/>
  <worldbody>
    <body><joint name="left" type="slide" axis="1 0 0"/><geom size="0.1" mass="1"/></body>
    <body pos="0 1 0">
      <joint name="right" type="slide" axis="1 0 0"/><geom size="0.1" mass="2"/>
    </body>
  </worldbody>
  <actuator>
    <motor name="left" joint="left"/><motor name="right" joint="right"/>
  </actuator>
</mujoco>
"""

SETTINGS = """
graduation:
  ros__parameters:
    draws: 3
    search: 4
    processes: 0
    tune: false
    ranges:
      actuation_delay: [0.0, 0.01]
      noise: [0.0, 0.01]
      mass_scale: [0.9, 1.1]
      push: [0.1, 0.3]
"""


def model():
    """The exact model: MuJoCo's semi-implicit Euler, four times."""
    once, force = np.eye(4), np.zeros((4, 2))
    once[[0, 1], [2, 3]] = STEP
    for i, mass in enumerate(MASSES):
        force[2 + i, i] = STEP * FORCE / mass
        force[i, i] = STEP * force[2 + i, i]
    a, b = np.eye(4), np.zeros((4, 2))
    for _ in range(round(PERIOD / STEP)):
        a, b = once @ a, once @ b + force
    action = Space.of(["push_left", "push_right"], [-1.0, -1.0], [1.0, 1.0])
    return pack(exact_model(a, b, action, Space.of(NAMES), members=2))


def write(folder):
    """Write all files of the robot to a folder."""
    texts = {"sliders.yaml": ROBOT, "standin.yaml": STANDIN, "sliders.xml": XML}
    for name, text in {**texts, "settings.yaml": SETTINGS}.items():
        (folder / name).write_text(text)
    save(model(), folder / "model.safetensors")
