"""The whole system with `ros2 launch`, and the bag that is left of it."""

import json
import signal
from pathlib import Path

import pytest
from installation import wait_until

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
    assert (run_folder / "summary.json").is_file(), "test_launch has left no run"
    logged = json.loads((run_folder / "summary.json").read_text())["transitions_logged"]
    information = ros2("bag", "info", run_folder / "bag")
    assert f"/transition | Type: mbrl_ros/msg/Transition | Count: {logged} |" in information
    for topic in ("/observation", "/action", "/controller_status", "/joint_states"):
        assert f"Topic: {topic} |" in information
    listener = real_script(LISTENER)
    listener.wait_for("listening")
    player = start("ros2", "bag", "play", run_folder / "bag", environment=ros_environment)
    assert listener.process.wait(40) == 0, listener.output
    assert min(json.loads(listener.output.splitlines()[-1]).values()) >= 20, player.output


def test_interrupt(start, ros_environment, tmp_path):
    """Ctrl-C soon after the start: everything ends, and the launch with exit code 0."""
    launch = start(
        *("ros2", "launch", "mbrl_ros", "sim.launch.py", f"run_dir:={tmp_path / 'run'}"),
        environment=ros_environment,
    )
    launch.wait_for("active, seed", timeout=40)
    assert launch.stop(signal.SIGINT, timeout=30) == 0
    assert launch.output.count("process has finished cleanly") == 5, launch.output


@pytest.mark.parametrize(
    ("argument", "complaint"),
    [("task:=no_such_task", "no_such_task"), ("planner.horizn:=3", "planner.horizn")],
)
def test_bad_arguments(start, ros_environment, tmp_path, argument, complaint):
    launch = start(
        *("ros2", "launch", "mbrl_ros", "sim.launch.py", argument, f"run_dir:={tmp_path / 'run'}"),
        environment=ros_environment,
    )
    assert wait_until(lambda: launch.process.poll() is not None, 30)
    assert launch.process.returncode != 0
    assert complaint in launch.output
    assert "Traceback" not in launch.output
    assert not (tmp_path / "run").exists()
