"""What an operator does to a running system: questions, e-stops, and crashes in between."""

import importlib.metadata
import json
import os
import signal

import pytest
from installation import ROOT
from quick import LEARNING
from support.waiting import PATIENCE, wait_until

pytestmark = pytest.mark.ros2

QUICK = ("task:=inverted_pendulum", *LEARNING)

OPERATOR = """
import json, statistics, time
from mbrl_ros.msg import Action, ControllerStatus
from mbrl_ros.srv import WhatIf
from real_node import real_node, until
from std_msgs.msg import Bool
from std_srvs.srv import Trigger

node = real_node("operator")
newest = {}
for kind, topic in ((ControllerStatus, "controller_status"), (Action, "action")):
    node.create_subscription(kind, topic, lambda m, t=topic: newest.__setitem__(t, m), 10)
estop = node.create_publisher(Bool, "estop", 10)
what_if = node.create_client(WhatIf, "mpc_controller/what_if")
arm = node.create_client(Trigger, "mpc_controller/arm")


def planned():
    return "action" in newest and newest["action"].source in (Action.PLANNED, Action.TRUNCATED)


def ask():
    until(node, planned)
    return what_if.call_async(WhatIf.Request(name="balance_left"))


def status():
    newest.pop("controller_status", None)
    until(node, lambda: "controller_status" in newest)
    return newest["controller_status"]


def late_share(meanwhile):
    before = status()
    meanwhile()
    after = status()
    return (after.ticks_late - before.ticks_late) / (after.ticks - before.ticks)


def quiet():
    end = time.monotonic() + 4.0
    until(node, lambda: time.monotonic() > end)


def ten_questions():
    for _ in range(10):
        answer = ask()
        until(node, answer.done)


def seconds_to_stop(asking):
    until(node, planned)
    answer = ask() if asking else None
    began = time.monotonic()
    estop.publish(Bool(data=True))
    until(node, lambda: newest["action"].source == Action.FALLBACK)
    took = time.monotonic() - began
    if answer is not None:
        until(node, answer.done)
    until(node, arm.call_async(Trigger.Request()).done)
    return took


until(node, lambda: estop.get_subscription_count() >= 1 and what_if.service_is_ready())
until(node, lambda: status().model_sequence > 0)
late = {"quiet": late_share(quiet), "asking": late_share(ten_questions)}
times = [(seconds_to_stop(False), seconds_to_stop(True)) for _ in range(5)]
alone, asking = (statistics.median(column) for column in zip(*times))
print(json.dumps({"late": late, "alone": alone, "asking": asking}), flush=True)
"""


# What both of the next begin with: arguments are the run's folder and the namespace.
CRASHING = """
import os, signal, sys, time
from lifecycle_msgs.srv import ChangeState
from mbrl_ros.msg import Action, ControllerStatus, Goal
from mbrl_ros.srv import SetObjective
from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import GetParameters, SetParameters
from real_node import processes, real_node, until
from std_msgs.msg import Bool
from std_srvs.srv import Trigger

node = real_node("operator", sys.argv[2])
newest, sources = {}, []
node.create_subscription(
    ControllerStatus, "controller_status", lambda m: newest.__setitem__("status", m), 10
)
node.create_subscription(Action, "action", lambda m: sources.append(m.source), 10)
estop = node.create_publisher(Bool, "estop", 10)
goal = node.create_publisher(Goal, "goal", 10)


def call(kind, name, request):
    client = node.create_client(kind, f"mpc_controller/{name}")
    assert client.wait_for_service(60.0), name
    answer = client.call_async(request)
    until(node, answer.done)
    node.destroy_client(client)
    return answer.result()


def status(condition):
    newest.pop("status", None)
    until(node, lambda: "status" in newest and condition(newest["status"]))
    return newest["status"]


def controllers():
    return processes(sys.argv[1], "mpc_controller")


def crash():
    before = controllers()
    for process in before:
        os.kill(process, signal.SIGKILL)
    until(node, lambda: controllers() - before)
    sources.clear()
    # Of the new process: the one before has no say any more.
    newest.pop("status", None)


def only_the_safe_command_until_armed():
    now = status(lambda m: m.state == "active")
    assert now.estopped and now.reason == "e-stop", now
    until(node, lambda: len(sources) > 20)
    assert set(sources) == {Action.FALLBACK}, set(sources)
    assert call(Trigger, "arm", Trigger.Request()).success
    status(lambda m: m.state == "active" and not m.estopped)
"""


