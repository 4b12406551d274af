"""A robot on real ROS 2: its stand-in, the check, and robot.launch.py with the bridge."""

import signal

import pytest
import yaml
from support.waiting import PATIENCE, eventually

pytestmark = pytest.mark.ros2

STANDIN = "config/robots/standins/quadruped.yaml"
QUICK = ("planner.horizon:=8", "planner.candidates:=16", "autotune:=false", "view:=none")
QUICK += ("model.hidden:=[32, 32]", "model.members:=2", "robot_bridge.time_limit:=2.0")


def test_a_robot_is_checked_and_launched(start, ros2, ros_environment, install, tmp_path):
    share = install.parent / "mbrl_ros" / "share" / "mbrl_ros"
    words = ("ros2", "run", "mbrl_ros", "robot_standin", "--ros-args", "--params-file")
    robot = start(*words, share / STANDIN, environment=ros_environment)
    robot.wait_for("125 messages a second")
    check = start("mbrl-ros", "robot", "check", "quadruped", environment=ros_environment)
    assert check.process.wait(PATIENCE) == 0, check.output
    # On rclpy, whose messages name their fields in the same way.
    assert "  pitch = " in check.output
    assert "nothing wrong was found; nothing was sent" in check.output
    system = start(
        *("ros2", "launch", "mbrl_ros", "robot.launch.py", "task:=quadruped", *QUICK),
        f"run_dir:={tmp_path / 'run'}",
        environment=ros_environment,
    )
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
