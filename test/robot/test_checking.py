"""What `robot check` finds, from messages and a graph of the test's own."""

import math

import pytest

from mbrl_ros.core.settings import build
from mbrl_ros.core.task import TaskSettings
from mbrl_ros.robot.checking import Graph, RobotCheck
from mbrl_ros.robot.network import Endpoint
from mbrl_ros.robot.plant import RobotPlant
from mbrl_ros.robot.settings import bridge_settings
from mbrl_ros.ros.interfaces import Header, Imu, JointState, Time, interface

JOINT_STATE, ARRAY = "sensor_msgs/msg/JointState", "std_msgs/msg/Float64MultiArray"
TASK = {
    "period": 0.04,
    "observation.names": ["place", "speed", "tilt"],
    "observation.low": [-10.0, -math.inf, -math.inf],
    "observation.high": [10.0, math.inf, math.inf],
    "action.names": ["motor"],
    "action.low": [-1.0],
    "action.high": [1.0],
}
BRIDGE = {
    "sources": ["joints", "imu"],
    "joints.topic": "joint_states",
    "joints.type": JOINT_STATE,
    "imu.topic": "imu",
    "imu.type": "sensor_msgs/msg/Imu",
    "commands": ["effort"],
    "effort.topic": "effort/commands",
    "effort.type": ARRAY,
    "effort.send": ["data = [motor]"],
    "observe": [
        "place = joints.position[a]",
        "speed = joints.velocity[a]",
        "tilt = pitch(imu.orientation) + 0 * imu.linear_acceleration.z",
    ],
    "resting": ["motor = joints.position[a]"],
}
NAMES = {"joints": "/joint_states", "imu": "/imu", "effort": "/effort/commands"}
DRIVER = Endpoint("/driver", JOINT_STATE, True)
SENSOR = Endpoint("/sensor", "sensor_msgs/msg/Imu", False)
MOTOR = Endpoint("/motor", ARRAY, True)
CLOCK = 5000.0


