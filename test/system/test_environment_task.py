"""Environments without a parameter file: what is found out of them, and what is asked for."""

import importlib.util
import math
import os
import sys
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from mbrl_ros.core.settings import SettingsError, build
from mbrl_ros.core.task import TaskSettings
from mbrl_ros.simulation.simulator import make_simulator
from mbrl_ros.system.configuration import read_task
from mbrl_ros.system.environment_task import parameter_text

ARM = """<mujoco model="arm">
  <option timestep="0.002"/>
  <worldbody>
    <body>
      <joint name="left/hip-pitch" type="hinge" axis="0 1 0" damping="1"/>
      <geom type="capsule" fromto="0 0 0 0 0 -0.4" size="0.02"/>
      <body pos="0 0 -0.4">
        <joint type="hinge" axis="0 1 0" range="-60 60" damping="1"/>
        <geom type="capsule" fromto="0 0 0 0 0 -0.4" size="0.02"/>
        <site name="tip" pos="0 0 -0.4"/>
      </body>
    </body>
  </worldbody>
  <actuator>
    <position joint="left/hip-pitch" kp="5" {range}/>
    <position name="9 knee" joint="left/hip-pitch" kp="5" ctrlrange="0.5 1"/>
  </actuator>
  <sensor><accelerometer name="imu" site="tip"/></sensor>
</mujoco>"""
REACH = """
class Reach:
    def observation(self, model, data):
        return [data.site("tip").xpos[0], data.qvel[1], *data.qpos, *data.sensordata]
    def reward(self, model, data, action):
        return -abs(data.site("tip").xpos[0])
"""


@pytest.fixture
def arm(tmp_path, monkeypatch):
    """The file names of a robot, its task, and of one with a motor that has no limits."""
    monkeypatch.chdir(tmp_path)
    Path("arm.xml").write_text(ARM.format(range='ctrlrange="-1 1"'))
    Path("free.xml").write_text(ARM.format(range=""))
    Path("reach.py").write_text(REACH)


def fits(configuration):
    """Whether the plant takes what was found of it; returns the settings of the task."""
    task = build(TaskSettings, configuration.shared)
    simulator = make_simulator(task, configuration.build("mujoco_sim"))
    assert simulator.advance().step == 1
    simulator.close()
    return task


@pytest.mark.parametrize(
    ("environment", "names", "angles", "actions", "period", "planner"),
    [
        ("Pendulum-v1", ["observation_0"], [], ["action"], 0.05, ("icem", 30)),
        ("CartPole-v1", ["observation_0"], [], ["action"], 0.04, ("categorical_cem", 38)),
        # Which says nothing of time but the rate of its pictures.
        ("MountainCar-v0", ["observation_0"], [], ["action"], 0.03333333, ("categorical_cem", 45)),
        (
            "Hopper-v5",
            ["rootz_position", "rooty_angle", "thigh_joint_angle", "leg_joint_angle"],
            ["rooty_angle"],
            ["thigh_joint_motor", "leg_joint_motor", "foot_joint_motor"],
            0.04,
            ("icem", 38),
        ),
        (
            "dm_control/reacher-easy-v0",
            ["shoulder_angle", "wrist_angle", "to_target_0", "to_target_1", "shoulder_velocity"],
            ["shoulder_angle"],
            ["shoulder", "wrist"],
            0.04,
            ("icem", 38),
        ),
    ],
)
def test_what_an_environment_says_of_itself(environment, names, angles, actions, period, planner):
    configuration = read_task(environment)
    task, controller = fits(configuration), configuration.node("mpc_controller")
    assert task.observation.names[: len(names)] == names
    assert task.observation.angles == angles
    assert task.action.names == actions
    assert task.period == period
    assert (controller["planner.type"], controller["planner.horizon"]) == planner
    assert controller["objective.terms"] == ["reward", "survival"]
    assert controller["exploration.curiosity"] > 0
    assert configuration.node("model_trainer")["model.reward_model"]
    # Gymnasium and dm_control limit these themselves.
    assert "time_limit" not in configuration.node("mujoco_sim")


def test_what_is_countable_is_counted():
    configuration = read_task("FrozenLake-v1")
    task = fits(configuration)
    assert (task.learner, task.period, task.lock_step) == ("tabular", 0.25, True)
    assert task.observation.names == task.observation.discrete == ["observation"]
    assert (task.observation.low, task.observation.high) == ([0.0], [15.0])
    assert configuration.node("mpc_controller")["agent"] == "policy"
    # Of another kind of model, a choice is one dimension for each alternative.
    others = fits(read_task("FrozenLake-v1", {"learner": "ensemble"}))
    assert len(others.observation.names) == 16


def test_a_robot_of_ones_own(arm):
    configuration = read_task("arm.xml", {"task_module": "reach.py:Reach"})
    task, plant = fits(configuration), configuration.build("mujoco_sim")
    assert task.task == "arm"
    # Of the tip, the model says nothing.
    assert task.observation.names == [
        *("observation_0", "joint_1_velocity", "left_hip_pitch_angle", "joint_1_angle"),
        *("imu_0", "observation_5", "imu_2"),
    ]
    assert task.observation.angles == ["left_hip_pitch_angle"]
    assert task.action.names == ["left_hip_pitch_motor", "_9_knee"]
    assert (task.action.low, task.action.high) == ([-1.0, 0.5], [1.0, 1.0])
    assert task.safe_command == "hold"
    assert (plant.action_repeat, plant.time_limit) == (20, 10.0)


