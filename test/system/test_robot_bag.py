"""A plain bag of a robot's own topics becomes transitions, by the robot's configuration alone."""

import numpy as np
import pytest
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from mbrl_ros.cli.main import main
from mbrl_ros.core.settings import SettingsError, build
from mbrl_ros.core.task import TaskSettings
from mbrl_ros.data.bag_records import read_transitions
from mbrl_ros.robot.recorded import RecordedRobot
from mbrl_ros.robot.settings import bridge_settings
from mbrl_ros.ros.interfaces import interface
from mbrl_ros.system.bag_task import task_of
from mbrl_ros.system.configuration import read_task
from mbrl_ros.system.robot_bag import read_robot_bag

STORE = get_typestore(Stores.ROS2_JAZZY)
JOINTS, ARRAY = "sensor_msgs/msg/JointState", "std_msgs/msg/Float64MultiArray"
START = 1_700_000_000
TYPES = STORE.types


def joints(time, position, velocity):
    sec, nanosec = divmod(round(1e9 * (START + time)), 10**9)
    stamp = TYPES["builtin_interfaces/msg/Time"](sec, nanosec)
    return TYPES[JOINTS](
        TYPES["std_msgs/msg/Header"](stamp, ""), ["pole", "slider"],
        *(np.array(values, float) for values in (position, velocity, [])),
    )  # fmt: skip


def array(*values):
    layout = TYPES["std_msgs/msg/MultiArrayLayout"]([], 0)
    return TYPES[ARRAY](layout, np.array(values, float))


def write(folder, messages, storage=StoragePlugin.MCAP):
    """Write messages, each a topic, time [s], type and message, as `ros2 bag record` does."""
    with Writer(folder, version=9, storage_plugin=storage) as writer:
        connections = {}
        for topic, time, kind, message in sorted(messages, key=lambda each: each[1]):
            if topic not in connections:
                connections[topic] = writer.add_connection(topic, kind, typestore=STORE)
            data = STORE.serialize_cdr(message, kind)
            writer.write(connections[topic], round(1e9 * (START + time)), data)
    return folder


class Rig:
    """A cart on a rail, told of at 100 Hz, whose controller answers at some rate and phase."""

    def __init__(self, rate=25.0, phase=0.003, seconds=10.0, jitter=0.0, acts=1.0, seed=0):
        rng = np.random.default_rng(seed)
        self.messages = []
        #: When each command came, and what it was.
        self.commands = []
        place = speed = force = 0.0
        times = [(k / 100, 0) for k in range(round(100 * seconds))]
        times += [
            (k / rate + phase + rng.uniform(0, jitter), 1) for k in range(round(rate * seconds))
        ]
        now = 0.0
        for time, what in sorted(times):
            place += speed * (time - now)
            speed += (force - 0.5 * speed) * (time - now)
            now = time
            if what:
                force = rng.uniform(-acts, acts)
                self.commands.append((time, force))
                message = array(10.0 * force)
                self.messages.append(("/effort_controller/commands", time, ARRAY, message))
            else:
                message = joints(time, [0.1, place], [0.2, speed])
                self.messages.append(("/joint_states", time, JOINTS, message))


def imported(bag, **words):
    return read_robot_bag(bag, read_task("cartpole_rig", words), interface)


def test_every_command_makes_a_step_of_its_own(tmp_path):
    rig = Rig(phase=0.013, jitter=0.004)
    made = imported(write(tmp_path / "bag", rig.messages), **{"robot_bridge.time_limit": 0.0})
    log, forces = made.log, np.array([force for _, force in rig.commands])
    assert len(log) >= 245
    # Each transition has one command, all in order and nothing in between,
    # once the rhythm is found.
    first = int(np.argmin(np.abs(forces - log.action[2, 0]))) - 2
    np.testing.assert_allclose(log.action[2:, 0], forces[first + 2 : first + len(log)], atol=1e-9)
    # What the sensor said last before the command, and before the next one.
    times = np.array([time for time, _ in rig.commands])
    told = [(t, m.position[1]) for topic, t, _, m in rig.messages if topic == "/joint_states"]
    for row in (2, 100, len(log) - 1):
        place = [place for t, place in told if t <= times[first + row]][-1]
        assert log.observation[row].tolist()[:2] == pytest.approx([place, 0.1])
    assert len(log.episodes()) == 1
    assert made.skipped == {}


