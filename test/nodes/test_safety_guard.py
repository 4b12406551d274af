"""The guard as users run it: a process of its own, between a controller and a plant of the test."""

import functools
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support.processes import die_with_parent
from support.stepping_clock import run_with_stepping_clock
from support.waiting import PATIENCE, eventually

ros = pytest.importorskip("mbrl_ros.ros")
ri = pytest.importorskip("mbrl_ros.ros.interfaces")

pytestmark = [pytest.mark.process, pytest.mark.alone]

CONFIG = Path(__file__).parents[2] / "config" / "pendulum_swingup.yaml"
RUN = run_with_stepping_clock("safety_guard")
RESTING = [1.0, 0.0, 0.0]


class Sides:
    """Controller, plant and operator in one; spins only while it waits."""

    def __init__(self):
        self.node = ros.Node("sides")
        self.step, self.newest = -1, {}
        deep = ros.QoSProfile(depth=100)
        for topic, kind in (("action", ri.Action), ("intervention", ri.Intervention)):
            self.node.create_subscription(kind, topic, functools.partial(self.hear, topic), deep)
        latched = ros.QoSProfile(depth=1, durability=ros.DurabilityPolicy.TRANSIENT_LOCAL)
        self.node.create_subscription(
            ri.GuardStatus, "guard_status", functools.partial(self.hear, "status"), latched
        )
        self.publishers = {
            topic: self.node.create_publisher(kind, topic, deep)
            for topic, kind in (
                ("observation", ri.Observation),
                ("action_proposed", ri.Action),
                ("action_override", ri.Float64MultiArray),
                ("button", ri.Bool),
                ("estop", ri.Bool),
            )
        }

    def hear(self, topic, message):
        self.newest[topic] = message

    def until(self, condition):
        spin = functools.partial(ros.spin_once, self.node, timeout_sec=0.01)
        return eventually(condition, meanwhile=spin)

    @property
    def status(self):
        return self.newest.get("status", ri.GuardStatus())

    def matched(self):
        self.until(lambda: all(p.get_subscription_count() for p in self.publishers.values()))

    def call(self, name):
        client = self.node.create_client(ri.Trigger, f"safety_guard/{name}")
        self.until(client.service_is_ready)
        future = client.call_async(ri.Trigger.Request())
        self.until(future.done)
        return future.result()

    def observe(self):
        self.step += 1
        self.publishers["observation"].publish(
            ri.Observation(step=self.step, values=RESTING, action=[0.0])
        )

    def propose(self, *values, source=0):
        self.publishers["action_proposed"].publish(
            ri.Action(step=self.step, values=list(values), source=source, plan_time=0.012)
        )

    def passes(self, *values, through=None, condition=lambda action: True):
        """Observe and propose until an action comes out that answers it and is as wanted."""
        found = []

        def again():
            self.newest.pop("action", None)
            self.observe()
            self.propose(*values)
            if through is not None:
                through()
            for _ in range(4):
                ros.spin_once(self.node, timeout_sec=0.01)
            action = self.newest.get("action")
            if action is not None and action.step == self.step and condition(action):
                found.append(action)

        eventually(lambda: found, meanwhile=again)
        return found[0]


@pytest.fixture
def sides(domain, monkeypatch):
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    ros.init()
    made = Sides()
    yield made
    made.node.destroy_node()
    ros.shutdown()


@pytest.fixture
def start(tmp_path):
    processes = []

    def begin(*parameters):
        words = ["--ros-args", "--params-file", str(CONFIG)]
        for each in (f"run_dir:={tmp_path / 'run'}", "estop_input:=button", *parameters):
            words += ["-p", each]
        processes.append(
            subprocess.Popen(
                [sys.executable, "-c", RUN, *words],
                stderr=subprocess.PIPE,
                text=True,
                preexec_fn=die_with_parent,
            )
        )
        return processes[-1]

    yield begin
    for process in processes:
        process.kill()
        process.communicate()


