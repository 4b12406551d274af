"""SROS 2 with the shipped policy: the nodes may do what they do, and nobody else may."""

import signal

import pytest
from quick import LEARNING
from support.waiting import PATIENCE, wait_until

pytestmark = pytest.mark.ros2

# Tries to command the plant, as the guard does; says whom it sees.
STRANGER = """
import rclpy, sys
from mbrl_ros.msg import Action
from rclpy.parameter import Parameter
rclpy.init(args=sys.argv)
# Nothing but what it publishes is to be forbidden.
quiet = [Parameter("start_type_description_service", value=False)]
node = rclpy.create_node("stranger", start_parameter_services=False, parameter_overrides=quiet)
print("begun", flush=True)
publisher = node.create_publisher(Action, "action", 1)
for _ in range(30):
    rclpy.spin_once(node, timeout_sec=0.1)
print("sees", sorted(set(node.get_node_names()) - {"stranger"}), publisher.get_subscription_count())
"""


def test_with_the_shipped_policy_the_nodes_learn_and_nobody_else_commands(
    launch, start, ros2, ros_environment, install, real_script, tmp_path
):
    if "sros2" not in ros2("pkg", "list").split():
        pytest.skip("no sros2 in this ROS 2")
    policy = install.parent / "mbrl_ros" / "share" / "mbrl_ros" / "config" / "security"
    keys = tmp_path / "keys"
    ros2("security", "create_keystore", keys)
    ros2("security", "generate_artifacts", "-k", keys, "-p", policy / "policy.xml")
    unsecured = dict(ros_environment)
    ros_environment |= {
        "ROS_SECURITY_KEYSTORE": str(keys),
        "ROS_SECURITY_ENABLE": "true",
        "ROS_SECURITY_STRATEGY": "Enforce",
    }
    operator_environment = {**ros_environment, "ROS_SECURITY_ENCLAVE_OVERRIDE": "/operator"}
    words = ("ros2", "topic", "list", "--no-daemon")
    looked = start(*words, environment=operator_environment)
    looked.process.wait(PATIENCE)
    if "does not have security support" in looked.output:
        pytest.skip("this ROS 2's middleware was built without security")
    system = launch("sim.launch.py", "task:=inverted_pendulum", *LEARNING, "duration:=0")
    system.wait_for("active, seed")

    def operator(*words):
        return ros2(*words, "--no-daemon", "--spin-time", "3")

    ros_environment["ROS_SECURITY_ENCLAVE_OVERRIDE"] = "/operator"
    echo = ("topic", "echo", "--once", "--field", "model_sequence", "/controller_status")
    assert wait_until(lambda: operator(*echo).split()[0] != "0", PATIENCE), system.output
    set_it = ("param", "set", "/mpc_controller", "objective.active", "balance_left")
    assert "successful" in operator(*set_it)

    # Who has keys, but not for that, may not; who has none sees nobody.
    forbidden = real_script(STRANGER)
    assert forbidden.process.wait(PATIENCE) != 0
    assert "begun" in forbidden.output, forbidden.output
    assert "Failed to create publisher" in forbidden.output, forbidden.output
    path = tmp_path / "real_script.py"
    outside = start("python3", path, environment=unsecured)
    assert outside.process.wait(PATIENCE) == 0
    assert "sees [] 0" in outside.output
    assert system.stop(signal.SIGINT) == 0
