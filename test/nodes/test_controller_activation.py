"""What the controller needs before it commands, and what it sends last: a process and a plant."""

import functools
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support.linear import exact_model
from support.processes import die_with_parent
from support.stepping_clock import run_with_stepping_clock
from support.waiting import eventually

from mbrl_ros.core.records import Frame
from mbrl_ros.core.settings import build
from mbrl_ros.core.signing import signature_of
from mbrl_ros.core.task import TaskSettings
from mbrl_ros.data.frames import encode
from mbrl_ros.data.messages import signed_content
from mbrl_ros.models.checkpoint import save
from mbrl_ros.models.packing import pack
from mbrl_ros.system.configuration import read_task
from mbrl_ros.system.graduation_stamp import file_digest

ros = pytest.importorskip("mbrl_ros.ros")
ri = pytest.importorskip("mbrl_ros.ros.interfaces")
frame_message = pytest.importorskip("mbrl_ros.nodes.record_messages").frame_message
FRAMES = pytest.importorskip("mbrl_ros.nodes.qos").FRAMES

pytestmark = [pytest.mark.process, pytest.mark.alone]

CONFIG = Path(__file__).parents[2] / "config" / "pendulum_swingup.yaml"
RUN = run_with_stepping_clock("mpc_controller")
LATCHED = ros.QoSProfile(depth=1, durability=ros.DurabilityPolicy.TRANSIENT_LOCAL)


BLACK = np.zeros((32, 32, 3), np.uint8)


class Plant:
    """Tells where it is, as often as it is asked, and what its guard is."""

    def __init__(self):
        self.node, self.step = ros.Node("plant"), 0
        self.commands, self.status = [], None
        deep = ros.QoSProfile(depth=100)
        self.node.create_subscription(ri.Action, "action_proposed", self.commands.append, deep)
        self.node.create_subscription(
            ri.ControllerStatus, "controller_status", lambda m: setattr(self, "status", m), deep
        )
        self.shows = False
        self.frames = self.node.create_publisher(ri.Frame, "frame", deep)
        self.observations = self.node.create_publisher(ri.Observation, "observation", deep)
        self.guard = self.node.create_publisher(ri.GuardStatus, "guard_status", LATCHED)

    def observe(self):
        self.step += 1
        self.observations.publish(
            ri.Observation(step=self.step, values=[1.0, 0.0, 0.0], action=[0.0])
        )
        if self.shows:
            frame = Frame(0, self.step, "top", "png", 32, 32, encode(BLACK, "png"))
            self.frames.publish(frame_message(frame))
        for _ in range(3):
            ros.spin_once(self.node, timeout_sec=0.01)

    def until(self, condition):
        return eventually(condition, meanwhile=self.observe)

    def change(self, transition):
        client = self.node.create_client(ri.ChangeState, "mpc_controller/change_state")
        self.until(client.service_is_ready)
        request = ri.ChangeState.Request()
        request.transition.id = transition
        future = client.call_async(request)
        self.until(future.done)
        return future.result().success

    def arm(self):
        client = self.node.create_client(ri.Trigger, "mpc_controller/arm")
        self.until(client.service_is_ready)
        future = client.call_async(ri.Trigger.Request())
        self.until(future.done)
        return future.result().success, future.result().message


@pytest.fixture
def plant(domain, monkeypatch):
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    ros.init()
    made = Plant()
    yield made
    made.node.destroy_node()
    ros.shutdown()


@pytest.fixture
def start(tmp_path):
    made = []

    def begin(*parameters):
        log = (tmp_path / f"{len(made)}.log").open("w")
        words = [word for each in parameters for word in ("-p", each)]
        made.append(
            subprocess.Popen(
                [sys.executable, "-c", RUN, "--ros-args", "--params-file", str(CONFIG), *words],
                stdout=log, stderr=log, preexec_fn=die_with_parent,
            )
        )  # fmt: skip
        return made[-1], Path(log.name)

    yield begin
    for process in made:
        process.kill()
        process.wait()


def test_who_arms_it_is_told_whether_the_guard_arms(start, plant):
    start()
    assert plant.arm() == (True, "there was no e-stop")
    stop = plant.node.create_publisher(ri.Bool, "estop", LATCHED)
    stop.publish(ri.Bool(data=True))
    plant.until(lambda: plant.status is not None and plant.status.estopped)
    said = []

    async def guard(request, response):
        if not said:
            await ros.Future()  # for ever
        response.success, response.message = said.pop()
        return response

    service = plant.node.create_service(ri.Trigger, "safety_guard/arm", guard)
    refused = "the guard does not arm: "
    plant.until(lambda: plant.arm() == (False, f"{refused}no answer within 2 s"))
    said.append((False, "estop_input: pressed"))
    assert plant.arm() == (False, f"{refused}estop_input: pressed")
    said.append((True, "armed"))
    assert plant.arm() == (True, "there was no e-stop")
    plant.node.destroy_service(service)


