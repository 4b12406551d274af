"""A controller whose tick hangs, as in a user's own code: the node itself, in this process."""

import functools
import threading
from pathlib import Path

import pytest
from support.waiting import PATIENCE, eventually

ros = pytest.importorskip("mbrl_ros.ros")
ri = pytest.importorskip("mbrl_ros.ros.interfaces")
MpcController = pytest.importorskip("mbrl_ros.nodes.mpc_controller").MpcController

pytestmark = pytest.mark.process

CONFIG = Path(__file__).parents[2] / "config" / "pendulum_swingup.yaml"
INACTIVE, ACTIVE = "inactive", "active"


@pytest.fixture
def node(domain):
    ros.init(args=["--ros-args", "--params-file", str(CONFIG)])
    made = MpcController()
    yield made
    made.destroy_node()
    ros.shutdown()


def test_it_is_deactivated_all_the_same_and_sends_the_safe_command_last(node, monkeypatch):
    monkeypatch.setattr("mbrl_ros.control.ticker._PATIENCE", 0.05)
    commands, steps, states = [], iter(range(1000000)), []
    deep = ros.QoSProfile(depth=100)
    observations = node.create_publisher(ri.Observation, "observation", deep)
    node.create_subscription(ri.Action, "action_proposed", commands.append, deep)
    node.create_subscription(
        ri.ControllerStatus, "controller_status", lambda m: states.append(m.state), deep
    )

    def observe():
        observations.publish(ri.Observation(step=next(steps), values=[1.0, 0.0, 0.0], action=[0.0]))
        ros.spin_once(node, timeout_sec=0.01)

    until = functools.partial(eventually, meanwhile=observe)
    until(lambda: commands)
    hangs, go_on, answer = threading.Event(), threading.Event(), node._controller.tick

    def hang(*given):
        hangs.set()
        assert go_on.wait(PATIENCE)
        return answer(*given)

    node._controller.tick = hang
    try:
        until(hangs.is_set)
        commands.clear()
        until(lambda: commands and commands[-1].source == ri.Action.HOLD)  # stands in
        node.trigger_deactivate()
        assert node._ticker.hangs
        until(lambda: INACTIVE in states)
        assert commands[-1].source == ri.Action.FALLBACK
        states.clear()
        node.trigger_activate()  # not while it hangs
        until(lambda: states)
        assert set(states) == {INACTIVE}
    finally:
        go_on.set()
    until(lambda: not node._ticker.hangs)
    node.trigger_activate()
    until(lambda: ACTIVE in states)
