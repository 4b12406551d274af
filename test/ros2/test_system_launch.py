"""The whole system with `ros2 launch`, and the bag that is left of it."""

import json
import signal
from pathlib import Path

import pytest
from installation import SETUPS
from quick import LEARNING
from support.waiting import PATIENCE, wait_until

pytestmark = pytest.mark.ros2

WITHOUT_RVIZ = pytest.mark.skipif(
    bool(SETUPS) and (SETUPS[-1].parent / "lib" / "rviz2").exists(), reason="rviz2 is installed"
)

LISTENER = """
import json
from mbrl_ros.msg import Observation, Transition
from real_node import real_node, until

node = real_node("listener")
seen = {"observation": 0, "transition": 0}
for kind, topic in ((Observation, "observation"), (Transition, "transition")):
    def count(message, topic=topic):
        seen[topic] += 1
    node.create_subscription(kind, topic, count, 1000)
print("listening", flush=True)
until(node, lambda: min(seen.values()) >= 20, message=seen)
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
    assert listener.process.wait(PATIENCE) == 0, listener.output + player.output


def test_interrupt(launch):
    """Ctrl-C soon after the start: everything ends, and the launch with exit code 0."""
    system = launch("sim.launch.py")
    system.wait_for("active, seed")
    assert system.stop(signal.SIGINT) == 0
    assert system.output.count("process has finished cleanly") == 6, system.output


def test_objectives_change_by_every_way(launch, ros2):
    system = launch("sim.launch.py", "task:=inverted_pendulum", *LEARNING, "duration:=0")
    system.wait_for("active, seed")

    def status(field):
        return ros2("topic", "echo", "--once", "--field", field, "/controller_status").split()[0]

    def call(kind, request):
        name = {"SetObjective": "set_objective", "WhatIf": "what_if"}[kind]
        service = f"/mpc_controller/{name}"
        return ros2("service", "call", service, f"mbrl_ros/srv/{kind}", request)

    assert wait_until(lambda: status("model_sequence") != "0", PATIENCE), system.output
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
    given = []

    def answered():
        # Between two episodes, of which a young model has many, there is none.
        given.append(call("WhatIf", "{name: balance_left}"))
        return "there is no plan now" not in given[-1]

    assert wait_until(answered, PATIENCE), given[-1]
    asked = given[-1]
    assert "success=True" in asked, asked
    assert "terms=['alive', 'upright', 'centered', 'slow', 'gentle']" in asked
    assert status("objective") == "balance"

    goal = "{names: [cart_position], values: [0.25]}"
    ros2("topic", "pub", "--once", "/goal", "mbrl_ros/msg/Goal", goal)
    ros2("topic", "pub", "--once", "/goal", "mbrl_ros/msg/Goal", goal.replace("0.25", ".nan"))
    assert wait_until(lambda: "goal refused" in system.output, PATIENCE), system.output
    told = ros2("topic", "echo", "--once", "--full-length", "/objective")
    assert "way: goal" in told
    assert '"goal": {"cart_position": 0.25}' in told
    goals = "{names: [cart_position], values: [0.0], tolerances: [10.0]}"
    sequence = f"{{goals: [{goals}, {goals}]}}"
    ros2("topic", "pub", "--once", "/goal_sequence", "mbrl_ros/msg/GoalSequence", sequence)
    assert wait_until(lambda: status("sequence") == "reached", PATIENCE), system.output
    assert status("sequence_index") == "1"
    assert "expected_return:" in ros2("topic", "echo", "--once", "/plan")
    assert system.stop(signal.SIGINT) == 0


@pytest.mark.parametrize(
    ("argument", "complaint"),
    [
        ("task:=no_such_task", "no_such_task"),
        ("planner.horizn:=3", "planner.horizn"),
        pytest.param("rviz:=true", "rviz: rviz2 is not installed", marks=WITHOUT_RVIZ),
    ],
)
def test_bad_arguments(launch, tmp_path, argument, complaint):
    refused = launch("sim.launch.py", argument)
    assert refused.process.wait(PATIENCE) != 0
    assert complaint in refused.output
    assert "Traceback" not in refused.output
    assert not (tmp_path / "run").exists()
