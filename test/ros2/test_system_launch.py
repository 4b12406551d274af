"""The whole system with `ros2 launch`, and the bag that is left of it."""

import json
import signal
from pathlib import Path

import pytest
from installation import SETUPS
from support.waiting import PATIENCE, wait_until

pytestmark = pytest.mark.ros2

WITHOUT_RVIZ = pytest.mark.skipif(
    bool(SETUPS) and (SETUPS[-1].parent / "lib" / "rviz2").exists(), reason="rviz2 is installed"
)

LISTENER = """
import json, time
import rclpy
from mbrl_ros.msg import Observation, Transition

rclpy.init()
node = rclpy.create_node("listener")
seen = {"observation": 0, "transition": 0}
for kind, topic in ((Observation, "observation"), (Transition, "transition")):
    def count(message, topic=topic):
        seen[topic] += 1
    node.create_subscription(kind, topic, count, 1000)
print("listening", flush=True)
end = time.monotonic() + 30
while time.monotonic() < end and min(seen.values()) < 20:
    rclpy.spin_once(node, timeout_sec=0.1)
print(json.dumps(seen), flush=True)
"""


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    """Where the launch test leaves its run, for the tests of the bag."""
    return tmp_path_factory.mktemp("ros2") / "run"


def test_launch(start, ros_environment, run_folder):
    process = start(
        *("launch_test", Path(__file__).parent / "sim_launch.py", f"run_dir:={run_folder}"),
        environment=ros_environment,
    )
    assert process.process.wait(120) == 0, process.output


def test_bag(run_folder, ros2, start, ros_environment, real_script):
    if "ros2bag" not in ros2("pkg", "list").split():
        pytest.skip("no ros2 bag in this ROS 2")
    assert (run_folder / "summary.json").is_file(), "test_launch has left no run"
    logged = json.loads((run_folder / "summary.json").read_text())["transitions_logged"]
    information = ros2("bag", "info", run_folder / "bag")
    assert f"/transition | Type: mbrl_ros/msg/Transition | Count: {logged} |" in information
    for topic in ("/observation", "/action", "/controller_status", "/joint_states"):
        assert f"Topic: {topic} |" in information
    listener = real_script(LISTENER)
    listener.wait_for("listening")
    player = start("ros2", "bag", "play", run_folder / "bag", environment=ros_environment)
    assert listener.process.wait(PATIENCE) == 0, listener.output
    assert min(json.loads(listener.output.splitlines()[-1]).values()) >= 20, player.output


def test_interrupt(start, ros_environment, tmp_path):
    """Ctrl-C soon after the start: everything ends, and the launch with exit code 0."""
    launch = start(
        *("ros2", "launch", "mbrl_ros", "sim.launch.py", f"run_dir:={tmp_path / 'run'}"),
        environment=ros_environment,
    )
    launch.wait_for("active, seed")
    assert launch.stop(signal.SIGINT) == 0
    assert launch.output.count("process has finished cleanly") == 6, launch.output


def test_objectives_change_by_every_way(start, ros2, ros_environment, tmp_path):
    quick = ("planner.horizon:=8", "planner.candidates:=16", "autotune:=false", "view:=none")
    quick += ("model.hidden:=[32, 32]", "model.members:=2", "gate.first_transitions:=40")
    quick += (
        "gate.first_error:=100.0",
        "gate.good_error:=100.0",
        "optimizer.updates_per_transition:=0.5",
        "duration:=0",
    )
    launch = start(
        *("ros2", "launch", "mbrl_ros", "sim.launch.py", "task:=inverted_pendulum", *quick),
        f"run_dir:={tmp_path / 'run'}",
        environment=ros_environment,
    )
    launch.wait_for("active, seed")

    def status(field):
        return ros2("topic", "echo", "--once", "--field", field, "/controller_status").split()[0]

    def call(kind, request):
        name = {"SetObjective": "set_objective", "WhatIf": "what_if"}[kind]
        service = f"/mpc_controller/{name}"
        return ros2("service", "call", service, f"mbrl_ros/srv/{kind}", request)

    assert wait_until(lambda: status("model_sequence") != "0", PATIENCE), launch.output
    active = ("/mpc_controller", "objective.active")
    assert "successful" in ros2("param", "set", *active, "balance_left")
    assert status("objective") == "balance_left"
    assert "success=True" in call("SetObjective", "{name: balance_right}")
    assert status("objective") == "balance_right"
    text = "terms: [still]\\nstill: {type: quadratic, of: [cart_velocity]}"
    assert "success=True" in call("SetObjective", f'{{name: rest, yaml: "{text}"}}')
    assert "rest" in ros2("param", "get", *active)
    dumped = ros2("param", "dump", "/mpc_controller")
    assert "cart_velocity" in dumped
    refused = call("SetObjective", "{name: nowhere}")
    assert "success=False" in refused
    assert "nowhere" in refused
    assert "success=True" in call("SetObjective", "{name: balance}")
    asked = call("WhatIf", "{name: balance_left}")
    assert "success=True" in asked
    assert "terms=['alive', 'upright', 'centered', 'slow', 'gentle']" in asked
    assert status("objective") == "balance"

    goal = "{names: [cart_position], values: [0.25]}"
    ros2("topic", "pub", "--once", "/goal", "mbrl_ros/msg/Goal", goal)
    ros2("topic", "pub", "--once", "/goal", "mbrl_ros/msg/Goal", goal.replace("0.25", ".nan"))
    assert wait_until(lambda: "goal refused" in launch.output, PATIENCE), launch.output
    told = ros2("topic", "echo", "--once", "--full-length", "/objective")
    assert "way: goal" in told
    assert '"goal": {"cart_position": 0.25}' in told
    goals = "{names: [cart_position], values: [0.0], tolerances: [10.0]}"
    sequence = f"{{goals: [{goals}, {goals}]}}"
    ros2("topic", "pub", "--once", "/goal_sequence", "mbrl_ros/msg/GoalSequence", sequence)
    assert wait_until(lambda: status("sequence") == "reached", PATIENCE), launch.output
    assert status("sequence_index") == "1"
    assert "expected_return:" in ros2("topic", "echo", "--once", "/plan")
    assert launch.stop(signal.SIGINT) == 0


@pytest.mark.parametrize(
    ("argument", "complaint"),
    [
        ("task:=no_such_task", "no_such_task"),
        ("planner.horizn:=3", "planner.horizn"),
        pytest.param("rviz:=true", "rviz: rviz2 is not installed", marks=WITHOUT_RVIZ),
    ],
)
def test_bad_arguments(start, ros_environment, tmp_path, argument, complaint):
    launch = start(
        *("ros2", "launch", "mbrl_ros", "sim.launch.py", argument, f"run_dir:={tmp_path / 'run'}"),
        environment=ros_environment,
    )
    assert wait_until(lambda: launch.process.poll() is not None, PATIENCE)
    assert launch.process.returncode != 0
    assert complaint in launch.output
    assert "Traceback" not in launch.output
    assert not (tmp_path / "run").exists()
