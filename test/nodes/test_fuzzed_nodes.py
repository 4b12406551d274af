"""Every topic and service of every node, fuzzed through the middleware: nothing breaks or hangs."""

import contextlib
import importlib
import math
import os
import sys
from collections import Counter
from pathlib import Path

import pytest
from support.waiting import eventually

from mbrl_ros.robot.fields import fields_of

hypothesis = pytest.importorskip("hypothesis")
ros = pytest.importorskip("mbrl_ros.ros")
ri = pytest.importorskip("mbrl_ros.ros.interfaces")
st = hypothesis.strategies

pytestmark = pytest.mark.process

ROBOTS = Path(__file__).parents[2] / "config" / "robots"
MORE = """
/**:
  ros__parameters:
    run_dir: {run}
robot_bridge:
  ros__parameters: {{inner_loop: 100.0, feedback: true}}
safety_guard:
  ros__parameters: {{estop_input: button}}
mujoco_sim:
  ros__parameters: {{environment: {robots}/standins/cartpole_rig.xml}}
teleop:
  ros__parameters:
    sources: [pad]
    pad: {{topic: joy, type: sensor_msgs/msg/Joy, rate: 20.0}}
    actions: ["motor = pad.axes[1]"]
    held: pad.buttons[0]
    reset: pad.buttons[1]
    stop: pad.buttons[2]
"""
NODES = {
    "safety_guard": "SafetyGuard",
    "robot_bridge": "RobotBridge",
    "robot_standin": "RobotStandin",
    "teleop": "Teleop",
    "data_logger": "DataLogger",
    "mujoco_sim": "MujocoSim",
    "mpc_controller": "MpcController",
    "model_trainer": "ModelTrainer",
    "run_monitor": "RunMonitor",
    "rviz_markers": "RvizMarkers",
    "web_monitor": "WebMonitor",
}
# Of each topic and service.
ROUNDS = int(os.environ.get("MBRL_ROS_FUZZ_ROUNDS", "6"))
TEXTS = ["cart_position", "motor", "slider", "limits.high", "planner.horizon", "terms: [pole]", ""]
# The same each time, and few enough for the suite.
fuzz = hypothesis.settings(
    max_examples=ROUNDS, deadline=None, derandomize=True, database=None,
    suppress_health_check=list(hypothesis.HealthCheck),
)  # fmt: skip


def scalars(base):
    if base == "boolean":
        return st.booleans()
    if base == "octet":
        return st.binary(min_size=1, max_size=1)
    if base in ("double", "float"):
        width = 64 if base == "double" else 32
        return st.floats(width=width) | st.sampled_from([0.0, 1.0, math.nan, math.inf])
    if base.startswith(("string", "wstring")):
        return st.sampled_from(TEXTS) | st.text(st.characters(codec="ascii"), max_size=8)
    unsigned = base.startswith("u") or base == "char"
    bits = 8 if base == "char" else int(base.removeprefix("u").removeprefix("int"))
    low, high = (0, 2**bits - 1) if unsigned else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    return st.integers(0, min(3, high)) | st.integers(low, high)


def messages(kind):
    """Return what draws messages of a class, as often as not of sizes that fit the rig."""

    def field(of):
        one = messages(ri.interface(of.base)) if of.is_message else scalars(of.base)
        if not of.many:
            return one
        sizes = [of.size] if of.size else [0, 1, 4]
        return st.sampled_from(sizes).flatmap(lambda n: st.lists(one, min_size=n, max_size=n))

    return st.fixed_dictionaries({n: field(of) for n, of in fields_of(kind).items()}).map(
        lambda values: kind(**values)
    )


@pytest.fixture
def running(tmp_path, domain, monkeypatch):
    """Return what runs a node of the rig, and what lets it work off what has come."""

    @contextlib.contextmanager
    def run(name):
        more = tmp_path / "more.yaml"
        more.write_text(MORE.format(run=tmp_path, robots=ROBOTS))
        files = [ROBOTS / "cartpole_rig.yaml", more]
        if name == "robot_standin":
            files = [ROBOTS / "standins" / "cartpole_rig.yaml"]
        words = [word for file in files for word in ("--params-file", str(file))]
        monkeypatch.setattr(sys, "argv", ["node", "--ros-args", *words])
        ros.init(args=["--ros-args", *words])
        try:
            module = importlib.import_module(f"mbrl_ros.nodes.{name}")
            node, other = getattr(module, NODES[name])(), ros.Node("stranger")
            executor = ros.SingleThreadedExecutor()
            for each in (node, other):
                executor.add_node(each)
            yield node, other, lambda: executor.spin_once(timeout_sec=0.005)
            other.destroy_node()
            node.destroy_node()
        finally:
            ros.shutdown()

    return run


@pytest.mark.parametrize("name", NODES)
def test_whatever_is_sent_or_asked_for_a_node_goes_on(running, name):
    if name == "web_monitor":
        pytest.importorskip("viser")
    with running(name) as (node, other, spin):
        # Those that are heard latched only are heard so, too.
        latched = ros.QoSProfile(depth=100, durability=ros.DurabilityPolicy.TRANSIENT_LOCAL)
        heard = {s.topic_name: s for s in node.subscriptions if s.topic_name != "/clock"}
        publishers = {
            topic: other.create_publisher(s.msg_type, topic, latched) for topic, s in heard.items()
        }
        eventually(
            lambda: all(p.get_subscription_count() for p in publishers.values()), meanwhile=spin
        )
        clients = {
            s.service_name: other.create_client(s.srv_type, s.service_name) for s in node.services
        }
        eventually(lambda: all(c.service_is_ready() for c in clients.values()), meanwhile=spin)

        came = Counter()

        def counted(topic, callback):
            def call(*message):
                came[topic] += 1
                callback(*message)

            return call

        for subscription in heard.values():
            subscription.callback = counted(subscription.topic_name, subscription.callback)

        @fuzz
        @hypothesis.given(data=st.data())
        def everything(data):
            for topic, publisher in publishers.items():
                publisher.publish(data.draw(messages(heard[topic].msg_type)))
                spin()
            for service, client in clients.items():
                asked = client.call_async(data.draw(messages(client.srv_type.Request)))
                eventually(asked.done, meanwhile=spin)
                assert asked.result() is not None, service

        everything()
        # It works off what is left, and still answers.
        for _ in range(10):
            spin()
        assert {*came} == {*heard}
        found = other.create_client(ri.ListParameters, f"{name}/list_parameters")
        asked = found.call_async(ri.ListParameters.Request())
        eventually(asked.done, meanwhile=spin)
        assert {"period", "rate"} & {*asked.result().result.names}
