"""`mbrl-ros topic|param|service|lifecycle|node` against real processes over DDS."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from support.waiting import eventually

pytestmark = pytest.mark.process

ROOT = Path(__file__).resolve().parents[2]
LIMIT = 30.0

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
            process.wait(15)
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


def test_topic_list_and_info(gadget, tool):
    code, out, _ = tool("topic", "list", "-t")
    assert code == 0
    lines = out.splitlines()
    assert "/lab/joints [sensor_msgs/msg/JointState]" in lines
    assert lines == sorted(lines)

    code, out, _ = tool("topic", "info", "/lab/latched")
    assert (code, out) == (
        0,
        "Type: std_msgs/msg/String\nPublisher count: 1\nSubscription count: 0\n",
    )
    code, out, _ = tool("topic", "info", "-v", "lab/goal")
    assert code == 0
    assert "Node name: gadget\nNode namespace: /lab\nTopic type: mbrl_ros/msg/Goal\n" in out
    assert "  Reliability: RELIABLE\n" in out
    assert "  Durability: TRANSIENT_LOCAL\n" in out
    assert re.search(r"Topic type hash: RIHS01_[0-9a-f]{64}\n", out)


def test_topic_echo(gadget, tool):
    assert tool("topic", "echo", "/lab/latched", "--once")[:2] == (0, "data: for latecomers\n---\n")

    code, out, _ = tool("topic", "echo", "/lab/joints", "--once")
    assert code == 0
    assert yaml.safe_load(out.removesuffix("---\n")) == {
        "header": {"stamp": {"sec": 0, "nanosec": 0}, "frame_id": "base"},
        "name": ["a", "b"],
        "position": [0.1, 2.0],
        "velocity": [],
        "effort": [],
    }
    code, out, _ = tool("topic", "echo", "lab/joints", "--once", "--field", "header.frame_id")
    assert (code, out) == (0, "base\n---\n")
    code, out, _ = tool("topic", "echo", "/lab/big", "--once")
    assert yaml.safe_load(out.removesuffix("---\n"))["data"] == [*map(float, range(128)), "..."]
    code, out, _ = tool("topic", "echo", "/lab/big", "-f", "--once", "--field", "data")
    assert yaml.safe_load(out.removesuffix("---\n")) == [*map(float, range(300))]


@pytest.mark.parametrize(
    ("verb", "number"), [("echo", signal.SIGINT), ("echo", signal.SIGTERM), ("hz", signal.SIGINT)]
)
def test_signals_end_quietly(gadget, start, verb, number):
    process = start(
        *("-m", "mbrl_ros.cli", "topic", verb, "/lab/joints"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    line = process.stdout.readline()
    assert line.startswith("average rate: " if verb == "hz" else "header:")
    process.send_signal(number)
    _, err = process.communicate(timeout=LIMIT)
    assert (process.returncode, err) == (0, "")


def test_closed_pipe_ends_quietly(gadget, start):
    process = start(
        *("-m", "mbrl_ros.cli", "topic", "echo", "/lab/joints"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(LIMIT) == 0


def test_topic_pub(gadget, tool):
    goal = "{header: auto, names: [a, b], values: [1, 2e-3]}"
    # The subscription is latched; only a latched publisher reaches it.
    code, out, _ = tool("topic", "pub", "--once", "/lab/goal", "mbrl_ros/msg/Goal", goal)
    assert code == 0
    assert "publishing #1: mbrl_ros.msg.Goal(" in out
    code, out, _ = tool("topic", "echo", "/lab/heard", "--once", "--timeout", "20")
    assert (code, out) == (0, "data: '[1.0, 0.002] at True'\n---\n")

    words = ("/lab/said", "std_msgs/String", "{data: 5}", "-w", "0")
    code, out, _ = tool("topic", "pub", "-t", "3", "-r", "50", *words)
    assert code == 0
    assert out.count("std_msgs.msg.String(data='5')") == 3


def test_param(gadget, tool):
    code, out, _ = tool("param", "list", "/lab/gadget")
    assert out == "  count\n  gains\n  group.label\n  speed\n  use_sim_time\n"
    code, out, _ = tool("param", "list", "--param-type")
    assert "/lab/gadget:\n  count (type: integer)\n" in out
    code, out, _ = tool("param", "get", "lab/gadget", "gains")
    assert (code, out) == (0, "Double values are: [1.0, 2.0]\n")
    code, out, _ = tool("param", "set", "/lab/gadget", "speed", "1")
    assert (code, out) == (0, "Set parameter successful\n")
    # Several are one change, and refused as one.
    code, _, err = tool("param", "set", "/lab/gadget", "count", "9", "speed", "7.0")
    assert code == 1
    assert "speed" in err
    words = ("gains", "[1.0, 2.0]", "speed", "1")
    assert tool("param", "set", "/lab/gadget", *words)[0] == 0
    code, _, err = tool("param", "set", "/lab/gadget", "count", "9", "speed")
    assert (code, err) == (2, "error: parameter 'speed': expected a value behind it\n")
    code, out, _ = tool("param", "dump", "/lab/gadget")
    assert yaml.safe_load(out)["/lab/gadget"]["ros__parameters"] == {
        "count": 3,
        "gains": [1.0, 2.0],
        "group": {"label": "hello"},
        "speed": 1.0,
        "use_sim_time": False,
    }
    code, out, _ = tool("param", "describe", "/lab/gadget", "speed")
    assert out == (
        "Parameter name: speed\n  Type: double\n  Description: How fast [m/s].\n  Constraints:\n"
        "    Min value: 0.0\n    Max value: 2.0\n"
    )


def test_service(gadget, tool):
    code, out, _ = tool("service", "list", "-t")
    assert "/lab/gadget/switch [std_srvs/srv/SetBool]" in out.splitlines()
    assert tool("service", "type", "/lab/gadget/switch")[:2] == (0, "std_srvs/srv/SetBool\n")
    words = ("/lab/gadget/switch", "std_srvs/srv/SetBool", "{data: true}")
    code, out, _ = tool("service", "call", *words)
    assert code == 0
    assert "response:\nstd_srvs.srv.SetBool_Response(success=True, message='switched')\n" in out


def test_lifecycle(gadget, tool):
    assert tool("lifecycle", "get", "/lab/gadget")[:2] == (0, "unconfigured [1]\n")
    assert tool("lifecycle", "set", "/lab/gadget", "configure")[0] == 0
    assert gadget.stdout.readline() == "configured\n"
    assert tool("lifecycle", "get")[1] == "/lab/gadget: inactive [2]\n"
    code, out, _ = tool("lifecycle", "list", "/lab/gadget")
    assert out.startswith("- cleanup [2]\n\tStart: inactive\n\tGoal: cleaningup\n- activate [3]\n")
    code, _, err = tool("lifecycle", "set", "/lab/gadget", "configure")
    assert code == 1
    assert err.startswith("Unknown transition requested, available ones are:\n- cleanup [2]\n")


def test_node(gadget, tool):
    assert "/lab/gadget" in tool("node", "list")[1].splitlines()
    code, out, _ = tool("node", "info", "/lab/gadget")
    assert code == 0
    assert out.startswith("/lab/gadget\n  Subscribers:\n    /lab/goal: mbrl_ros/msg/Goal\n")
    assert "  Publishers:\n    /lab/big: std_msgs/msg/Float64MultiArray\n" in out
    assert "    /lab/gadget/switch: std_srvs/srv/SetBool\n  Service Clients:\n" in out


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("topic echo /nope --once", "topic '/nope' does not appear"),
        ("topic info /nope", "Unknown topic '/nope'"),
        ("param get /nope speed", "Node not found: '/nope'"),
        ("param get /lab/gadget nope", "Parameter not set: 'nope'"),
        ("param set /lab/gadget speed 3.5", "Setting parameter failed: "),
        ("param set /lab/gadget count many", "Setting parameter failed: "),
        ("param set /lab/gadget nope 1", "Setting parameter failed: "),
        ("service call /nope std_srvs/srv/Trigger", "service '/nope' is not available"),
        (
            "topic pub -1 /lab/x std_msgs/msg/String --max-wait-time-secs 0.1",
            "Timed out waiting for subscribers",
        ),
    ],
)
def test_what_is_not_there_is_told(gadget, tool, words, text):
    # What is there is found in less; what is not, is waited for.
    patience = ("--spin-time", "0.5") if "/nope" in words.split() else ()
    code, _, err = tool(*words.split(), *patience)
    assert code == 1
    assert err.startswith(text)


BAD_INPUT = [
    (("pub", "x", "std_msgs/msg/Nope"), "unknown message type 'std_msgs/msg/Nope'"),
    (("pub", "x", "String"), "'String' is no message type such as std_msgs/msg/String"),
    (("pub", "x y", "std_msgs/msg/String"), "'x y' is no topic name"),
    (("pub", "x", "std_msgs/msg/String", "{data: [1}"), "not YAML: expected ',' or ']'"),
    (("pub", "x", "std_msgs/msg/String", "hello"), "must be a mapping in YAML, {data: string}"),
    (
        ("pub", "x", "std_msgs/msg/Header", "{stamp: {secs: 1}}"),
        "no field 'stamp.secs': stamp has the fields sec, nanosec",
    ),
    (
        ("pub", "x", "std_msgs/msg/Int64", "{data: 1.5}"),
        "field 'data' must be int64, not 1.5",
    ),
    (
        ("pub", "x", "mbrl_ros/msg/Action", "{source: 300}"),
        "field 'source' must be uint8, not 300 (from 0 to 255)",
    ),
    (
        ("pub", "x", "mbrl_ros/msg/Action", "{values: [1, two]}"),
        "field 'values[1]' must be double, not the text 'two'",
    ),
    (
        ("pub", "x", "sensor_msgs/msg/Imu", "{orientation_covariance: [1]}"),
        "field 'orientation_covariance' must have 9 elements, not 1",
    ),
    (
        ("echo", "x", "sensor_msgs/msg/JointState", "--field", "header.when"),
        "no field 'header.when': header has the fields stamp, frame_id",
    ),
]

# All in one process: nothing of it gets as far as DDS.
REFUSE = """
import contextlib, io, json, sys
from mbrl_ros.cli.main import main