@pytest.mark.parametrize(
    ("environment", "given", "reason"),
    [
        ("free.xml", {"task_module": "reach.py:Reach"},
         r"^action.low and action.high: .*does not limit left_hip_pitch_motor: add action.low:="),
        ("free.xml", {"task_module": "reach.py:Reach", "action.low": [-1.0, 0.5]},
         r"^action.high: .*add action.high:=\[...\] with a value for each of left_hip_pitch_motor"),
        ("no.xml", {}, r"^environment '.*no.xml': there is no such file$"),
        ("Timeless-v0", {}, r"^time_step: environment 'Timeless-v0' does not say .*time_step:="),
        ("Mixed-v0", {}, r"^planner.type: environment 'Mixed-v0' takes whole numbers for n only"),
        ("Pendulm-v1", {}, r"^environment 'Pendulm-v1': .*Did you mean: `Pendulum`"),
        ("Pendulum-v1", {"action_repeat": "x"}, r"^command line: parameter 'action_repeat'"),
    ],
)  # fmt: skip
def test_what_cannot_be_found_is_asked_for_by_name(arm, environment, given, reason):
    with pytest.raises(SettingsError, match=reason) as refusal:
        read_task(environment, given)
    assert "\n" not in str(refusal.value)


def test_where_nothing_is_paid_it_explores_and_says_so(arm):
    configuration = read_task("arm.xml")
    fits(configuration)
    assert configuration.notes == (
        "arm.xml pays no reward: it explores, until it is given an objective",
    )
    controller = configuration.node("mpc_controller")
    assert controller["objective.terms"] == ["survival"]
    assert controller["exploration.curiosity"] > 0
    assert not read_task("arm.xml", {"task_module": "reach.py:Reach"}).notes


def test_what_is_told_is_not_asked_for(arm):
    given = {"action.low": [-1.0, 0.5], "action.high": [1.0, 1.0], "period": 0.02}
    given |= {"objective.terms": ["still"], "objective.still.type": "quadratic"}
    given |= {"objective.still.of": ["joint_1_velocity"], "time_limit": 2.0}
    configuration = read_task("free.xml", given)
    assert fits(configuration).period == 0.02
    plant = configuration.build("mujoco_sim")
    assert (plant.action_repeat, plant.time_limit) == (10, 2.0)
    assert configuration.node("mpc_controller")["objective.terms"] == ["still"]
    assert read_task("Timeless-v0", {"mujoco_sim.time_step": 0.02}).shared["period"] == 0.04


class _Turning(gymnasium.Env):
    """An angle that wraps, and a time step that only pictures tell."""

    metadata = {"render_modes": [], "render_fps": 20}  # noqa: RUF012
    observation_space = spaces.Dict(
        {"the angle": spaces.Box(-math.pi, math.pi, (1,)), "w": spaces.Box(-np.inf, np.inf, (1,))}
    )
    action_space = spaces.Box(1.0, 2.0, (1,))

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self._angle = 0.0
        return self._seen(0.0), {}

    def _seen(self, speed):
        angle = (self._angle + math.pi) % (2 * math.pi) - math.pi
        return {"the angle": np.float32([angle]), "w": np.float32([speed])}

    def step(self, action):
        speed = 2.0 if np.ndim(action) else 0.0
        self._angle += 0.05 * speed
        return self._seen(speed), math.cos(self._angle), False, False, {}


class _Timeless(_Turning):
    metadata = {"render_modes": []}  # noqa: RUF012


class _Mixed(_Turning):
    action_space = spaces.Dict({"n": spaces.Discrete(3), "u": spaces.Box(-1.0, 1.0, (1,))})


@pytest.fixture(autouse=True, scope="module")
def _registered():
    for name, kind in (("Turning", _Turning), ("Timeless", _Timeless), ("Mixed", _Mixed)):
        gymnasium.register(f"{name}-v0", entry_point=kind)
    yield
    for name in ("Turning", "Timeless", "Mixed"):
        del gymnasium.registry[f"{name}-v0"]


def test_an_angle_is_found_by_its_wrapping():
    task = fits(read_task("Turning-v0"))
    assert task.observation.names == ["the_angle", "w"]
    assert task.observation.angles == ["the_angle"]
    assert task.observation.high[0] == 3.1415927
    assert (task.safe_command, task.safe_values) == ("values", [1.0])
    assert task.period == 0.05


@pytest.mark.process
def test_where_gymnasium_is_missing_the_python_of_the_nodes_is_asked(monkeypatch, arm):
    """As in `ros2 launch`, which runs in the system's Python."""
    here = parameter_text("arm.xml", {"task_module": "reach.py:Reach"})
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setenv("PATH", f"{Path(sys.prefix) / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    assert parameter_text("arm.xml", {"task_module": "reach.py:Reach"}) == here
    with pytest.raises(SettingsError, match=r"^environment '.*no.xml': there is no such file$"):
        parameter_text("no.xml", {})
