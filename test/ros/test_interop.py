"""Against real ROS 2 with rmw_cyclonedds, where it is installed."""

import os
import subprocess
from pathlib import Path

import pytest
from support.waiting import PATIENCE

from mbrl_ros.ros import LifecycleNode, Parameter, QoSDurabilityPolicy, QoSProfile
from mbrl_ros.ros.interfaces import (
    GetParameters,
    JointState,
    SetBool,
    SetParameters,
    String,
)

SETUPS = sorted(
    setup
    for setup in Path("/opt/ros").glob("*/setup.bash")
    if list(setup.parent.glob("lib/librmw_cyclonedds_cpp.*"))
)
pytestmark = pytest.mark.skipif(not SETUPS, reason="no ROS 2 with rmw_cyclonedds in /opt/ros")
LATCHED = QoSProfile(depth=1, durability=QoSDurabilityPolicy.TRANSIENT_LOCAL)

REAL = """
import rclpy
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import JointState
from std_msgs.msg import String
from std_srvs.srv import SetBool

rclpy.init()
node = Node("real")
latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
node.declare_parameter("gain", 1.5)
back = node.create_publisher(JointState, "back", 10)
node.create_publisher(String, "from_real", latched).publish(String(data="latched by real"))


def forth(message):
    message.effort = [3.0]
    back.publish(message)


def answer(request, response):
    response.success, response.message = request.data, "real"
    return response


node.create_subscription(JointState, "forth", forth, 10)
node.create_subscription(String, "from_embedded", lambda m: print(m.data, flush=True), latched)
node.create_service(SetBool, "real_service", answer)
client = node.create_client(SetBool, "embedded_service")
assert client.wait_for_service(10)
future = client.call_async(SetBool.Request(data=True))
rclpy.spin_until_future_complete(node, future)
print(future.result().message, flush=True)
node.create_publisher(String, "answered", latched).publish(String(data="printed"))
rclpy.spin(node)
"""


def environment():
    kept = {name: os.environ[name] for name in ("HOME", "ROS_DOMAIN_ID") if name in os.environ}
    return {
        **kept,
        "PATH": "/usr/bin:/bin",
        "RMW_IMPLEMENTATION": "rmw_cyclonedds_cpp",
        "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
    }


def real(command):
    return subprocess.Popen(
        ["bash", "-c", f"source {SETUPS[-1]}; {command}"],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_both_ways_with_a_real_node(world, tmp_path, capfd):
    script = tmp_path / "real.py"
    script.write_text(REAL)
    node = world.node("embedded")
    received, latched, answered = [], [], []
    node.create_subscription(JointState, "back", received.append, 10)
    node.create_subscription(String, "from_real", latched.append, LATCHED)
    node.create_subscription(String, "answered", answered.append, LATCHED)
    publisher = node.create_publisher(JointState, "forth", 10)
    node.create_publisher(String, "from_embedded", LATCHED).publish(String(data="latched by us"))

    def answer(request, response):
        response.success, response.message = request.data, "embedded"
        return response

    node.create_service(SetBool, "embedded_service", answer)
    process = real(f"exec python3 {script}")
    try:
        assert world.spin(lambda: "real" in node.get_node_names())
        assert world.spin(lambda: latched)
        assert latched[0].data == "latched by real"
        assert world.spin(lambda: publisher.get_subscription_count() == 1)
        sent = JointState(name=["a"], position=[1.0], velocity=[2.0])
        sent.header.stamp.sec = 7
        publisher.publish(sent)
        assert world.spin(lambda: received)
        sent.effort = [3.0]
        assert received == [sent]

        def call(kind, name, **request):
            client = node.create_client(kind, name)
            assert world.spin(client.service_is_ready)
            future = client.call_async(kind.Request(**request))
            assert world.spin(future.done)
            return future.result()

        assert call(SetBool, "real_service", data=True).message == "real"
        change = [Parameter("gain", value=2.5).to_parameter_msg()]
        assert call(SetParameters, "real/set_parameters", parameters=change).results[0].successful
        values = call(GetParameters, "real/get_parameters", names=["gain"]).values
        assert values[0].double_value == 2.5
        names = [name for name, _ in node.get_service_names_and_types_by_node("real", "/")]
        assert "/real_service" in names
        assert world.spin(lambda: answered)
    finally:
        process.terminate()
        try:
            out, err = process.communicate(timeout=5)
        except subprocess.TimeoutExpired:  # rclpy itself does not always hear SIGTERM
            process.kill()
            out, err = process.communicate()
    assert sorted(out.split("\n")) == ["", "embedded", "latched by us"]
    assert "WARN" not in err
    assert capfd.readouterr().err == ""


COMMANDS = {
    "ros2 node list": "/embedded",
    "ros2 node info /embedded": "/chatter: std_msgs/msg/String",
    "ros2 topic list": "/chatter",
    "ros2 topic info -v /chatter": "Node name: embedded",
    "ros2 topic echo --once /chatter": "data: hello",
    "ros2 param list /embedded": "  gain",
    "ros2 param get /embedded gain": "1.5",
    "ros2 param set /embedded gain 2.5": "successful",
    "ros2 param dump /embedded": "gain: 2.5",
    "ros2 service call /answer std_srvs/srv/SetBool '{data: true}'": "message='yes'",
    "ros2 lifecycle set /embedded configure": "Transitioning successful",
    "ros2 lifecycle get /embedded": "inactive [2]",
}


def test_ros2_commands(world):
    node = world.node("embedded", node_class=LifecycleNode)
    node.declare_parameter("gain", 1.5)
    publisher = node.create_publisher(String, "chatter", LATCHED)
    publisher.publish(String(data="hello"))

    def answer(request, response):
        response.success, response.message = request.data, "yes"
        return response

    node.create_service(SetBool, "answer", answer)
    script = "\n".join(
        f"echo '>>>'; timeout 20 {command}"
        + ("" if " echo " in command or " call " in command else " --no-daemon --spin-time 1")
        for command in COMMANDS
    )
    # Else the daemon that some of them start would stay for hours.
    process = real(f"{script}\nros2 daemon stop >&2")
    assert world.spin(lambda: process.poll() is not None, timeout=PATIENCE * len(COMMANDS))
    out, err = process.communicate()
    answers = out.split(">>>")[1:]
    for (command, expected), text in zip(COMMANDS.items(), answers, strict=True):
        assert expected in text, (command, text, err)
    assert "WARN" not in err
