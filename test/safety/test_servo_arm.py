"""An arm whose commands are positions: nothing that stops it may move it.

One joint cannot be straight (zero is outside its range), and a tendon closes the gripper at zero.
"""

from dataclasses import replace

import numpy as np
import pytest

from mbrl_ros.control.command import CommandSource
from mbrl_ros.control.controller import Controller
from mbrl_ros.control.settings import ControllerSettings, ExplorationSettings
from mbrl_ros.core.task import ActionSettings, ObservationSettings, TaskSettings
from mbrl_ros.objectives.objective import Objective
from mbrl_ros.safety.safe_command import SafeCommand
from mbrl_ros.simulation.settings import SimulatorSettings
from mbrl_ros.simulation.simulator import make_simulator

ARM = """
<mujoco>
  <compiler angle="radian" autolimits="true"/>
  <option timestep="0.004" integrator="implicitfast"/>
  <worldbody>
    <body name="upper" pos="0 0 1">
      <joint name="shoulder" axis="0 1 0" range="-2.5 2.5" damping="2" armature="0.05"/>
      <geom type="capsule" fromto="0 0 0 0.4 0 0" size="0.03" mass="1"/>
      <body name="fore" pos="0.4 0 0">
        <joint name="elbow" axis="0 1 0" range="-3.0 -0.2" damping="2" armature="0.05"/>
        <geom type="capsule" fromto="0 0 0 0.3 0 0" size="0.03" mass="0.5"/>
        <body name="left" pos="0.3 0.05 0">
          <joint name="left" type="slide" axis="0 1 0" range="0 0.04" damping="5"/>
          <geom type="box" size="0.02 0.005 0.01" mass="0.05"/>
        </body>
        <body name="right" pos="0.3 -0.05 0">
          <joint name="right" type="slide" axis="0 -1 0" range="0 0.04" damping="5"/>
          <geom type="box" size="0.02 0.005 0.01" mass="0.05"/>
        </body>
      </body>
    </body>
  </worldbody>
  <tendon>
    <fixed name="grip"><joint joint="left" coef="0.5"/><joint joint="right" coef="0.5"/></fixed>
  </tendon>
  <actuator>
    <position name="shoulder" joint="shoulder" kp="900" kv="90" ctrlrange="-2.5 2.5"/>
    <position name="elbow" joint="elbow" kp="400" kv="40" ctrlrange="-3.0 -0.2"/>
    <general name="grip" tendon="grip" ctrlrange="0 255" gainprm="0.0157" biastype="affine"
             biasprm="0 -100 -10"/>
  </actuator>
  <keyframe><key name="home" qpos="-0.7 -1.8 0.03 0.03" ctrl="-0.7 -1.8 191"/></keyframe>
</mujoco>
"""
HOME = [-0.7, -1.8, 191.0]
JOINTS = 2
TWO_SECONDS = 50


def make_task(**safe):
    names = ["shoulder", "elbow", "left", "right"]
    return TaskSettings(
        period=0.04,
        **{"safe_command": "hold", **safe},
        observation=ObservationSettings([*names, *(f"{name}_velocity" for name in names)]),
        action=ActionSettings(
            ["shoulder_goal", "elbow_goal", "grip_goal"], [-2.5, -3.0, 0.0], [2.5, -0.2, 255.0]
        ),
    )


class Loop:
    """Simulator and controller as in real time: an answer acts one step later."""

    def __init__(self, file, std=0.1, own=True, **safe):
        self.own = own
        task = make_task(**safe)
        self.simulator = make_simulator(
            task, SimulatorSettings(environment=str(file), action_repeat=10, time_limit=4.0)
        )
        spaces = task.observation_space(), task.action_space()
        objective = Objective.from_parameters({"terms": ["near"], "near.of": ["elbow"]}, *spaces)
        settings = ControllerSettings(exploration=ExplorationSettings(std=std))
        self.controller = Controller(
            *spaces, objective, settings,
            period=0.04, lock_step=False, seed=0, safe=SafeCommand.of(task),
        )  # fmt: skip
        self.sent, self.applied, self.joints = [], [], []

    def step(self, answer=None):
        """Answer what the plant shows, have it step on; return the command."""
        seen = self.simulator.observation
        command = (answer or self.controller.tick)(seen)
        if command is not None:
            safe = self.own and command.source.safe
            self.simulator.command(command.values, seen.episode, seen.step, seen.time, safe)
            self.sent.append(command)
        after = self.simulator.advance()
        self.applied.append(after.action)
        self.joints.append(after.values[:4])
        return command

    def explore(self, steps):
        for _ in range(steps):
            assert self.step().source is CommandSource.EXPLORATION

    def stays(self, act, since):
        """Check that nothing is commanded but one posture, and that the arm goes there and stays.

        What was under way already still acts. A plant that holds by itself holds that; one that
        takes what it is sent goes back to what had acted before.
        """
        told = self.applied[since - 1]
        first = len(self.sent)
        for _ in range(TWO_SECONDS):
            act()
        for command in self.sent[first:]:
            np.testing.assert_array_equal(command.values, told)
        held = self.applied[since] if self.own else told
        np.testing.assert_array_equal(
            self.applied[since + 1 :], [held] * len(self.applied[since + 1 :])
        )
        moved = np.ptp(self.joints[-10:], axis=0)
        assert moved.max() < 1e-3
        assert abs(self.joints[-1][:JOINTS] - held[:JOINTS]).max() < 0.1


