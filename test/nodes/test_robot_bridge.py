"""The bridge as a node, in this process."""

import functools
import threading
from pathlib import Path

import pytest
from support.waiting import PATIENCE, eventually

ros = pytest.importorskip("mbrl_ros.ros")
ri = pytest.importorskip("mbrl_ros.ros.interfaces")
RobotBridge = pytest.importorskip("mbrl_ros.nodes.robot_bridge").RobotBridge

pytestmark = pytest.mark.process

RIG = Path(__file__).parents[2] / "config" / "robots" / "cartpole_rig.yaml"


@pytest.fixture
def bridge(domain):
    ros.init(args=["--ros-args", "--params-file", str(RIG)])
    node = RobotBridge()
    yield node
    node.destroy_node()
    ros.shutdown()


@pytest.mark.parametrize(
    ("source", "whose"),
    [
        ("PLANNED", ""),
        ("REUSED", ""),
        ("HOLD", "safe"),
        ("FALLBACK", "safe"),
        ("OVERRIDE", "person"),
    ],
)
def test_a_command_says_whose_it_is(bridge, source, whose):
    driver = bridge.create_publisher(ri.JointState, "joint_states", ros.QoSProfile(depth=1))
    action = bridge.create_publisher(ri.Action, "action", ros.QoSProfile(depth=1))
    message = ri.Action(values=[0.5], source=getattr(ri.Action, source))

    def arrived():
        newest = bridge._plant._actuation.newest
        return newest if newest is not None and newest.values.tolist() == [0.5] else None

    def speak():
        driver.publish(joints())
        action.publish(message)
        ros.spin_once(bridge, timeout_sec=0.01)

    newest = eventually(arrived, meanwhile=speak)
    assert (newest.safe, newest.person) == (whose == "safe", whose == "person")


def joints():
    """Return the joints of a pole that hangs."""
    places = {"position": [0.0, 3.1], "velocity": [0.0, 0.0]}
    return ri.JointState(name=["slider", "pole"], **places)


class Hanging:
    """A publisher that, once told to, does not return until it is let go."""

    def __init__(self, publisher):
        self.publisher, self.open = publisher, threading.Event()
        self.open.set()

    def publish(self, message):
        assert self.open.wait(PATIENCE)
        self.publisher.publish(message)


def test_where_no_control_step_comes_the_robot_gets_the_safe_command(bridge):
    forces, told = [], {}
    deep = ros.QoSProfile(depth=100)
    driver = bridge.create_publisher(ri.JointState, "joint_states", deep)
    action = bridge.create_publisher(ri.Action, "action", deep)

    def answer(message):
        action.publish(ri.Action(episode=message.episode, step=message.step, values=[0.5]))

    bridge.create_subscription(ri.Observation, "observation", answer, deep)
    bridge.create_subscription(
        ri.Float64MultiArray,
        "effort_controller/commands",
        lambda message: forces.append(message.data.tolist()),
        deep,
    )
    bridge.create_subscription(
        ri.DiagnosticArray,
        "/diagnostics",
        lambda message: told.update({entry.name: entry.message for entry in message.status}),
        deep,
    )

    def drive():
        message = joints()
        message.header.stamp = bridge.get_clock().now().to_msg()
        driver.publish(message)
        ros.spin_once(bridge, timeout_sec=0.01)

    until = functools.partial(eventually, meanwhile=drive)
    until(lambda: [5.0] in forces)
    hanging = bridge._observations = Hanging(bridge._observations)
    try:
        hanging.open.clear()
        until(lambda: told.get("robot_bridge: commands", "").startswith("no control step for "))
        forces.clear()
        until(lambda: len(forces) > 2)
        assert all(force == [0.0] for force in forces)
    finally:
        hanging.open.set()
    until(lambda: [5.0] in forces)
