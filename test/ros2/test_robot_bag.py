"""Bags from and for `ros2 bag`: a robot's own topics are learned from, our own are played."""

import json
import signal

import pytest
from quick import LEARNING
from support.waiting import PATIENCE, eventually

from mbrl_ros.data.bags import read_messages

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


# A latched topic is heard by who asks for what was latched only if it is offered as such.
LISTENER = """
from rclpy.qos import DurabilityPolicy, QoSProfile
from mbrl_ros.msg import Action, GuardStatus, Objective, Observation, Transition
from real_node import real_node, until

node = real_node("listener")
latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
seen = dict.fromkeys(("observation", "action", "transition", "objective", "guard_status"), 0)
for kind, topic, qos in (
    (Observation, "observation", 1000),
    (Action, "action", 1000),
    (Transition, "transition", 1000),
    (Objective, "objective", latched),
    (GuardStatus, "guard_status", latched),
):
    def count(message, topic=topic):
        seen[topic] += 1
    node.create_subscription(kind, topic, count, qos)
print("listening", flush=True)
until(node, lambda: min(seen.values()) >= 1 and seen["transition"] >= 20, message=seen)
"""


def test_a_bag_that_was_written_without_ros_2_is_played(
    start, embedded_environment, ros2, ros_environment, real_script, tmp_path
):
    if "ros2bag" not in ros2("pkg", "list").split():
        pytest.skip("no ros2 bag in this ROS 2")
    run = tmp_path / "run"
    words = ("task:=inverted_pendulum", *LEARNING, "duration:=0", f"run_dir:={run}")
    system = start("mbrl-ros", "launch", "sim", *words, environment=embedded_environment)

    def planned():  # the objective is told with the first plan for it
        there = (run / "bag").is_dir() and any((run / "bag").glob("*.mcap"))
        return there and any(read_messages(run / "bag", types=["mbrl_ros/msg/Objective"]))

    eventually(planned)
    assert system.stop(signal.SIGINT) == 0, system.output
    logged = json.loads((run / "summary.json").read_text())["transitions_logged"]
    said = ros2("bag", "info", run / "bag")
    assert f"/transition | Type: mbrl_ros/msg/Transition | Count: {logged} |" in said
    listener = real_script(LISTENER)
    listener.wait_for("listening")
    player = start("ros2", "bag", "play", run / "bag", environment=ros_environment)
    assert listener.process.wait(PATIENCE) == 0, listener.output + player.output
