"""Real processes over DDS, for `mbrl-ros topic|param|service|lifecycle|node`."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support.waiting import PATIENCE, eventually

ROOT = Path(__file__).resolve().parents[3]


LIMIT = PATIENCE


GADGET = """
import sys
from mbrl_ros import ros
from mbrl_ros.nodes.runner import run_node
from mbrl_ros.ros import interfaces as ri

LATCHED = ros.QoSProfile(depth=1, durability=ros.DurabilityPolicy.TRANSIENT_LOCAL)


class Gadget(ros.LifecycleNode):
    def __init__(self):
        super().__init__("gadget", namespace="/lab")
        speed = ros.ParameterDescriptor(
            description="How fast [m/s].",
            floating_point_range=[ros.FloatingPointRange(from_value=0.0, to_value=2.0)],
        )
        self.declare_parameter("speed", 0.5, speed)
        self.declare_parameter("gains", [1.0, 2.0])
        self.declare_parameter("group.label", "hello")
        self.declare_parameter("count", 3)
        self.latched = self.create_publisher(ri.String, "latched", LATCHED)
        self.latched.publish(ri.String(data="for latecomers"))
        self.joints = self.create_publisher(ri.JointState, "joints", 10)
        self.big = self.create_publisher(ri.Float64MultiArray, "big", ros.qos_profile_sensor_data)
        self.heard = self.create_publisher(ri.String, "heard", LATCHED)
        self.create_subscription(ri.Goal, "goal", self.on_goal, LATCHED)
        self.create_service(ri.SetBool, "~/switch", self.on_switch)
        self.create_timer(0.05, self.tick)

    def on_configure(self, state):
        print("configured", flush=True)
        return ros.TransitionCallbackReturn.SUCCESS

    def on_goal(self, goal):
        self.heard.publish(ri.String(data=f"{list(goal.values)} at {goal.header.stamp.sec > 0}"))

    def on_switch(self, request, response):
        response.success, response.message = request.data, "switched"
        return response

    def tick(self):
        joints = ri.JointState(name=["a", "b"], position=[0.1, 2.0])
        joints.header.frame_id = "base"
        self.joints.publish(joints)
        self.big.publish(ri.Float64MultiArray(data=[float(i) for i in range(300)]))


sys.exit(run_node(Gadget))
"""


@pytest.fixture(scope="module")
def environment(dds_domain):
    removed = ("CYCLONEDDS_URI", "ROS_AUTOMATIC_DISCOVERY_RANGE")
    kept = {name: value for name, value in os.environ.items() if name not in removed}
    return {
        **kept,
        "ROS_DOMAIN_ID": str(dds_domain),
        "MBRL_ROS_RUNTIME": "embedded",
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
    }


@pytest.fixture(scope="module")
def start(environment):
    processes = []

    def begin(*words, **options):
        process = subprocess.Popen(
            [sys.executable, *map(str, words)], env=environment, text=True, **options
        )
        processes.append(process)
        return process

    yield begin
    for process in processes:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
    for process in processes:
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def tool(environment):
    """Runs a command; returns exit code, output and errors."""

    def call(*words):
        done = subprocess.run(
            [sys.executable, "-m", "mbrl_ros.cli", *words],
            env=environment,
            capture_output=True,
            text=True,
            timeout=LIMIT,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode, done.stdout, done.stderr

    return call


@pytest.fixture(scope="module")
def gadget(start, tool, tmp_path_factory):
    path = tmp_path_factory.mktemp("gadget") / "gadget.py"
    path.write_text(GADGET, encoding="utf-8")
    process = start(path, stdout=subprocess.PIPE)
    wait_for(tool, "/lab/gadget")
    return process


@pytest.fixture(scope="module")
def system(start, tool, tmp_path_factory):
    """Simulator and data logger of the main job."""
    folder = tmp_path_factory.mktemp("run")
    for name in ("mujoco_sim", "data_logger"):
        code = f"import sys; from mbrl_ros.nodes.{name} import main; sys.exit(main())"
        parameters = ["--params-file", ROOT / "config/cartpole_swingup.yaml"]
        parameters += ["-p", f"run_dir:={folder}"]
        start("-c", code, "--ros-args", *parameters)
    wait_for(tool, "/mujoco_sim")
    wait_for(tool, "/data_logger")


def wait_for(tool, node):
    words = ("lifecycle" if "gadget" in node else "param", *_probe(node))
    eventually(lambda: tool(*words)[0] == 0, LIMIT, f"{node} did not start")


def _probe(node):
    return ("get", node) if "gadget" in node else ("list", node)
