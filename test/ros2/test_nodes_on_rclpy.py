"""Single nodes on real rclpy, driven by the ros2 commands."""

import signal

import pytest
from installation import ROOT
from support.waiting import PATIENCE

pytestmark = pytest.mark.ros2

CONFIG = ROOT / "config" / "cartpole_swingup.yaml"


@pytest.fixture
def run_node(start, ros_environment):
    def run(name, *parameters):
        arguments = [word for p in parameters for word in ("-p", p)]
        return start(
            *("ros2", "run", "mbrl_ros", name, "--ros-args", "--params-file", CONFIG, *arguments),
            environment=ros_environment,
        )

    return run


def test_controller_alone(run_node, ros2):
    controller = run_node("mpc_controller")

    def lifecycle(*words, **options):
        return ros2("lifecycle", *words, **options).strip()

    while "Node not found" in (state := lifecycle("get", "/mpc_controller", code=None)):
        assert controller.process.poll() is None, controller.output
    assert state == "inactive [2]"
    # There is no observation to act on: no way to be active.
    assert "failed" in lifecycle("set", "/mpc_controller", "activate", code=None)
    assert "successful" in lifecycle("set", "/mpc_controller", "cleanup")
    assert lifecycle("get", "/mpc_controller") == "unconfigured [1]"

    def param(verb, *words, **options):
        return ros2("param", verb, "/mpc_controller", *words, **options)

    assert "  planner.horizon" in param("list")
    assert "successful" in param("set", "planner.horizon", "25")
    for name, value in (("planner.horizon", "0"), ("planner.horizon", "many"), ("seed", "7")):
        assert "fail" in param("set", name, value, code=None).lower()
    assert "successful" in param("set", "planner.type", "ilqr")
    assert "divination" in param("set", "planner.type", "divination", code=None)
    assert "String value is: ilqr" in param("get", "planner.type")
    assert "Integer value is: 25" in param("get", "planner.horizon")
    assert "horizon: 25" in param("dump")
    assert controller.stop() == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_nodes_end_cleanly(start, ros_environment, install, number):
    # Without `ros2 run` between, which passes no SIGTERM on.
    executables = install.parent / "mbrl_ros" / "lib" / "mbrl_ros"
    names = ("mujoco_sim", "data_logger", "model_trainer", "mpc_controller", "safety_guard")
    nodes = {
        name: start(
            *(executables / name, "--ros-args", "--params-file", CONFIG),
            environment=ros_environment,
        )
        for name in names
    }
    nodes["mpc_controller"].wait_for("active")
    nodes["model_trainer"].wait_for("learning")
    for name in ("mpc_controller", "safety_guard", "mujoco_sim", "model_trainer", "data_logger"):
        assert nodes[name].stop(number) == 0, name


def test_bad_configuration(run_node):
    """An unknown parameter: one line."""
    node = run_node("model_trainer", "traner.learning_rate:=1.0")
    node.process.wait(PATIENCE)
    lines = [line for line in node.output.splitlines() if not line.startswith("[ros2run]")]
    assert len(lines) == 1, node.output
    assert lines[0].startswith("error: model_trainer: ")
    assert "traner.learning_rate" in lines[0]
    assert "failure 2" in node.output