class Robot:
    """A robot that says what is wrong with it."""

    def __init__(self, task=(), **bridge):
        values = {**BRIDGE, **{name.replace("__", "."): v for name, v in bridge.items()}}
        settings = build(bridge_settings(values), values)
        task = build(TaskSettings, {**TASK, **dict(task)})
        plant = RobotPlant(task, settings, interface)
        self.check = RobotCheck(task, settings, plant)
        self.publishers = {"joints": [DRIVER], "imu": [SENSOR], "effort": []}
        self.listeners = {"joints": [], "imu": [], "effort": [MOTOR]}
        self.topics = ["/joint_states", "/imu", "/effort/commands"]

    def told(
        self, rate=100.0, offset=0.0, imu=None, names=("a", "b"), silent=(), joints=(), **motion
    ):
        """Send messages for a second, and return what is found."""
        motion = {"position": lambda t: 0.5, "velocity": lambda t: 0.0, **motion}
        steps = round(rate)
        for k in range(steps + 1):
            now = k / rate
            nanoseconds = round(1e9 * (CLOCK + offset + now))
            header = Header(stamp=Time(sec=nanoseconds // 10**9, nanosec=nanoseconds % 10**9))
            state = JointState(header=header, name=list(names))
            state.position = [motion["position"](now), 0.0]
            state.velocity = [motion["velocity"](now), 0.0]
            if "joints" not in silent:
                self.check.hear("joints", state, now)
            message = Imu() if imu is None else imu
            message.header = header
            if imu is None:
                message.orientation.w, message.linear_acceleration.z = 1.0, 9.81
            if "imu" not in silent:
                self.check.hear("imu", message, now)
        graph = Graph(NAMES, self.publishers, self.listeners, self.topics, dict(joints))
        found = self.check.findings(graph, 1.0, CLOCK + 1.0)
        return {finding.text: finding.certain for finding in found}


def test_a_sound_robot():
    assert Robot().told() == {}
    swing = {"position": math.sin, "velocity": math.cos}
    assert Robot(resting=[]).told(**swing) == {}


def test_what_is_missing_or_of_another_type():
    robot = Robot()
    robot.publishers["joints"] = []
    robot.topics = ["/joint_state", "/imu", "/effort/commands"]
    robot.publishers["imu"] = [Endpoint("/sensor", "sensor_msgs/msg/MagneticField", True)]
    robot.listeners["effort"] = []
    assert robot.told(silent=("joints", "imu")) == {
        "joints: nobody publishes /joint_states: did you mean /joint_state?": True,
        "imu: /sensor publishes /imu as sensor_msgs/msg/MagneticField, expected "
        "sensor_msgs/msg/Imu": True,
        "effort: nobody listens to /effort/commands": True,
    }
    robot = Robot(imu__reliability="reliable")
    robot.listeners["effort"] = [Endpoint("/motor", "std_msgs/msg/Float32MultiArray", True)]
    ours = Endpoint("/arm/robot_bridge", ARRAY, True)
    robot.publishers["effort"] = [Endpoint("/teleop", ARRAY, True), ours]
    robot.publishers["joints"] = [DRIVER, Endpoint("/other", JOINT_STATE, True)]
    assert robot.told(silent=("imu",)) == {
        "imu: /sensor publishes /imu best effort, expected reliability best_effort": True,
        "effort: /motor listens to /effort/commands as std_msgs/msg/Float32MultiArray, expected "
        "std_msgs/msg/Float64MultiArray": True,
        "effort: /teleop commands /effort/commands, too": False,
        "joints: /driver, /other all publish /joint_states": False,
    }


def test_a_rate_that_is_too_low():
    found = Robot().told(rate=10.0)
    expected = "joints (joint_states): 10 Hz, expected 25 Hz (period 0.04 s)"
    assert found[expected] is True
    assert len(found) == 2


def test_what_is_stale_or_not_in_the_message():
    robot = Robot()
    found = robot.told(names=("b", "c"))
    assert found["place: joints.position[a]: no 'a' in the message, which names b, c"] is True
    assert found["resting: motor: joints.position[a]: no 'a' in the message, which names b, c"]
    graph = Graph(NAMES, robot.publishers, robot.listeners, robot.topics)
    later = [finding.text for finding in robot.check.findings(graph, 2.0, CLOCK + 2.0)]
    assert "joints (joint_states): nothing heard for 1.00 s" in later


@pytest.mark.parametrize(
    ("motion", "expected"),
    [
        (
            {"position": lambda t: 20.0 * math.sin(t), "velocity": lambda t: 20.0 * math.cos(t)},
            "joints.position[a] is 16.83: degrees or millimetres? expected rad or m",
        ),
        (
            {"position": math.sin, "velocity": lambda t: 57.3 * math.cos(t)},
            "joints.velocity[a] is 57.3 times as fast as joints.position[a] moves: one of them in "
            "degrees?",
        ),
        (
            {"position": math.sin, "velocity": lambda t: -math.cos(t)},
            "joints.velocity[a] is -1 times as fast as joints.position[a] moves",
        ),
        (
            {"position": math.sin, "velocity": lambda t: 1e-3 * math.cos(t)},
            "joints.velocity[a] is 0.001 times as fast as joints.position[a] moves",
        ),
    ],
)
def test_units(motion, expected):
    assert Robot(resting=[]).told(**motion).get(expected) is False


def test_limits_and_clocks():
    found = Robot().told(position=lambda t: 11.0, offset=-3600.0)
    assert found == {
        "place is 11, outside observation.low and high [-10, 10]": False,
        "resting: motor is 11, outside its limits [-1, 1]": False,
        "joints: its stamps are 3600.0 s behind, by this machine's clock": False,
        "imu: its stamps are 3600.0 s behind, by this machine's clock": False,
    }


def test_imus_in_g_without_an_orientation_or_with_w_first():
    in_g = Imu()
    in_g.orientation.w, in_g.linear_acceleration.z = 1.0, 1.0
    (found,) = Robot().told(imu=in_g)
    assert found == "imu.linear_acceleration is 1 long: in g? expected 9.81 m/s2 at rest"
    w_first = Imu()
    w_first.orientation.x, w_first.orientation.w, w_first.linear_acceleration.z = 1.0, 0.0, 9.81
    (found,) = Robot().told(imu=w_first)
    assert found == "imu.orientation is upside down: does w come first? expected x, y, z, w"
    none = Imu()
    none.orientation.w, none.linear_acceleration.z = 0.0, 9.81
    none.orientation_covariance[0] = -1.0
    found = Robot().told(imu=none)
    assert found["imu.orientation: the message says that it has none"] is True
    assert any("unit quaternion, got one of length 0" in text for text in found)


@pytest.mark.parametrize(
    ("joints", "expected"),
    [
        (["right_wheel", "left_wheel"], {0: "right_wheel", 1: "left_wheel"}),
        (["left_wheel", "right_wheel"], {}),
        (["front", "rear"], {}),  # other names say nothing
    ],
)
def test_the_order_of_a_controller_s_joints(joints, expected):
    task = {"action.names": ["left_wheel_speed", "right_wheel_speed"]}
    task |= {"action.low": [-1.0, -1.0], "action.high": [1.0, 1.0]}
    lines = ["data = [10 * left_wheel_speed, right_wheel_speed]"]
    found = Robot(task, effort__send=lines, resting=[]).told(joints={"effort": joints})
    assert len(found) == len(expected)
    for text, (i, name) in zip(found, expected.items(), strict=True):
        assert text.startswith(f"effort: data[{i}] is ")
        assert f"but the controller's joint there is {name}: its order is " in text
    found = Robot(task, effort__send=lines, resting=[]).told(joints={"effort": ["one"]})
    assert found == {
        "effort: 2 numbers are sent, expected one for each of the controller's joints, one": True
    }


def test_an_order_that_is_relied_on():
    observe = ["place = joints.position[0]", *BRIDGE["observe"][1:]]
    assert Robot(observe=observe).told() == {
        "joints.position[0]: depends on the order in the message, a, b: expected a name in the "
        "brackets, such as [a]": False
    }
