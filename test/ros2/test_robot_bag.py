"""What `ros2 bag record` writes of a robot's own topics is learned from."""

import json
import signal

import pytest

pytestmark = pytest.mark.ros2

TOPICS = ("/joint_states", "/effort_controller/commands")
# Someone else's controller: noise, held for a period of 0.04 s, until enough of it was recorded.
PUSHES = """
import random, rclpy
from std_msgs.msg import Float64MultiArray
rclpy.init()
node = rclpy.create_node("pushes")
publisher = node.create_publisher(Float64MultiArray, "/effort_controller/commands", 1)
random.seed(0)
heard = 0

def push():
    global heard
    publisher.publish(Float64MultiArray(data=[random.uniform(-9, 9)]))
    heard += publisher.get_subscription_count() > 1
    if heard == 200:
        print("enough", flush=True)

node.create_timer(0.04, push)
print("pushing", flush=True)
rclpy.spin(node)
"""
SMALL = ("model.hidden:=[32, 32]", "model.members:=2", "gate.first_error:=100.0")


def test_a_recorded_robot_is_imported_and_trained_on(
    standin, start, real_script, ros2, ros_environment, tmp_path
):
    if "ros2bag" not in ros2("pkg", "list").split():
        pytest.skip("no ros2 bag in this ROS 2")
    standin("cartpole_rig")
    pushes = real_script(PUSHES)
    pushes.wait_for("pushing")
    raw, bag = tmp_path / "raw", tmp_path / "bag"
    recorder = start("ros2", "bag", "record", "-o", raw, *TOPICS, environment=ros_environment)
    pushes.wait_for("enough", 60.0)
    assert recorder.stop(signal.SIGINT) == 0, recorder.output

    def run(*words):
        command = start("mbrl-ros", *words, environment=ros_environment)
        assert command.process.wait(120) == 0, command.output
        return command.output

    said = run("bag", "import", raw, "--robot", "cartpole_rig", "-o", bag)
    assert "transitions of" in said
    run("train", bag, "--out", tmp_path / "out", "--patience", "2", *SMALL)
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["transitions"] > 120
