"""Limits of where parts of a robot are, by a model of it, and of its joints."""

import numpy as np
import pytest
import torch

from mbrl_ros.core.kinematics import Kinematics
from mbrl_ros.core.limits import LimitSettings
from mbrl_ros.core.records import Observation
from mbrl_ros.core.spaces import Space
from mbrl_ros.models.imagined import Imagined
from mbrl_ros.objectives.forbidden import Forbidden
from mbrl_ros.objectives.kinematics import points_of
from mbrl_ros.safety.barriers import make_barriers
from mbrl_ros.safety.changes import Sent
from mbrl_ros.safety.command_latch import ReceivedCommand
from mbrl_ros.safety.limits import limit_rules
from mbrl_ros.safety.rules import apply_rules

PERIOD = 0.04
TREE = """
<mujoco>
  <compiler angle="radian" autolimits="true"/>
  <worldbody>
    <site name="mark" pos="0.1 0.2 0.3"/>
    <body name="trunk" pos="0.1 0 0.4" euler="0.3 -0.2 0.5">
      <joint name="turn" axis="0 1 1" pos="0.05 0.1 0" range="-2 2"/>
      <joint name="lift" type="slide" axis="1 0 2" ref="0.1"/>
      <geom size="0.1"/>
      <body name="arm" pos="0.2 0.1 0" quat="1 0.2 0.1 -0.3">
        <joint name="bend" axis="1 0 0" ref="0.4" range="-1 1.5"/>
        <geom size="0.1"/>
        <site name="tip" pos="0 0.1 0.3"/>
      </body>
    </body>
    <body name="cart"><freejoint name="root"/><geom size="0.1"/></body>
  </worldbody>
</mujoco>
"""
URDF = """
<robot name="two">
  <link name="base"/>
  <link name="upper">
    <inertial><mass value="1"/><origin xyz="0 0 0.1"/>
      <inertia ixx="0.01" iyy="0.01" izz="0.01" ixy="0" ixz="0" iyz="0"/></inertial>
    <visual><geometry><mesh filename="package://two/nowhere.stl"/></geometry></visual>
  </link>
  <link name="tool"/>
  <joint name="shoulder" type="revolute">
    <parent link="base"/><child link="upper"/><origin xyz="0 0 0.5"/><axis xyz="0 1 0"/>
    <limit lower="-1" upper="1.2" effort="1" velocity="1"/>
  </joint>
  <joint name="flange" type="fixed">
    <parent link="upper"/><child link="tool"/><origin xyz="0 0 0.3"/>
  </joint>
</robot>
"""
SEEN = Space.of(["speed", "turn", "lift", "elbow"], angles=["turn"])
JOINTS = ["turn = turn", "lift=lift", "elbow = bend"]
# Two hinges in a vertical plane, each link 0.5 m long, upright at zero.
PLANAR = """
<mujoco>
  <worldbody>
    <body name="upper"><joint name="a" axis="0 1 0"/><geom size="0.1"/>
      <body name="fore" pos="0 0 0.5"><joint name="b" axis="0 1 0"/><geom size="0.1"/>
        <site name="hand" pos="0 0 0.5"/>
      </body>
    </body>
  </worldbody>
</mujoco>
"""
ARM = Space.of(["a", "b", "va", "vb"])
MOTORS = Space.of(["ua", "ub"], [-3.0, -3.0], [3.0, 3.0])


@pytest.fixture
def tree(tmp_path):
    file = tmp_path / "tree.xml"
    file.write_text(TREE)
    return str(file)


def test_many_states_have_the_points_that_mujoco_says(tree):
    robot = Kinematics(tree, JOINTS, ["tip", "trunk", "mark"], SEEN)
    states = np.random.default_rng(0).uniform(-2.0, 2.0, (5, 3, 4))
    many = points_of(robot, torch.from_numpy(states))
    assert many.shape == (5, 3, 9)
    one_by_one = [[robot(state) for state in row] for row in states]
    np.testing.assert_allclose(many.numpy(), np.array(one_by_one), atol=1e-12)
    assert points_of(robot, torch.from_numpy(states).float()).dtype == torch.float32
    assert robot.names[:4] == ("tip_x", "tip_y", "tip_z", "trunk_x")
    assert [set(robot.reads[i]) for i in (0, 3, 6)] == [{1, 2, 3}, {1, 2}, set()]
    assert robot.ranges == {1: (-2.0, 2.0), 3: (-1.0, 1.5)}


def test_a_urdf_needs_no_meshes_and_keeps_its_tool(tmp_path):
    file = tmp_path / "two.urdf"
    file.write_text(URDF)
    robot = Kinematics(str(file), [], ["tool"], Space.of(["shoulder"]))
    expected = [0.3 * np.sin(0.7), 0.0, 0.5 + 0.3 * np.cos(0.7)]
    np.testing.assert_allclose(robot(np.array([0.7])), expected, atol=1e-9)
    assert robot.ranges == {0: (-1.0, 1.2)}


def test_joints_keep_to_the_ranges_of_the_model_unless_told_otherwise(tree):
    limits = LimitSettings(model=tree, joints=JOINTS, of=["elbow"], high=[0.5], margin=[0.1])
    ranges = {name: ends for name, _, *ends in limits.ranges(SEEN)}
    assert ranges == {"elbow": [-np.inf, 0.4], "turn": [-1.9, 1.9]}


