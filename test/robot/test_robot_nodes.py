"""The bridge and a stand-in as users run them: processes of their own, on the robot's topics."""

import functools
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from support.processes import die_with_parent
from support.stepping_clock import run_with_stepping_clock
from support.waiting import PATIENCE, eventually

ros = pytest.importorskip("mbrl_ros.ros")
ri = pytest.importorskip("mbrl_ros.ros.interfaces")

pytestmark = pytest.mark.process

ROBOTS = Path(__file__).parents[2] / "config" / "robots"
RIG = ROBOTS / "cartpole_rig.yaml"
JOY = ri.interface("sensor_msgs/msg/Joy")


@pytest.fixture(autouse=True)
def own_domain(monkeypatch, domain):
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")


@pytest.fixture
def start():
    processes = []

    def begin(*words):
        process = subprocess.Popen(
            [sys.executable, *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=die_with_parent,
        )
        processes.append(process)
        return process

    yield begin
    for process in processes:
        process.send_signal(signal.SIGCONT)
        process.kill()
        process.communicate()


def node(name, file, *parameters):
    words = ["-c", run_with_stepping_clock(name), "--ros-args", "--params-file", str(file)]
    return words + [word for each in parameters for word in ("-p", each)]


class Client:
    """A controller, and somebody who looks at the robot's topics; spins only while it waits."""

    def __init__(self):
        self.node = ros.Node("client")
        self.observations, self.forces, self.diagnostics = [], [], {}
        self.answer = None
        deep = ros.QoSProfile(depth=100)
        self.node.create_subscription(ri.Observation, "observation", self.on_observation, deep)
        self.node.create_subscription(
            ri.Float64MultiArray,
            "effort_controller/commands",
            lambda message: self.forces.append(message.data.tolist()),
            deep,
        )
        self.node.create_subscription(ri.DiagnosticArray, "/diagnostics", self.on_diagnostics, deep)
        self.actions = self.node.create_publisher(ri.Action, "action", ros.QoSProfile(depth=1))

    def on_observation(self, message):
        self.observations.append(message)
        if self.answer is not None:
            at = {"episode": message.episode, "step": message.step}
            self.actions.publish(ri.Action(values=[self.answer], **at))

    def on_diagnostics(self, message):
        self.diagnostics |= {entry.name: entry.message for entry in message.status}

    def until(self, condition, message="it did not happen"):
        spin = functools.partial(ros.spin_once, self.node, timeout_sec=0.02)
        return eventually(condition, PATIENCE, message, spin)

    def call(self, kind, name, request):
        client = self.node.create_client(kind, name)
        self.until(client.service_is_ready)
        answer = client.call_async(request)
        self.until(answer.done)
        return answer.result()


@pytest.fixture
def client():
    ros.init()
    client = Client()
    yield client
    client.node.destroy_node()
    ros.shutdown()


def test_a_rig_is_observed_and_commanded_by_its_own_topics(client, start):
    rig = start(*node("robot_standin", ROBOTS / "standins" / "cartpole_rig.yaml"))
    bridge = start(*node("robot_bridge", RIG))
    first = client.until(lambda: client.observations)[0]
    assert (first.step, first.action.tolist()) == (0, [0.0])
    assert abs(first.values[0]) < 0.5
    assert abs(abs(first.values[1]) - 3.14) < 0.5  # it hangs
    # Nothing of ours is on the robot's side.
    told = dict(client.node.get_publisher_names_and_types_by_node("robot_standin", "/"))
    heard = dict(client.node.get_subscriber_names_and_types_by_node("robot_standin", "/"))
    kinds = {kind for kinds in [*told.values(), *heard.values()] for kind in kinds}
    assert not any(kind.startswith("mbrl_ros/") for kind in kinds)
    # Answers are sent as the robot's own command, and reported as what acted.
    client.answer = 0.5
    client.until(lambda: [5.0] in client.forces)
    client.until(
        lambda: any(
            seen.action.tolist() == [0.5] and seen.action_step == seen.step - 2
            for seen in client.observations
        )
    )
    # A robot that has stopped: the safe command, no observation, and the reason.
    rig.send_signal(signal.SIGSTOP)
    client.until(lambda: client.forces[-1] == [0.0])
    client.until(lambda: "nothing heard for" in client.diagnostics.get("robot_bridge: joints", ""))
    last = client.observations[-1]
    rig.send_signal(signal.SIGCONT)
    client.until(lambda: client.observations[-1].step > last.step)
    gap = next(o for o in client.observations if o.step > last.step)
    assert gap.episode == last.episode
    assert gap.step > last.step + 1
    # A new episode begins where the robot's own service brings it.
    client.answer = None
    answer = client.call(ri.Reset, "robot_bridge/reset", ri.Reset.Request(seed=-1))
    assert answer.success
    client.until(lambda: client.observations[-1].episode == last.episode + 1)
    (end,) = [o for o in client.observations if o.truncated]
    begin = next(o for o in client.observations if o.episode > last.episode)
    assert (end.episode, begin.step) == (last.episode, 0)
    assert abs(begin.values[0]) < 0.5
    # The last thing that the robot hears is the safe command.
    client.answer = 1.0
    client.until(lambda: client.forces[-1] == [10.0])
    bridge.send_signal(signal.SIGTERM)
    client.until(lambda: bridge.poll() is not None)
    client.until(lambda: client.forces[-1] == [0.0])
    assert bridge.returncode == 0
    assert "Traceback" not in bridge.stdout.read()


def test_a_robot_is_checked_before_it_moves(client, start):
    """A driver of 10 Hz, best effort, that tells degrees; and a controller of two joints."""
    controller = ros.Node("effort_controller")
    controller.declare_parameter("joints", ["slider", "pole"])
    sensor = ros.QoSProfile(depth=1, reliability=ros.ReliabilityPolicy.BEST_EFFORT)
    driver = client.node.create_publisher(ri.JointState, "joint_states", sensor)
    over = threading.Event()

    def drive():
        while not over.wait(0.1):
            stamp = client.node.get_clock().now().to_msg()
            driver.publish(
                ri.JointState(
                    header=ri.Header(stamp=stamp),
                    name=["pole", "slider"],
                    position=[180.0, 0.1],
                    velocity=[0.0, 0.0],
                )
            )

    thread = threading.Thread(target=drive)
    thread.start()
    words = ["-m", "mbrl_ros.cli", "robot", "check", str(RIG), "joints.rate:=0.0"]
    check = start(*words)
    spin = functools.partial(ros.spin_once, controller, timeout_sec=0.02)
    eventually(lambda: check.poll() is not None, PATIENCE, "it goes on", spin)
    over.set()
    thread.join()
    controller.destroy_node()
    output = check.stdout.read()
    lines = output.splitlines()
    assert check.returncode == 1, output
    (rate,) = [line for line in lines if line.endswith("expected 25 Hz (period 0.04 s)")]
    assert rate.startswith("error: joints (joint_states): ")
    assert (
        "suspect: joints.position[pole] is 180: degrees or millimetres? expected rad or m" in lines
    )
    assert (
        "error: effort: 1 numbers are sent, expected one for each of the controller's joints, "
        "slider, pole"
    ) in lines
    assert "  cart_position = 0.1  (joints.position[slider])" in lines
    # The client itself hears the commands: not one of them came.
    assert client.forces == []


def test_a_camera_is_seen_and_missed(client, start):
    image = ri.interface("sensor_msgs/msg/Image")
    seen = {"observation.images": "[front]", "cameras": "[front]", "front.topic": "front/image_raw"}
    seen |= {"front.type": "sensor_msgs/msg/Image", "joints.rate": "0.0"}
    start(*node("robot_bridge", RIG, *(f"{name}:={value}" for name, value in seen.items())))
    frames = []
    deep = ros.QoSProfile(depth=100)
    client.node.create_subscription(ri.Frame, "frame", frames.append, deep)
    driver = client.node.create_publisher(ri.JointState, "joint_states", deep)
    camera = client.node.create_publisher(image, "front/image_raw", ros.QoSProfile(depth=1))
    shows = True

    def until(condition):
        def drive():
            header = ri.Header(stamp=client.node.get_clock().now().to_msg())
            places = {"name": ["slider", "pole"], "position": [0.0, 3.1], "velocity": [0.0, 0.0]}
            driver.publish(ri.JointState(header=header, **places))
            if shows:
                grey = {"height": 48, "width": 64, "encoding": "mono8", "step": 64}
                camera.publish(image(header=header, data=[77] * 64 * 48, **grey))
            ros.spin_once(client.node, timeout_sec=0.01)

        return eventually(condition, PATIENCE, "it did not happen", drive)

    until(lambda: len(frames) > 3)
    told = {(o.episode, o.step) for o in client.observations}
    assert {(f.episode, f.step) for f in frames[:-1]} <= told
    assert (frames[0].camera, frames[0].width, frames[0].height) == ("front", 64, 64)
    shows = False
    until(lambda: "nothing heard for" in client.diagnostics.get("robot_bridge: front", ""))
    before = len(client.observations)
    until(lambda: "nothing heard for" in client.diagnostics["robot_bridge: commands"])
    assert len(client.observations) - before <= 1


def test_a_mapping_that_does_not_fit_ends_the_node(start):
    bridge = start(*node("robot_bridge", RIG, "joints.type:=sensor_msgs/msg/JointStates"))
    output, _ = bridge.communicate(timeout=PATIENCE)
    assert bridge.returncode == 2
    assert output.startswith("error: joints.type: expected a message that is installed")
    assert output.count("\n") == 1


PERSON = """
/**:
  ros__parameters:
    period: 0.04
    observation: {names: [cart_position, pole_angle, cart_velocity, pole_velocity]}
    action: {names: [motor], low: [-1.0], high: [1.0]}
teleop:
  ros__parameters:
    sources: [pad]
    pad: {topic: joy, type: sensor_msgs/msg/Joy, rate: 50.0}
    actions: ["motor = 0.5 * pad.axes[1]"]
    held: pad.buttons[4]
    good: pad.buttons[0]
    reset: pad.buttons[2]
"""


def test_a_person_drives_pays_resets_and_is_missed(client, start, tmp_path):
    """A joystick goes before the controller, and its node may be killed."""
    file = tmp_path / "person.yaml"
    file.write_text(PERSON)
    start(*node("robot_standin", ROBOTS / "standins" / "cartpole_rig.yaml"))
    start(*node("robot_bridge", RIG, "feedback:=true"))
    start(*node("safety_guard", RIG, "takeover.silence:=stop"))
    teleop = start(*node("teleop", file))
    joystick = client.node.create_publisher(JOY, "joy", ros.QoSProfile(depth=1))
    latched = ros.QoSProfile(depth=1, durability=ros.DurabilityPolicy.TRANSIENT_LOCAL)
    status, acted = [], []
    client.node.create_subscription(ri.GuardStatus, "guard_status", status.append, latched)
    client.node.create_subscription(ri.Action, "action", acted.append, ros.QoSProfile(depth=100))
    client.actions = client.node.create_publisher(
        ri.Action, "action_proposed", ros.QoSProfile(depth=1)
    )
    client.answer = 0.25

    def until(condition, *pressed):
        def hold():
            buttons = [int(i in pressed) for i in range(5)]
            stamp = client.node.get_clock().now().to_msg()
            joystick.publish(JOY(header=ri.Header(stamp=stamp), axes=[0.0, -0.8], buttons=buttons))
            ros.spin_once(client.node, timeout_sec=0.01)

        return eventually(condition, PATIENCE, "it did not happen", hold)

    def applied(value):
        seen = client.observations
        return seen and seen[-1].action.tolist() == pytest.approx([value])

    until(lambda: applied(0.25))
    until(lambda: applied(-0.4), 4)
    assert acted[-1].source == ri.Action.OVERRIDE
    until(lambda: status[-1].person, 4)
    until(lambda: any(seen.reward == 1.0 for seen in client.observations), 0, 4)
    assert sum(seen.reward for seen in client.observations if seen.reward == seen.reward) == 1.0
    until(lambda: applied(0.25))
    until(lambda: client.observations[-1].episode == 1, 2)
    # A joystick's node that dies is no hand-back.
    until(lambda: applied(-0.4), 4)
    teleop.kill()
    until(lambda: status[-1].state == "stopped", 4)
    assert status[-1].reason.startswith("the person has been silent for")
    until(lambda: applied(0.0), 4)


def test_two_robots_on_one_network_do_not_mix(client, start, tmp_path):
    forces = {"left": [], "right": []}
    seen = {"left": [], "right": []}
    for side in forces:
        for name, file in (
            ("robot_standin", ROBOTS / "standins" / "cartpole_rig.yaml"),
            ("robot_bridge", RIG),
        ):
            own = tmp_path / f"{side}_{name}.yaml"
            text = re.sub(rf"^{name}:", f"/{side}/{name}:", file.read_text(), flags=re.M)
            own.write_text(text.replace("model: ", f"model: {file.parent}/"))
            start(*node(name, own), "-r", f"__ns:=/{side}")
        deep = ros.QoSProfile(depth=100)
        for topic, kind, told in (
            ("effort_controller/commands", ri.Float64MultiArray, forces[side]),
            ("observation", ri.Observation, seen[side]),
        ):
            client.node.create_subscription(kind, f"{side}/{topic}", told.append, deep)
    client.until(lambda: seen["left"] and seen["right"])
    actions = client.node.create_publisher(ri.Action, "left/action", ros.QoSProfile(depth=1))
    before = len(seen["right"])

    def drive():
        at = {"episode": seen["left"][-1].episode, "step": seen["left"][-1].step}
        actions.publish(ri.Action(values=[0.5], **at))
        return len(seen["right"]) > before + 10 and forces["left"][-1].data.tolist() == [5.0]

    client.until(drive)
    client.until(lambda: drive() and seen["left"][-1].action.tolist() == [0.5])
    # One is pushed, and where it is tells so; the other stays where it hangs.
    client.until(lambda: drive() and seen["left"][-1].values[0] > seen["left"][0].values[0] + 0.1)
    assert {tuple(message.data.tolist()) for message in forces["right"]} == {(0.0,)}
    assert abs(seen["right"][-1].values[0] - seen["right"][0].values[0]) < 0.05
    # Ends of episodes are its own, too.
    answer = client.call(ri.Reset, "left/robot_bridge/reset", ri.Reset.Request(seed=-1))
    assert answer.success
    client.until(lambda: seen["left"][-1].episode == 1)
    assert {message.episode for message in seen["right"]} == {0}