@pytest.fixture(params=[True, False], ids=["the plant holds", "the plant is told"])
def arm(tmp_path, request):
    path = tmp_path / "servo_arm.xml"
    path.write_text(ARM)
    made = []

    def make(**arguments):
        made.append(Loop(path, own=request.param, **arguments))
        return made[-1]

    yield make
    for loop in made:
        loop.simulator.close()


def test_an_episode_begins_with_the_keyframes_controls(arm):
    loop = arm()
    first = loop.simulator.observation
    assert first.action.tolist() == HOME
    # Nobody answers: it stands where it began, beyond the time-out, too.
    for _ in range(TWO_SECONDS):
        seen = loop.simulator.advance()
        assert seen.action.tolist() == HOME
        assert abs(seen.values[:4] - first.values[:4]).max() < 0.02


def test_an_e_stop_holds_what_was_applied(arm):
    loop = arm()
    loop.explore(30)
    loop.controller.estopped = True
    loop.stays(loop.step, 30)
    assert {c.source for c in loop.sent[30:]} == {CommandSource.FALLBACK}


def test_at_home_an_e_stop_moves_no_joint(arm):
    loop = arm()
    loop.controller.estopped = True
    before = loop.simulator.observation.values
    for _ in range(TWO_SECONDS):
        assert loop.step().values.tolist() == HOME
        assert abs(loop.simulator.observation.values[:4] - before[:4]).max() < 0.02


def test_readings_that_are_lost_hold_what_was_applied(arm):
    loop = arm()
    loop.explore(30)

    def lost(seen):
        return loop.controller.tick(replace(seen, values=np.full(8, np.nan)))

    loop.stays(lambda: loop.step(lost), 30)


def test_silence_holds_what_was_applied(arm):
    loop = arm()
    loop.explore(30)
    last = loop.simulator.observation
    loop.controller.tick(last)

    def silent(_):
        return loop.controller.silence(replace(last, received=0.0), now=10.0)

    for _ in range(TWO_SECONDS):
        loop.step(silent)
        np.testing.assert_array_equal(loop.sent[-1].values, last.action)


def test_deactivated_it_leaves_the_plant_holding(arm):
    loop = arm()
    loop.explore(30)
    farewell = loop.step(loop.controller.farewell)
    np.testing.assert_array_equal(farewell.values, loop.applied[29])
    loop.stays(lambda: loop.step(lambda seen: None), 30)


def test_a_killed_controller_leaves_the_plant_holding(arm):
    loop = arm()
    loop.explore(30)
    for _ in range(TWO_SECONDS):
        loop.step(lambda seen: None)
    # The newest command acts until it is too old, and then the plant holds it.
    np.testing.assert_array_equal(loop.applied[31:], [loop.sent[-1].values] * (TWO_SECONDS - 1))


def test_the_end_of_an_episode_holds_and_the_next_begins_at_home(arm):
    loop = arm()
    while not loop.simulator.observation.ended:
        loop.step()
    ended = loop.step()
    assert ended.source is CommandSource.HOLD
    np.testing.assert_array_equal(ended.values, loop.applied[-2])
    first = loop.simulator.observation
    assert (first.episode, first.step, first.action.tolist()) == (1, 0, HOME)
    # Still pressed, an e-stop holds where the new episode begins, not where the last one ended.
    loop.controller.estopped = True
    for _ in range(5):
        assert loop.step().values.tolist() == HOME


def test_values_of_ones_own_are_sent_by_controller_and_plant_alike(arm):
    loop = arm(safe_command="values", safe_values=[-0.5, -1.5, 100.0])
    loop.explore(10)
    loop.controller.estopped = True
    assert loop.step().values.tolist() == [-0.5, -1.5, 100.0]
    for _ in range(10):
        loop.step(lambda seen: None)
    assert loop.applied[-1].tolist() == [-0.5, -1.5, 100.0]


def test_zero_is_refused_where_a_joint_cannot_be_there(arm):
    with pytest.raises(ValueError, match="safe_command: zero is outside the limits of action 'elb"):
        arm(safe_command="zero")
