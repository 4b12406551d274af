"""A robot on real ROS 2: its stand-in, the check, and robot.launch.py with the bridge."""

import signal

import pytest
import yaml
from quick import PLANNING
from support.waiting import PATIENCE, eventually

pytestmark = pytest.mark.ros2


def test_a_robot_is_checked_and_launched(standin, launch, start, ros2, ros_environment):
    robot = standin("quadruped")
    assert "125 messages a second" in robot.output
    check = start("mbrl-ros", "robot", "check", "quadruped", environment=ros_environment)
    assert check.process.wait(PATIENCE) == 0, check.output
    # On rclpy, whose messages name their fields in the same way.
    assert "  pitch = " in check.output
    assert "nothing wrong was found; nothing was sent" in check.output
    words = "task:=quadruped", "robot_bridge.time_limit:=2.0", *PLANNING
    system = launch("robot.launch.py", *words)
    system.wait_for("hears /joint_states, /imu; commands /position_controller/commands", 60.0)

    def newest(topic):
        return next(yaml.safe_load_all(ros2("topic", "echo", "--once", "--full-length", topic)))

    # The robot's own service brings it back after each episode of 2 s.
    eventually(lambda: newest("/observation")["episode"] > 0)
    seen = newest("/observation")
    assert (len(seen["values"]), len(seen["action"])) == (29, 12)
    assert len(newest("/position_controller/commands")["data"]) == 12
    answer = ros2("service", "call", "/robot_bridge/reset", "mbrl_ros/srv/Reset", "{seed: -1}")
    assert "the episode ends" in answer
    assert system.stop(signal.SIGINT) == 0, system.output
    assert robot.stop(signal.SIGINT) == 0