WISHES = """
horizon = ParameterValue(type=ParameterType.PARAMETER_INTEGER, integer_value=11)
request = SetParameters.Request(parameters=[Parameter(name="planner.horizon", value=horizon)])
assert call(SetParameters, "set_parameters", request).results[0].successful
answer = call(SetObjective, "set_objective", SetObjective.Request(name="balance_left"))
assert answer.success, answer.message
until(node, lambda: goal.get_subscription_count() and estop.get_subscription_count())
digest = status(lambda m: m.objective == "balance_left").objective_digest
goal.publish(Goal(names=["cart_position"], values=[0.25]))
wished = status(lambda m: m.objective_digest != digest).objective_digest
crash()
now = status(lambda m: m.state == "active")
assert (now.objective, now.objective_digest) == ("balance_left", wished), now
request = GetParameters.Request(names=["planner.horizon"])
assert call(GetParameters, "get_parameters", request).values[0].integer_value == 11
print("wishes survive", flush=True)

estop.publish(Bool(data=True))
status(lambda m: m.estopped)
crash()
assert status(lambda m: True).estopped
only_the_safe_command_until_armed()
print("the e-stop survives", flush=True)

request = ChangeState.Request()
request.transition.id = 4  # deactivate
assert call(ChangeState, "change_state", request).success
crash()
assert status(lambda m: True).state == "inactive"
time.sleep(2.0)
assert status(lambda m: True).state == "inactive"
assert not sources
request.transition.id = 3  # activate
assert call(ChangeState, "change_state", request).success
status(lambda m: m.state == "active" and not m.estopped)
print("deactivation survives", flush=True)
"""


HOLD = """
status(lambda m: m.state == "active")
crash()
only_the_safe_command_until_armed()
"""


@pytest.fixture
def system(launch):
    launched = launch("sim.launch.py", *QUICK, "duration:=0")
    launched.wait_for("active, seed")
    return launched


@pytest.mark.alone
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
    system.process.wait(PATIENCE)
    assert wait_until(lambda: not system.group_alive(), PATIENCE)
    assert (tmp_path / "run" / "bag" / "metadata.yaml").is_file()


def test_wishes_survive_a_crash(system, real_script, tmp_path):
    operator = real_script(CRASHING + WISHES, tmp_path / "run", "")
    assert operator.process.wait(240) == 0, operator.output + system.output
    # The launch runs in the system's Python, the nodes in that of the tests.
    record = json.loads((tmp_path / "run" / "launch.json").read_text())
    assert record["versions"]["torch"] == importlib.metadata.version("torch")
    # What kills the launch ends its nodes, too.
    system.process.kill()
    system.process.wait()
    assert wait_until(lambda: not system.group_alive(), PATIENCE)


def test_a_robot_in_a_namespace_is_held_after_a_crash(
    launch, start, ros_environment, real_script, ros2, tmp_path
):
    robot = launch("robot.launch.py", *QUICK, "namespace:=arm", "needs_limits:=false")
    # A plant of somebody else, who calls its topics in another way.
    plant = start(
        *("ros2", "run", "mbrl_ros", "mujoco_sim", "--ros-args", "--params-file"),
        *(ROOT / "config" / "inverted_pendulum.yaml", "-r", "observation:=/arm/observation"),
        *("-r", "action:=/arm/action"),
        environment=ros_environment,
    )
    operator = real_script(CRASHING + HOLD, tmp_path / "run", "/arm")
    assert operator.process.wait(150) == 0, operator.output + robot.output + plant.output
    assert "after a crash: only the safe command until ~/arm is called" in robot.output
    topics = ros2("topic", "list").split()
    assert not {"/observation", "/action", "/model", "/controller_status"} & set(topics)
    assert plant.stop() == 0
    assert robot.stop(signal.SIGINT) == 0