def test_commands_of_another_rate_act_by_their_time(tmp_path):
    rig = Rig(rate=100.0, phase=0.005)
    log = imported(write(tmp_path / "bag", rig.messages)).log
    times, forces = np.array(rig.commands).T
    whole = np.interp(np.arange(0.0, 10.0, 1e-4), times, np.arange(len(times)))
    acted = forces[np.floor(whole + 1e-9).astype(int)]
    stamps = 1e-9 * (log.stamp - 10**9 * START)
    for row in (10, 50, 200):
        within = slice(round(1e4 * (stamps[row] - 0.04)), round(1e4 * stamps[row]))
        assert log.action[row, 0] == pytest.approx(acted[within].mean(), abs=0.02)


def test_seldom_commands_hold_until_they_are_too_old(tmp_path):
    rig = Rig(rate=2.0)
    bag = write(tmp_path / "bag", rig.messages)
    # 0.1 s of each half second: the first two steps after each command.
    few = imported(bag)
    assert few.skipped["bad_action"] > 150
    assert 0 < len(few.log) < 50
    whole = imported(bag, **{"robot_bridge.command_timeout": 1.0})
    assert len(whole.log) > 235
    assert set(np.unique(few.log.action).round(6)) <= set(np.unique(whole.log.action).round(6))


def test_what_was_recorded_may_begin_beyond_the_limits_of_actions(tmp_path):
    bag = write(tmp_path / "bag", Rig(seconds=2.0).messages)
    beyond = {"robot_bridge.resting": ["motor = 50 + joints.position[slider]"]}
    made = imported(bag, **beyond)
    assert made.without.keys() == imported(bag).without.keys()
    assert len(made.log) == len(imported(bag).log) > 40


def test_a_sensor_that_was_silent_leaves_a_gap(tmp_path):
    rig = Rig()
    heard = [each for each in rig.messages if each[0] != "/joint_states" or not 4.0 < each[1] < 5.0]
    made = imported(write(tmp_path / "bag", heard), **{"robot_bridge.time_limit": 0.0})
    assert made.without.keys() >= {"joints (joint_states): nothing heard"}
    assert 20 <= sum(made.without.values()) <= 26
    assert made.skipped == {"gap": 1}
    stamps = 1e-9 * (made.log.stamp - 10**9 * START)
    # With the default tolerance of 0.1 s, readings hold until 4.1 s.
    assert not ((stamps > 4.15) & (stamps < 5.0)).any()
    held = imported(tmp_path / "bag", **{"joints.max_age": 2.0, "robot_bridge.time_limit": 0.0})
    assert held.without == held.skipped == {}


def test_sensors_at_different_rates_each_hold(tmp_path):
    rig = Rig()
    slow = [("/load", k / 10, "std_msgs/msg/Float64", TYPES["std_msgs/msg/Float64"](float(k)))
            for k in range(100)]  # fmt: skip
    text = (
        "/**:\n  ros__parameters:\n    period: 0.04\n    observation: {names: [place, load]}\n"
        "    action: {names: [motor], low: [-1.0], high: [1.0]}\n"
        "robot_bridge:\n  ros__parameters:\n    sources: [joints, load]\n"
        "    joints: {topic: joint_states, type: sensor_msgs/msg/JointState}\n"
        "    load: {topic: load, type: std_msgs/msg/Float64, rate: 10.0}\n"
        "    observe: ['place = joints.position[slider]', 'load = load.data']\n"
        "    commands: [effort]\n"
        "    effort: {topic: effort_controller/commands, type: std_msgs/msg/Float64MultiArray,\n"
        "             send: ['data = [10 * motor]']}\n"
    )
    (tmp_path / "mine.yaml").write_text(text)
    bag = write(tmp_path / "bag", [*rig.messages, *slow])
    log = read_robot_bag(bag, read_task(str(tmp_path / "mine.yaml")), interface).log
    stamps = 1e-9 * (log.stamp - 10**9 * START)
    np.testing.assert_array_equal(log.next_observation[:, 1], np.floor(10 * stamps + 1e-6))
    assert len(log) > 240