def test_it_needs_an_armed_guard_and_sends_the_safe_command_last(start, plant):
    plant.guard.publish(ri.GuardStatus(state="stopped", reason="button"))
    process, log = start("needs_limits:=true", "limits.forbidden:=['pole_velocity - 20']")
    spin = functools.partial(ros.spin_once, plant.node, timeout_sec=0.01)
    eventually(plant.guard.get_subscription_count, meanwhile=spin)
    for _ in range(20):
        plant.observe()
    assert not plant.change(3)  # activate
    told = "not activated: the guard is stopped (button) until ~/arm is called"
    assert told in log.read_text()
    assert plant.commands == []

    plant.guard.publish(ri.GuardStatus(state="armed"))
    plant.until(lambda: plant.commands and plant.commands[-1].source == ri.Action.EXPLORATION)
    assert plant.change(4)  # deactivate
    plant.until(lambda: plant.status is not None and plant.status.state == "inactive")
    assert plant.commands[-1].source == ri.Action.FALLBACK
    silent = len(plant.commands)
    for _ in range(20):
        plant.observe()
    assert len(plant.commands) == silent
    assert plant.change(3)
    plant.until(lambda: plant.commands[-1].source == ri.Action.EXPLORATION)
    process.send_signal(signal.SIGTERM)
    eventually(lambda: process.poll() is not None, meanwhile=spin)
    assert process.returncode == 0
    assert plant.commands[-1].source == ri.Action.FALLBACK


def test_a_robot_needs_limits(start, plant):
    plant.guard.publish(ri.GuardStatus(state="armed"))
    _, log = start("needs_limits:=true")
    plant.until(lambda: "no limits: expected limits.of, limits.forbidden or" in log.read_text())
    assert plant.commands == []


def test_an_observation_counts_only_with_what_its_camera_shows(plant, start):
    plant.guard.publish(ri.GuardStatus(state="armed"))
    process, log = start("learner:=rssm", "observation.images:=[top]", "observation.image_size:=32")
    plant.until(lambda: plant.status is not None)
    for _ in range(20):
        plant.observe()
    assert plant.commands == []
    plant.shows = True
    plant.until(lambda: len(plant.commands) > 3)
    assert {command.step for command in plant.commands} <= set(range(20, plant.step + 1))
    told = plant.status.ticks
    plant.shows = False  # the camera fails: the last command is a safe one
    plant.until(lambda: plant.commands[-1].values[0] == 0.0 and plant.status.ticks > told)
    plant.until(lambda: "no frame of camera 'top' came" in plant.status.reason)
    # It ends cleanly while somebody listens to what its model would see.
    looks = plant.node.create_subscription(ri.Frame, "reconstruction", list, FRAMES)
    told = plant.status.ticks
    plant.until(lambda: looks.get_publisher_count() and plant.status.ticks > told)
    process.send_signal(signal.SIGTERM)
    plant.until(lambda: process.poll() is not None)
    assert process.returncode == 0, log.read_text()


def test_only_models_that_are_signed_are_used(start, plant, tmp_path):
    ed25519 = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.ed25519")
    serialization = pytest.importorskip("cryptography.hazmat.primitives.serialization")
    private, pem = ed25519.Ed25519PrivateKey.generate(), serialization.Encoding.PEM
    public = serialization.PublicFormat.SubjectPublicKeyInfo
    file = tmp_path / "public.pem"
    file.write_bytes(private.public_key().public_bytes(pem, public))
    task = build(TaskSettings, read_task("pendulum_swingup").shared)
    model = exact_model(
        np.eye(3), np.zeros((3, 1)), task.action_space(), task.observation_space(), members=2
    )
    update = pack(model)
    message = ri.ModelUpdate(kind=update.kind, settings=update.settings, epoch=1, sequence=1)
    for name, part in update.parts.items():
        message.parts.append(ri.ModelPart(name=name, weights=part.weights, sha256=part.sha256))
    good = signature_of(signed_content(message), private)
    models = plant.node.create_publisher(ri.ModelUpdate, "model", LATCHED)
    plant.guard.publish(ri.GuardStatus(state="armed"))
    _, log = start(f"model_key:={file}", "autotune:=false")
    told = f"model refused: it is not signed with the key of {file}"
    models.publish(message)  # by nobody
    plant.until(lambda: told in log.read_text())
    message.signature, message.sequence = good, 2  # an old one, replayed as a newer one
    models.publish(message)
    plant.until(lambda: plant.commands)
    assert {command.model_sequence for command in plant.commands} == {0}
    message.sequence = 1
    models.publish(message)
    plant.until(lambda: plant.commands[-1].model_sequence == 1)


def test_it_acts_with_the_model_of_its_file_and_with_no_other(start, plant, tmp_path):
    task = build(TaskSettings, read_task("pendulum_swingup").shared)
    model = exact_model(
        np.eye(3), np.zeros((3, 1)), task.action_space(), task.observation_space(), members=2
    )
    file = tmp_path / "model.safetensors"
    save(pack(model), file)
    process, log = start(f"model_file:={file}", f"model_sha256:={'f' * 64}")
    eventually(lambda: process.poll() is not None)
    assert process.returncode == 2
    assert "another model" in log.read_text()
    models = plant.node.create_publisher(ri.ModelUpdate, "model", LATCHED)
    models.publish(ri.ModelUpdate(kind="ensemble"))
    plant.guard.publish(ri.GuardStatus(state="armed"))
    digest = file_digest(file)
    _, log = start(f"model_file:={file}", f"model_sha256:={digest}", "autotune:=false")
    # A tick without the time to plan answers by no model.
    safe = (ri.Action.HOLD, ri.Action.FALLBACK)
    told = f"model refused: it acts with {file} only"
    plant.until(lambda: told in log.read_text())
    plant.until(lambda: len([c for c in plant.commands if c.source not in safe]) > 3)
    decided = [command for command in plant.commands if command.source not in safe]
    assert {command.model_sequence for command in decided} == {1}