@pytest.mark.parametrize("order", [1, -1])
def test_a_dimension_of_two_joints_keeps_to_the_ranges_of_both(tree, order):
    joints = ["turn = turn", "turn = bend"][::order]
    limits = LimitSettings(model=tree, joints=joints, margin=[0.1])
    assert limits.ranges(SEEN) == [("turn", 1, -0.9, 1.4)]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (
            {"model": "nowhere.xml"},
            "limits.model: expected an MJCF or URDF file, got 'nowhere.xml'",
        ),
        ({"points": ["tip"]}, "limits.model: expected a file, for limits.joints and limits.points"),
        (
            {"joints": ["elbow = bent"]},
            "joint of turn, lift, bend, root, got 'elbow = bent'",
        ),
        ({"joints": ["elbow"]}, "got 'elbow'"),
        ({"joints": ["bend = elbow"]}, "limits.joints: expected DIMENSION = JOINT with a dim"),
        ({"joints": ["elbow = bend", "turn = bend"]}, "limits.joints: 'bend' is given twice"),
        ({"joints": ["elbow = root"]}, "limits.joints: 'root' is neither a hinge nor a slide"),
        ({"joints": JOINTS, "points": ["hand"]}, "mark, tip, trunk, arm, cart, got 'hand'"),
        ({"points": ["tip"]}, "'tip' hangs on the joint bend, which no observation dimension"),
        ({"points": ["cart"]}, "'cart' hangs on the joint root, which no"),
        ({"points": ["mark", "mark"]}, "limits.points: 'mark_x' is another dimension already"),
        ({"points": ["mark"], "of": ["tip_x"]}, "limits.of: unknown dimension 'tip_x'"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(tree, values, expected):
    if not expected.startswith("limits.model"):
        values = {"model": tree, **values}
    limits = LimitSettings(**values)
    with pytest.raises(ValueError, match="limits") as refused:
        limit_rules(limits, SEEN, Space.of(["u"], [-1.0], [1.0]), PERIOD, Sent())
    assert expected in str(refused.value)


def hand(state):
    a, b = state[0], state[0] + state[1]
    return 0.5 * np.array([np.sin(a) + np.sin(b), np.cos(a) + np.cos(b)])


def moved(command, state, u):
    """What the arm makes of a command within a period: servos, drives, masses of 1 kg m^2."""
    q, v = state[:2], state[2:]
    if command == "position":
        v = (u - q) / PERIOD
        v /= max(1.0, abs(v).max())
    else:
        v = u if command == "velocity" else v + PERIOD * u
    return np.concatenate([q + PERIOD * v, v])


@pytest.mark.parametrize("command", ["position", "velocity", "effort"])
def test_a_hand_stays_in_its_box_whatever_is_commanded(tmp_path, command):
    (tmp_path / "arm.xml").write_text(PLANAR)
    efforts = (
        {"velocities": ["va", "vb"], "braking": 8.0, "foresight": 0.5}
        if command == "effort"
        else {}
    )
    limits = LimitSettings(
        model=str(tmp_path / "arm.xml"), points=["hand"], of=["hand_z", "hand_x"],
        low=[0.3, -0.8], high=[np.inf, 0.8], margin=[0.02],
        forbidden=["0.15 - sqrt((hand_x - 0.5)**2 + (hand_z - 0.6)**2)"],
        command=[command], moves=["a", "b"], **efforts,
    )  # fmt: skip
    rules = limit_rules(limits, ARM, MOTORS, PERIOD, Sent())
    rng, state, changed, seen = np.random.default_rng(1), np.zeros(4), 0, []
    for step in range(400):
        wish = np.array([1.6, 1.0]) * np.sign(np.sin(0.05 * step)) + 0.3 * rng.normal(size=2)
        if command == "effort":
            wish = np.clip(4.0 * (wish - state[:2]) - 4.0 * state[2:], -3.0, 3.0)
        passed, _ = apply_rules(
            rules, ReceivedCommand(wish, 0, step, 0.0), Observation(0, step, state), 0.0
        )
        # Drives stop for the safe command; servos stay, and masses are braked.
        stay = {"position": state[:2], "velocity": np.zeros(2), "effort": -3.0 * state[2:]}
        values = stay[command] if passed is None else passed.values
        changed += not np.array_equal(values, wish)
        state = moved(command, state, values)
        seen.append(hand(state))
    x, z = np.array(seen).T
    assert changed > 20
    assert z.min() >= 0.3
    assert np.abs(x).max() <= 0.8
    assert np.hypot(x - 0.5, z - 0.6).min() >= 0.14
    # It is not simply held still: it comes near to both ends.
    assert x.max() > 0.5
    assert x.min() < -0.5


def test_plans_are_judged_by_the_same_points(tmp_path):
    (tmp_path / "arm.xml").write_text(PLANAR)
    limits = LimitSettings(
        model=str(tmp_path / "arm.xml"), points=["hand"], of=["hand_z", "a"], low=[0.3, -1.0],
        forbidden=["hand_x - 0.7"],
    )  # fmt: skip
    states = np.random.default_rng(0).uniform(-2.0, 2.0, (200, 4))
    within = [all(b.h(state) >= 0 for b in make_barriers(limits, ARM)) for state in states]
    seen = torch.from_numpy(np.stack([states, states], axis=1))[None]
    found = Forbidden(limits, ARM).beyond(Imagined(torch.zeros(200, 1, 2), seen, seen))
    assert 0 < sum(within) < 200
    np.testing.assert_array_equal(found.numpy() == 0, within)