def test_between_controller_and_plant(start, sides, tmp_path):
    guard = start(
        "after_crash:=hold", "takeover.timeout:=0.1", "limits.rate:=[10.0]",
    )  # fmt: skip
    kept = tmp_path / "run" / "guard_state.json"
    sides.matched()
    kept.parent.mkdir()
    sides.until(kept.is_file)  # what could not be written is tried again
    action = sides.passes(0.1)
    assert (list(action.values), action.source, action.plan_time) == ([0.1], 0, 0.012)

    # What it changes it tells, and why.
    action = sides.passes(5.0, condition=lambda a: 0.1 < a.values[0] < 1.0)
    sides.until(lambda: "intervention" in sides.newest)
    told = sides.newest["intervention"]
    assert list(told.proposed) == [5.0]
    assert "outside the limits: torque" in told.reason
    assert not told.safe
    for bad in ([float("nan")], [], [0.1, 0.2]):
        sides.propose(*bad)
        sides.until(lambda: "action: " in sides.status.trouble)

    # Without commands, the safe command, again and again; it is another one for a silent plant.
    def comes(source, reason, meanwhile=lambda: None):
        sides.newest.pop("action")
        sides.newest.pop("intervention")

        def spin():
            meanwhile()
            ros.spin_once(sides.node, timeout_sec=0.01)

        def come():
            action, told = sides.newest.get("action"), sides.newest.get("intervention")
            return action and told and action.source == source and told.reason.startswith(reason)

        eventually(come, meanwhile=spin)

    comes(ri.Action.HOLD, "no observation for")
    comes(ri.Action.FALLBACK, "no command for", sides.observe)
    # Of a silent plant, too, nothing hides what else is wrong.
    comes(
        ri.Action.FALLBACK,
        "no observation for",
        lambda: sides.propose(0.0, source=ri.Action.FALLBACK),
    )
    sides.observe()

    # A person is heard instead of the controller.
    override = sides.publishers["action_override"].publish
    action = sides.passes(
        0.1,
        through=lambda: override(ri.Float64MultiArray(data=[-0.2])),
        condition=lambda a: a.source == ri.Action.OVERRIDE and a.values[0] == -0.2,
    )
    told = sides.until(
        lambda: (
            sides.newest["intervention"].reason == "a person commands"
            and sides.newest["intervention"]
        )
    )
    assert (list(told.proposed), list(told.values)) == ([], [-0.2])
    override(ri.Float64MultiArray(data=[]))
    sides.until(lambda: not sides.status.person)
    sides.passes(0.1, condition=lambda a: a.source == 0 and a.values[0] == 0.1)

    # An e-stop of each kind ends by arming only, and by that not while the button is pressed.
    press = sides.publishers["button"].publish
    for stop in (
        lambda: sides.publishers["estop"].publish(ri.Bool(data=True)),
        lambda: sides.call("stop"),
        lambda: press(ri.Bool(data=True)),
    ):
        stop()
        sides.until(lambda: sides.status.state == "stopped")
        sides.passes(0.1, condition=lambda a: a.source == ri.Action.FALLBACK and a.values[0] == 0.0)
        if sides.status.reason == "e-stop button":
            answer = sides.call("arm")
            assert (answer.success, answer.message) == (
                False, "estop_input: expected the button on 'button' released, got pressed",
            )  # fmt: skip
            press(ri.Bool(data=False))
        sides.until(lambda: sides.call("arm").success)
        sides.passes(0.1, condition=lambda a: a.source == 0)

    # Neither does an end of its process.
    sides.call("stop")
    os.kill(guard.pid, signal.SIGKILL)
    guard.wait()
    again = start()
    sides.newest.clear()
    sides.matched()
    sides.until(lambda: sides.status.state == "stopped")
    assert sides.status.reason == "e-stop by service"
    sides.until(lambda: sides.call("arm").success)
    sides.passes(0.1, condition=lambda a: a.source == 0)
    sides.newest.pop("action")
    again.send_signal(signal.SIGINT)
    sides.until(lambda: "action" in sides.newest)
    assert sides.newest["action"].source == ri.Action.FALLBACK
    assert again.wait(PATIENCE) == 0
    assert json.loads(kept.read_text())["running"] is False


def test_a_button_that_is_silent_arms_nothing(start, sides):
    start("estop_input_timeout:=0.5")
    sides.until(lambda: sides.status.state == "stopped")
    answer = sides.call("arm")
    assert not answer.success
    assert answer.message.startswith(
        "estop_input_timeout: expected the button on 'button' heard within 0.5 s, not heard for "
    )

    def release():
        sides.publishers["button"].publish(ri.Bool(data=False))
        return sides.call("arm")

    sides.until(lambda: release().success)
    # What is armed already is no trouble.
    assert release().message == "it was not stopped"
    assert release().success


def test_what_does_not_fit_is_refused_in_one_line(start):
    for parameter, message in (
        ("limits.of:=['wheel']", "limits.of: unknown dimension 'wheel'"),
        ("takeover.silence:=shrug", "safety_guard: parameter 'takeover.silence'"),
    ):
        _, err = start(parameter).communicate(timeout=PATIENCE)
        assert err.startswith(f"error: {message}")
        assert err.count("\n") == 1
