"""sim.launch.py under launch_testing: `launch_test sim_launch.py run_dir:=FOLDER`.

In a sourced workspace; test_system_launch.py runs it there.
"""

import json
import time
import unittest
from pathlib import Path

import launch_testing.actions
import launch_testing.asserts
import rclpy
from ament_index_python.packages import get_package_share_directory
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from lifecycle_msgs.srv import GetState
from mbrl_ros.msg import Action, ControllerStatus, ModelUpdate, TrainingStatus, Transition
from rclpy.qos import DurabilityPolicy, QoSProfile

from launch import LaunchDescription

LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
NODES = {
    "mujoco_sim", "data_logger", "model_trainer", "mpc_controller", "safety_guard", "run_monitor",
}  # fmt: skip
# For each thing that is waited for, on a busy machine.
PATIENCE = 120.0
# Longer than the tests take; they end the launch when they are through.
DURATION = 600


def generate_test_description():
    launch_file = Path(get_package_share_directory("mbrl_ros")) / "launch" / "sim.launch.py"
    system = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(str(launch_file)),
        launch_arguments={
            "task": "cartpole_swingup",
            "seed": "1",
            "duration": str(DURATION),
            "run_dir": LaunchConfiguration("run_dir"),
            "view": "none",
        }.items(),
    )
    return LaunchDescription(
        [DeclareLaunchArgument("run_dir"), system, launch_testing.actions.ReadyToTest()]
    )


class TestRunning(unittest.TestCase):
    """The system learns: looked at from a node of the test."""

    @classmethod
    def setUpClass(cls):
        rclpy.init()
        cls.node = rclpy.create_node("test_node")

    @classmethod
    def tearDownClass(cls):
        cls.node.destroy_node()
        rclpy.shutdown()

    def first(self, kind, topic, wanted=lambda message: True, qos=10):
        """Return the first message that is as wanted."""
        found = []
        subscription = self.node.create_subscription(
            kind, topic, lambda m: found.append(m) if wanted(m) else None, qos
        )
        end = time.monotonic() + PATIENCE
        while not found and time.monotonic() < end:
            rclpy.spin_once(self.node, timeout_sec=0.1)
        self.node.destroy_subscription(subscription)
        assert found, f"nothing as wanted on {topic}"
        return found[0]

    def test_it_learns_and_plans(self):
        model = self.first(ModelUpdate, "model", qos=LATCHED)
        assert model.kind == "ensemble"
        assert [len(part.sha256) for part in model.parts if part.name == "model"] == [64]
        self.first(Transition, "transition")
        self.first(TrainingStatus, "training_status", lambda m: m.sequence >= 1)
        status = self.first(ControllerStatus, "controller_status", lambda m: m.model_sequence >= 1)
        assert status.state == "active"
        # Exploration is over: this one was planned with the model.
        planned = (Action.PLANNED, Action.TRUNCATED)
        self.first(Action, "action", lambda m: m.source in planned)

    def test_the_controller_is_a_managed_node(self):
        self.first(ControllerStatus, "controller_status", lambda m: m.state == "active")
        client = self.node.create_client(GetState, "mpc_controller/get_state")
        assert client.wait_for_service(PATIENCE)
        future = client.call_async(GetState.Request())
        rclpy.spin_until_future_complete(self.node, future, timeout_sec=PATIENCE)
        assert future.result().current_state.label == "active"

    def test_every_node_is_there(self):
        end = time.monotonic() + PATIENCE
        while not set(self.node.get_node_names()) >= NODES and time.monotonic() < end:
            rclpy.spin_once(self.node, timeout_sec=0.1)
        assert set(self.node.get_node_names()) >= NODES


@launch_testing.post_shutdown_test()
class TestAfterwards(unittest.TestCase):
    """What is left when the launch was stopped with SIGINT."""

    def test_exit_codes(self, proc_info):
        launch_testing.asserts.assertExitCodes(proc_info)

    def test_output(self, proc_output):
        for process in proc_output.processes():
            text = "".join(line.text.decode() for line in proc_output[process])
            assert "Traceback" not in text

    def test_run_folder(self, test_args):
        run_dir = Path(test_args["run_dir"])
        summary = json.loads((run_dir / "summary.json").read_text())
        assert summary["runtime"] == "rclpy"
        assert summary["seed"] == 1
        assert summary["models_published"] > 0
        assert summary["transitions_logged"] > 0
        for name in ("config.yaml", "metrics.jsonl", "report.png", "bag/metadata.yaml"):
            assert (run_dir / name).is_file(), name
        assert list((run_dir / "checkpoints").iterdir())
        (curves,) = (run_dir / "tensorboard").iterdir()
        assert b"control/plan_time_p50" in curves.read_bytes()