results = []
for words in json.loads(sys.argv[1]):
    errors = io.StringIO()
    with contextlib.redirect_stderr(errors):
        code = main(["topic", *words])
    results.append((code, errors.getvalue()))
print(json.dumps(results))
"""


@pytest.fixture(scope="module")
def refused(environment):
    cases = json.dumps([words for words, _ in BAD_INPUT])
    done = subprocess.run(
        [sys.executable, "-c", REFUSE, cases],
        env=environment,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=True,
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize("case", range(len(BAD_INPUT)))
def test_bad_input_is_refused(refused, case):
    code, err = refused[case]
    assert code == 2
    assert err.startswith("error: ")
    assert BAD_INPUT[case][1] in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("topic", "echo", "/lab/joints", "--field", "nope"), "no field 'nope': "),
        (
            ("topic", "echo", "/lab/joints", "std_msgs/msg/String"),
            "is of type sensor_msgs/msg/JointState, not std_msgs/msg/String",
        ),
        (
            ("topic", "pub", "/lab/goal", "std_msgs/msg/String"),
            "is of type mbrl_ros/msg/Goal, not std_msgs/msg/String",
        ),
        (
            ("service", "call", "/lab/gadget/switch", "std_srvs/srv/Trigger"),
            "is of type std_srvs/srv/SetBool",
        ),
        (("param", "set", "/lab/gadget", "gains", "[1, a]"), "is no list of"),
    ],
)
def test_what_does_not_suit_is_refused(gadget, tool, words, text):
    code, _, err = tool(*words)
    assert code == 2
    assert err.startswith("error: ")
    assert text in err


def test_wrong_environment_is_one_line(environment):
    for name, value in (("ROS_DOMAIN_ID", "many"), ("MBRL_ROS_RUNTIME", "ros3")):
        done = subprocess.run(
            [sys.executable, "-m", "mbrl_ros.cli", "node", "list"],
            env={**environment, name: value},
            capture_output=True,
            text=True,
            timeout=LIMIT,
        )
        assert done.returncode == 2
        assert done.stderr.startswith(f"error: {name} is '{value}'")
        assert done.stderr.count("\n") == 1


def test_main_job(system, tool):
    assert {"/data_logger", "/mujoco_sim"} <= set(tool("node", "list")[1].split())
    code, out, _ = tool("topic", "echo", "/observation", "--once")
    assert code == 0
    observation = yaml.safe_load(out.removesuffix("---\n"))
    assert len(observation["values"]) == 5
    code, out, _ = tool("service", "call", "/mujoco_sim/reset", "mbrl_ros/srv/Reset", "{seed: 3}")
    assert "mbrl_ros.srv.Reset_Response(success=True" in out
    words = ("/data_logger/get_transitions", "mbrl_ros/srv/GetTransitions", "{count: 1}")
    assert "GetTransitions_Response(total=" in tool("service", "call", *words)[1]
    code, out, _ = tool("param", "dump", "/mujoco_sim")
    assert yaml.safe_load(out)["/mujoco_sim"]["ros__parameters"]["action_repeat"] == 4
    code, _, err = tool("param", "set", "/mujoco_sim", "action_repeat", "5")
    assert code == 1
    assert err.startswith("Setting parameter failed: ")


def test_starts_without_heavy_libraries(environment):
    code = "import sys, mbrl_ros.cli.main as m; m.main(['node', 'list', '--spin-time', '0.1']);"
    code += "print([n for n in ('torch', 'mujoco', 'gymnasium', 'scipy') if n in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"