def test_the_command_writes_a_bag_that_needs_nothing_else(tmp_path, capsys):
    bag = write(tmp_path / "raw", Rig(seconds=4.0).messages, StoragePlugin.SQLITE3)
    out = tmp_path / "bag"
    words = ["bag", "import", str(bag), "--robot", "cartpole_rig", "-o", str(out)]
    assert main([*words, "robot_bridge.time_limit:=1.0"]) == 0
    assert "transitions of 4 episodes" in capsys.readouterr().out
    task = task_of(out)
    assert (task.task, task.period) == ("cartpole_rig", 0.04)
    log = read_transitions([out], task.observation_space(), task.action_space())
    assert len(log) > 90
    assert main(["bag", "check", str(out)]) == 0


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["joints.topic:=/left/joint_states"], "joints: expected messages of type sensor_msgs/msg/"
         "JointState on /left/joint_states, it holds /effort_controller/commands (std_msgs/msg/"),
        (["effort.type:=std_msgs/msg/Float64", "effort.send:=[data = 10 * motor]"],
         "effort: expected messages of type std_msgs/msg/Float64 on /effort_controller/commands"),
        (["effort.send:=['data = [10 * motor * abs(motor)]']"], "'data[0] = 10 * motor * abs(motor)"
         "' cannot be read backwards, since it is not linear: expected lines in 'applied'"),
        (["effort.send:=['data = [0 * motor]']"], "what is sent does not tell 'motor'"),
        (["effort.send:=['data = [motor, motor]']"], "no transition can be made of it"),
        (["period:=10.0"], "no transition can be made"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_said_in_a_line(tmp_path, capsys, words, expected):
    bag = write(tmp_path / "raw", Rig(seconds=1.0).messages)
    out = str(tmp_path / "bag")
    assert main(["bag", "import", str(bag), "--robot", "cartpole_rig", "-o", out, *words]) == 2
    error = capsys.readouterr().err
    assert expected in error
    assert error.count("\n") == 1
    assert not (tmp_path / "bag").exists()


def test_a_task_without_a_robot_is_refused(tmp_path):
    bag = write(tmp_path / "raw", Rig(seconds=0.5).messages)
    with pytest.raises(SettingsError, match="expected a task with parameters of robot_bridge"):
        read_robot_bag(bag, read_task("cartpole_swingup"), interface)


def test_several_actions_are_told_by_several_fields_and_by_the_robots_own_word():
    def reader(lines, **own):
        values = {
            "observation.names": ["place"], "action.names": ["speed", "turn"],
            "action.low": [0.0, -2.0], "action.high": [1.0, 2.0], "safe_command": "zero",
        }  # fmt: skip
        task = build(TaskSettings, values)
        bridge = {
            "sources": ["joints"], "joints.topic": "joint_states", "joints.type": JOINTS,
            "observe": ["place = joints.position[slider]"], "commands": ["wheels"],
            "wheels.topic": "wheels", "wheels.type": ARRAY, "wheels.send": lines, **own,
        }  # fmt: skip
        robot = RecordedRobot(task, build(bridge_settings(bridge), bridge), interface)
        robot.hear("joints", joints(0.0, [0.0, 0.0], [0.0, 0.0]), 0.0)
        return robot

    robot = reader(["data = [speed - 0.2 * turn, speed + 0.2 * turn, 1.0]"])
    robot.hear_command("wheels", array(0.3, 0.7, 1.0), 0.0)
    robot.observe(0.0, 0)
    np.testing.assert_allclose(robot.observe(0.04, 1).action, [0.5, 1.0])
    robot = reader(["data = [speed, speed + turn, turn]"])
    robot.hear_command("wheels", array(0.3, 0.7, 1.0), 0.0)  # made by no speed and turn
    robot.observe(0.0, 0)
    assert np.isnan(robot.observe(0.04, 1).action).all()
    robot.hear_command("wheels", array(0.4, 0.7, 1.0), 0.05)
    ((reason, count),) = robot.without.items()  # of any values
    assert ("no actions make data[" in reason, count) == (True, 2)
    robot = reader(["data = [speed, turn]"], begins="place > 5")
    assert robot.observe(0.0, 0) is None
    assert robot.without == {"waiting for an episode to begin: place > 5": 1}
    told = {"applied": ["speed = 0.1 + joints.position[slider]", "turn = 0.2"]}
    robot = reader(["data = [exp(speed), turn]"], **told)
    assert robot.commands == ()
    np.testing.assert_allclose(robot.observe(0.0, 0).action, [0.1, 0.2])
