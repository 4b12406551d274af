"""A system on the embedded runtime, seen and steered from real rclpy."""

import sys

import pytest
from installation import ROOT
from support.waiting import PATIENCE, wait_until

pytestmark = pytest.mark.ros2

CONFIG = ROOT / "config" / "cartpole_swingup.yaml"

LISTENER = """
from rclpy.qos import QoSProfile, ReliabilityPolicy
from mbrl_ros.msg import Action, ControllerStatus, Observation, Transition
from real_node import real_node, until

node = real_node("listener")
counts = {}
newest = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
for kind, topic, qos in (
    (Observation, "observation", newest),
    (Action, "action", 10),
    (Transition, "transition", 1000),
    (ControllerStatus, "controller_status", 1000),
):
    node.create_subscription(
        kind, topic, lambda m, t=topic: counts.__setitem__(t, counts.get(t, 0) + 1), qos
    )
until(node, lambda: len(counts) == 4 and min(counts.values()) >= 3, message=counts)
"""

# Stands in for the controller: pushes the cart to the right, and sees it move there.
DRIVER = """
from rclpy.qos import QoSProfile
from mbrl_ros.msg import Action, Observation
from real_node import real_node, until

node = real_node("driver")
publisher = node.create_publisher(Action, "action", QoSProfile(depth=1))
answered = []


def observed(message):
    publisher.publish(Action(episode=message.episode, step=message.step, values=[0.5]))
    if message.action_step >= 0 and list(message.action) == [0.5]:
        answered.append(message)


node.create_subscription(Observation, "observation", observed, QoSProfile(depth=1))
until(node, lambda: len(answered) >= 20)
assert answered[-1].values[0] > answered[0].values[0]
print("moved", flush=True)
"""

GOAL = """
import sys, time
from rclpy.qos import DurabilityPolicy, QoSProfile
from mbrl_ros.msg import Goal
from real_node import real_node, until

node = real_node("operator")
publisher = node.create_publisher(
    Goal, "goal", QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
)
names = sys.argv[1].split(",")
publisher.publish(Goal(names=names, values=[0.5] * len(names)))
until(node, publisher.get_subscription_count)
time.sleep(1.0)
print("sent", flush=True)
"""


def embedded(start, environment, name, *parameters):
    return start(
        *(sys.executable, "-m", "mbrl_ros.nodes", name, "--ros-args", "--params-file", CONFIG),
        *(word for parameter in parameters for word in ("-p", parameter)),
        environment=environment,
    )


def test_real_subscriber_and_tools(start, embedded_environment, real_script, ros2):
    nodes = [
        embedded(start, embedded_environment, name)
        for name in ("mujoco_sim", "data_logger", "safety_guard", "mpc_controller")
    ]
    nodes[-1].wait_for("active")
    listener = real_script(LISTENER)
    assert listener.process.wait(PATIENCE) == 0, listener.output
    # No warning about types, hashes or quality of service.
    assert "WARN" not in listener.output
    echoed = ros2("topic", "echo", "--once", "/action")
    assert "source:" in echoed
    reset = ros2("service", "call", "/mujoco_sim/reset", "mbrl_ros/srv/Reset", "{seed: 3}")
    assert "success=True" in reset
    for node in reversed(nodes):
        assert node.stop() == 0


def test_real_node_sends_actions(start, embedded_environment, real_script):
    simulator = embedded(start, embedded_environment, "mujoco_sim")
    driver = real_script(DRIVER)
    assert driver.process.wait(PATIENCE) == 0, driver.output
    assert "moved" in driver.output
    assert simulator.stop() == 0


def test_real_node_sends_goals(start, embedded_environment, real_script):
    controller = embedded(start, embedded_environment, "mpc_controller")
    operator = real_script(GOAL, "cart_speed")
    assert operator.process.wait(PATIENCE) == 0, operator.output
    # It refuses what it does not know, by name: so it got it.
    assert wait_until(lambda: "goal refused" in controller.output, PATIENCE), controller.output
    assert "cart_speed" in controller.output
    assert controller.stop() == 0
