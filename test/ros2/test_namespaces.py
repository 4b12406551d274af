"""Systems in namespaces, included by a launch file of a user's own."""

import json
import re
import signal

import pytest
from quick import LEARNING
from support.waiting import PATIENCE, wait_until

pytestmark = pytest.mark.ros2

QUICK = dict(word.split(":=") for word in LEARNING)
del QUICK["planner.horizon"]  # each system has its own

INCLUDING = """
from pathlib import Path
from ament_index_python.packages import get_package_share_directory
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, GroupAction, IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch_ros.actions import PushRosNamespace

def system(namespace, **own):
    share = Path(get_package_share_directory("mbrl_ros"))
    source = PythonLaunchDescriptionSource(str(share / "launch" / "sim.launch.py"))
    given = {**QUICK, "duration": "0", "real_time_factor": "0.5", **own}
    given["run_dir"] = f"RUNS/{namespace}"
    include = IncludeLaunchDescription(source, launch_arguments=given.items())
    return GroupAction([PushRosNamespace(namespace), include])


def generate_launch_description():
    foreign = DeclareLaunchArgument("robot_model", default_value="none of the nodes' business")
    return LaunchDescription([foreign, SYSTEMS])
"""


@pytest.fixture
def including(start, ros_environment, tmp_path):
    """Start systems by a launch file of a user's own."""

    def begin(systems):
        path = tmp_path / "including.launch.py"
        text = INCLUDING.replace("RUNS", str(tmp_path)).replace("SYSTEMS", systems)
        path.write_text(f"QUICK = {QUICK}\n{text}")
        return start("ros2", "launch", path, environment=ros_environment)

    return begin


def test_two_systems_in_two_namespaces(including, ros2, start, ros_environment, tmp_path):
    both = including(
        "system('left', task='inverted_pendulum', **{'planner.horizon': '8'}), "
        "system('right', task='cartpole_swingup', **{'mpc_controller.planner.horizon': '9'})"
    )

    assert wait_until(lambda: both.output.count("active, seed") == 2, 120), both.output

    def read(topic, field):
        return ros2("topic", "echo", "--once", "--field", field, topic).split()[0]

    for name in ("left", "right"):
        sequence = f"/{name}/controller_status", "model_sequence"
        assert wait_until(lambda s=sequence: read(*s) != "0", 120), both.output
    topics = ros2("topic", "list").split()
    assert {"/left/observation", "/right/observation", "/left/clock"} <= set(topics)
    assert not {"/observation", "/action", "/model", "/clock"} & set(topics)
    # Its own clock stamps what a controller says, and it has its own task.
    assert abs(int(read("/left/action", "header.stamp.sec"))) < 1000
    dumped = {n: ros2("param", "dump", f"/{n}/mpc_controller") for n in ("left", "right")}
    assert "horizon: 8" in dumped["left"]
    assert "horizon: 9" in dumped["right"]
    assert "use_sim_time: true" in dumped["left"]
    # By mistake there once more.
    twice = ("ros2", "launch", "mbrl_ros", "sim.launch.py", "task:=inverted_pendulum")
    again = start(
        *(*twice, "namespace:=left", "view:=none", f"run_dir:={tmp_path / 'again'}"),
        environment=ros_environment,
    )
    assert again.process.wait(PATIENCE) == 1, again.output
    assert re.search(r"error: /left/\w+ runs already on this machine", again.output), again.output
    assert both.stop(signal.SIGINT) == 0
    for name in ("left", "right"):
        summary = json.loads((tmp_path / name / "summary.json").read_text())
        assert summary["models_published"] > 0
        assert summary["transitions_logged"] > 40
    # What was dumped starts the node again, though empty lists in it have no type.
    file = tmp_path / "dump.yaml"
    file.write_text(dumped["left"].replace(f"run_dir: {tmp_path}/left", "run_dir: ''"))
    again = start(
        *("ros2", "run", "mbrl_ros", "mpc_controller", "--ros-args"),
        *("-r", "__ns:=/left", "--params-file", file),
        environment=ros_environment,
    )
    get = ("param", "get", "--no-daemon", "--spin-time", "1", "/left/mpc_controller")
    assert wait_until(
        lambda: "is: 8" in ros2(*get, "planner.horizon", code=None) or again.process.poll(),
        PATIENCE,
    )
    assert again.process.poll() is None, again.output
    loaded = ros2("param", "load", "--no-daemon", "--spin-time", "1", get[-1], file, code=None)
    failed = [line for line in loaded.splitlines() if "failed" in line]
    assert failed
    assert all("read-only" in line for line in failed), loaded
    assert again.stop() == 0


def test_a_misspelt_argument_of_an_include_is_refused(including, tmp_path):
    refused = including("system('left', **{'planner.horizn': '3'})")
    assert refused.process.wait(PATIENCE) != 0
    assert "'planner.horizn': did you mean 'planner.horizon'?" in refused.output
    assert not (tmp_path / "left").exists()


def test_a_fleet_has_one_model(start, ros2, ros_environment, tmp_path):
    words = "ros2", "launch", "mbrl_ros", "fleet.launch.py", "robots:=[left, right]"
    words += "task:=inverted_pendulum", *LEARNING, "duration:=0", "real_time_factor:=0.5"
    words += (f"run_dir:={tmp_path}",)
    fleet = start(*words, environment=ros_environment)
    assert wait_until(lambda: fleet.output.count("active, seed") == 2, 120), fleet.output

    def epoch(robot):
        topic = f"/{robot}/controller_status"
        return ros2("topic", "echo", "--once", "--field", "model_epoch", topic).split()[0]

    assert wait_until(lambda: epoch("left") == epoch("right") != "0", 120), fleet.output
    assert ros2("topic", "info", "/fleet/model").count("Publisher count: 1") == 1
    fleet.process.send_signal(signal.SIGINT)
    assert wait_until(lambda: fleet.process.poll() is not None, PATIENCE)
    assert {"fleet", "left", "right"} <= {path.name for path in tmp_path.iterdir()}
