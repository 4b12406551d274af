"""What an operator does to a running system: questions, e-stops, and crashes in between."""

import json
import os
import signal

import pytest
from support.waiting import wait_until

pytestmark = pytest.mark.ros2

# A model soon, and little planning.
QUICK = ("task:=inverted_pendulum", "planner.horizon:=8", "planner.candidates:=16")
QUICK += ("autotune:=false", "view:=none", "model.hidden:=[32, 32]", "model.members:=2")
QUICK += ("gate.first_transitions:=40", "gate.first_error:=100.0", "gate.good_error:=100.0")

OPERATOR = """
import json, statistics, time
import rclpy
from mbrl_ros.msg import Action, ControllerStatus
from mbrl_ros.srv import WhatIf
from rclpy.qos import QoSProfile
from std_msgs.msg import Bool
from std_srvs.srv import Trigger

rclpy.init()
node = rclpy.create_node("operator")
newest = {}
for kind, topic in ((ControllerStatus, "controller_status"), (Action, "action")):
    node.create_subscription(kind, topic, lambda m, t=topic: newest.__setitem__(t, m), 10)
estop = node.create_publisher(Bool, "estop", 10)
what_if = node.create_client(WhatIf, "mpc_controller/what_if")
arm = node.create_client(Trigger, "mpc_controller/arm")


def until(condition, timeout=60.0):
    end = time.monotonic() + timeout
    while not condition() and time.monotonic() < end:
        rclpy.spin_once(node, timeout_sec=0.05)
    assert condition(), newest


def planned():
    return "action" in newest and newest["action"].source in (Action.PLANNED, Action.TRUNCATED)


def ask():
    until(planned)
    return what_if.call_async(WhatIf.Request(name="balance_left"))


def status():
    newest.pop("controller_status", None)
    until(lambda: "controller_status" in newest)
    return newest["controller_status"]


def late_share(meanwhile):
    before = status()
    meanwhile()
    after = status()
    return (after.ticks_late - before.ticks_late) / (after.ticks - before.ticks)


def quiet():
    end = time.monotonic() + 4.0
    until(lambda: time.monotonic() > end)


def ten_questions():
    for _ in range(10):
        answer = ask()
        until(answer.done)


def seconds_to_stop(asking):
    until(planned)
    answer = ask() if asking else None
    began = time.monotonic()
    estop.publish(Bool(data=True))
    until(lambda: newest["action"].source == Action.FALLBACK)
    took = time.monotonic() - began
    if answer is not None:
        until(answer.done)
    until(arm.call_async(Trigger.Request()).done)
    return took


until(lambda: estop.get_subscription_count() >= 1 and what_if.service_is_ready())
until(lambda: status().model_sequence > 0)
late = {"quiet": late_share(quiet), "asking": late_share(ten_questions)}
times = [(seconds_to_stop(False), seconds_to_stop(True)) for _ in range(5)]
alone, asking = (statistics.median(column) for column in zip(*times))
print(json.dumps({"late": late, "alone": alone, "asking": asking}), flush=True)
"""


@pytest.fixture
def system(start, ros_environment, tmp_path):
    launch = start(
        *("ros2", "launch", "mbrl_ros", "sim.launch.py", *QUICK, "duration:=0"),
        f"run_dir:={tmp_path / 'run'}",
        environment=ros_environment,
    )
    launch.wait_for("active, seed", timeout=40)
    return launch


def test_a_question_delays_neither_ticks_nor_the_e_stop(system, real_script, ros2, tmp_path):
    operator = real_script(OPERATOR)
    assert operator.process.wait(150) == 0, operator.output + system.output
    measured = json.loads(operator.output.splitlines()[-1])
    late = measured["late"]
    assert late["asking"] <= late["quiet"] + 0.1, measured
    assert measured["asking"] <= 3 * measured["alone"] + 0.1, measured
    # `ros2 topic pub` latches nothing; one of the two subscriptions hears it.
    ros2("topic", "pub", "--once", "/estop", "std_msgs/msg/Bool", "{data: true}")
    assert "only the safe command until" in system.output
    assert "No messages will be received" not in system.output
    # `ros2 launch` stops none of its processes when it is terminated: they see to that.
    os.kill(system.process.pid, signal.SIGTERM)
    system.process.wait(20)
    assert wait_until(lambda: not system.group_alive(), 60)
    assert (tmp_path / "run" / "bag" / "metadata.yaml").is_file()
