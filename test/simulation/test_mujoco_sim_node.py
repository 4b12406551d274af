"""The node as users run it: a process of its own, spoken to over DDS."""

import itertools
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from support.waiting import PATIENCE, eventually, wait_until

from mbrl_ros.data.frames import decode
from mbrl_ros.data.messages import read_frame

ros = pytest.importorskip("mbrl_ros.ros")
ri = pytest.importorskip("mbrl_ros.ros.interfaces")

pytestmark = [pytest.mark.process, pytest.mark.alone]

CONFIG = Path(__file__).parents[2] / "config"
RUN = "import sys; from mbrl_ros.nodes.mujoco_sim import main; sys.exit(main())"


@pytest.fixture(autouse=True)
def own_domain(monkeypatch, domain):
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")


def started(*parameters, task="cartpole_swingup", file=None):
    """Start the node's process with parameters such as ``lock_step:=true``."""
    arguments = ["--ros-args", "--params-file", str(file or CONFIG / f"{task}.yaml")]
    for parameter in parameters:
        arguments += ["-p", parameter]
    # The process chooses its graphics itself, not as the tests' process did.
    environment = {k: v for k, v in os.environ.items() if k != "MUJOCO_GL"}
    return subprocess.Popen(
        [sys.executable, "-c", RUN, *arguments],
        env=environment,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


class Client:
    """A controller and a user in one; spins only while it waits."""

    def __init__(self):
        self.node = ros.Node("client")
        self.observations, self.clocks, self.joints, self.images = [], [], [], []
        self.frames = []
        self.answer = None
        deep = ros.QoSProfile(depth=100)
        self.node.create_subscription(ri.Observation, "observation", self.on_observation, deep)
        self.node.create_subscription(ri.Clock, "/clock", self.clocks.append, deep)
        self.node.create_subscription(ri.JointState, "joint_states", self.joints.append, deep)
        self.node.create_subscription(ri.Image, "image", self.images.append, deep)
        self.node.create_subscription(ri.Frame, "frame", self.frames.append, deep)
        self.actions = self.node.create_publisher(ri.Action, "action", ros.QoSProfile(depth=1))
        self.services = {
            "reset": self.node.create_client(ri.Reset, "mujoco_sim/reset"),
            "pause": self.node.create_client(ri.SetBool, "mujoco_sim/pause"),
            "step": self.node.create_client(ri.Step, "mujoco_sim/step"),
            "set": self.node.create_client(
                ri.SetParametersAtomically, "mujoco_sim/set_parameters_atomically"
            ),
            "get": self.node.create_client(ri.GetParameters, "mujoco_sim/get_parameters"),
        }

    def on_observation(self, message):
        self.observations.append(message)
        if self.answer is not None:
            self.send(message, self.answer)

    def send(self, message, values, source=0):
        self.actions.publish(
            ri.Action(values=values, episode=message.episode, step=message.step, source=source)
        )

    def call(self, name, request):
        client = self.services[name]
        assert client.wait_for_service(timeout_sec=PATIENCE)
        future = client.call_async(request)
        ros.spin_until_future_complete(self.node, future, timeout_sec=PATIENCE)
        assert future.done()
        return future.result()

    def set(self, **physics):
        parameters = [ros.Parameter(f"physics.{n}", value=v) for n, v in physics.items()]
        messages = [parameter.to_parameter_msg() for parameter in parameters]
        return self.call("set", ri.SetParametersAtomically.Request(parameters=messages)).result

    def spin(self, seconds):
        wait_until(lambda: False, seconds, self._spin_once)

    def until(self, condition):
        eventually(condition, meanwhile=self._spin_once)

    def _spin_once(self):
        ros.spin_once(self.node, timeout_sec=0.02)

    def steps(self):
        """Observations without repetitions."""
        unique = {(o.episode, o.step): o for o in self.observations}
        return [unique[key] for key in sorted(unique)]


@pytest.fixture
def client():
    ros.init()
    client = Client()
    yield client
    client.node.destroy_node()
    ros.shutdown()


@pytest.fixture
def start():
    processes = []

    def begin(*parameters, **options):
        processes.append(started(*parameters, **options))
        return processes[-1]

    yield begin
    for process in processes:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        try:
            _, errors = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        assert "Traceback" not in errors, errors


def seconds(stamp):
    return stamp.sec + 1e-9 * stamp.nanosec


def test_real_time(client, start):
    process = start("seed:=3")
    client.answer = [0.5]
    client.until(lambda: len(client.observations) >= 30)
    seen = client.steps()
    last = seen[-1]
    # The answer to one observation is applied from the next one on, if it comes in time.
    assert [0.5] in [list(o.action) for o in seen if o.action_step == o.step - 2]
    assert not [o for o in seen if o.action_step > o.step - 2 and o.step > 1]
    assert len(last.values) == 5
    stamps = [seconds(o.header.stamp) for o in seen]
    assert all(b - a == pytest.approx(0.04) for a, b in itertools.pairwise(stamps))
    assert client.clocks
    assert list(client.joints[-1].name) == ["slider", "hinge_1"]
    assert client.joints[-1].position[0] in [o.values[0] for o in seen]

    # The controller dies: the safe command, after the timeout.
    client.answer = None
    client.spin(0.6)
    assert list(client.observations[-1].action) == [0.0]
    assert client.observations[-1].action_step == -1

    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE) == 0


def test_lock_step_waits_and_a_late_controller_gets_it_going(client, start):
    start("lock_step:=true")
    client.until(lambda: len(client.observations) >= 2)
    assert {(o.episode, o.step) for o in client.observations} == {(0, 0)}
    client.answer = [0.1]
    client.until(lambda: len(client.steps()) >= 300)
    # Faster than real time, and every observation answered.
    assert all(o.action_step == o.step - 1 for o in client.steps() if o.step > 0)
    times = [seconds(c.clock) for c in client.clocks]
    assert times == sorted(times)
    assert client.steps()[-1].episode >= 1


def test_services(client, start):
    start()
    client.until(lambda: len(client.observations) >= 5)
    refused = client.call("step", ri.Step.Request(steps=2))
    assert not refused.success
    assert "not paused" in refused.message

    assert client.call("pause", ri.SetBool.Request(data=True)).success
    client.spin(0.2)
    stands = client.observations[-1].step
    client.spin(0.7)
    assert client.observations[-1].step == stands
    assert client.call("step", ri.Step.Request(steps=3)).success
    client.until(lambda: client.observations[-1].step == stands + 3)

    refused = client.call("reset", ri.Reset.Request(seed=2**40))
    assert not refused.success
    assert "seed: expected at most" in refused.message
    before = seconds(client.clocks[-1].clock)
    assert client.call("reset", ri.Reset.Request(seed=7)).success
    client.until(lambda: client.observations[-1].episode == 1)
    first = list(client.observations[-1].values)
    assert client.call("pause", ri.SetBool.Request(data=False)).success
    assert client.call("reset", ri.Reset.Request(seed=7)).success
    client.until(lambda: client.observations[-1].episode == 2)
    assert list(next(o for o in client.steps() if o.episode == 2).values) == first
    assert next(o for o in reversed(client.steps()) if o.episode == 1).truncated
    assert seconds(client.clocks[-1].clock) > before


def test_a_paused_plant_heeds_an_estop_at_once_and_the_silence_that_it_causes_never(client, start):
    start()
    client.answer = [0.1]
    client.until(lambda: client.observations and client.observations[-1].action_step > 0)
    client.answer = None
    assert client.call("pause", ri.SetBool.Request(data=True)).success

    def step(source):
        """Say something else while it stands still, and take a step."""
        client.spin(0.2)
        stands = client.observations[-1]
        client.send(stands, [0.3], source)
        client.spin(0.1)
        assert client.call("step", ri.Step.Request(steps=1)).success
        client.until(lambda: client.observations[-1].step > stands.step)
        return client.observations[-1]

    for _ in range(3):
        # What was said before, until that is too old.
        seen = step(ri.Action.HOLD)
        assert (list(seen.action), seen.action_step < seen.step - 1) in (
            ([0.1], True),
            ([0.0], True),
        )
    eventually(
        lambda: (
            (seen := step(ri.Action.FALLBACK)).action_step == seen.step - 1
            and list(seen.action) == [0.0]
        )
    )


def test_physics_change_while_it_runs(client, start):
    start("lock_step:=true")
    client.until(lambda: client.observations)

    def gained_speed():
        """Reset to the same state, push once, and return by how much the cart sped up."""
        episode = client.steps()[-1].episode + 1
        assert client.call("reset", ri.Reset.Request(seed=7)).success
        client.until(lambda: client.steps()[-1].episode == episode)
        client.send(client.steps()[-1], [1.0])
        client.until(lambda: client.steps()[-1].step == 1)
        before, after = client.steps()[-2:]
        return after.values[3] - before.values[3]

    plain = gained_speed()
    assert plain > 0.3
    assert client.set(gain_scale=0.6).successful
    assert gained_speed() == pytest.approx(0.6 * plain, rel=0.02)

    refused = client.set(gain_scale=1.0, mass_scale=2.0, bodies=["pole"])
    assert not refused.successful
    assert "physics.bodies" in refused.reason
    assert "it has: cart, pole_1" in refused.reason
    assert not client.set(gain_scale=0.0).successful
    names = ["physics.gain_scale", "physics.mass_scale"]
    got = client.call("get", ri.GetParameters.Request(names=names))
    assert [value.double_value for value in got.values] == [0.6, 1.0]
    assert gained_speed() == pytest.approx(0.6 * plain, rel=0.02)

    assert client.set(gain_scale=1.0, mass_scale=4.0, bodies=["cart"]).successful
    assert gained_speed() < 0.5 * plain
    assert client.set(mass_scale=1.0).successful
    assert gained_speed() == plain


def test_malformed_actions_are_warned_of_and_change_nothing(client, start):
    process = start("lock_step:=true")
    client.until(lambda: client.observations)
    for values in ([], [0.1, 0.2], [float("nan")]):
        client.send(client.observations[-1], values)
        client.spin(0.2)
    assert client.observations[-1].step == 0
    client.send(client.observations[-1], [0.2])
    client.until(lambda: client.observations[-1].step == 1)
    process.send_signal(signal.SIGINT)
    output = "".join(process.communicate(timeout=PATIENCE))
    assert output.count("refused action: expected 1 values (motor)") == 1


def test_camera_and_video(client, start, tmp_path, graphics_library):
    process = start(
        "lock_step:=true",
        "camera.rate:=25.0",
        "camera.width:=64",
        "camera.height:=48",
        "camera.video:=true",
        f"run_dir:={tmp_path}",
    )
    client.answer = [0.5]
    client.until(lambda: len(client.images) >= 5)
    image = client.images[-1]
    assert (image.width, image.height, image.step, image.encoding) == (64, 48, 192, "rgb8")
    assert len(image.data) == 64 * 48 * 3
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE) == 0
    assert next(tmp_path.glob("video.*")).stat().st_size > 0


@pytest.mark.parametrize("encoding", ["png", "jpeg"])
def test_in_lock_step_every_observation_has_its_frame(client, start, encoding, graphics_library):
    size = ("camera.width:=64", "camera.height:=48")
    start("lock_step:=true", "camera.rate:=25.0", f"camera.encoding:={encoding}", *size)
    # Until somebody answers, the observation is repeated and its frame too, for who joins late.
    client.until(lambda: len(client.frames) >= 2)
    assert all(frame == client.frames[0] for frame in client.frames)
    (first,), repeats = client.steps(), len(client.frames)
    client.answer = [0.5]
    client.send(first, client.answer)
    client.until(lambda: len(client.frames) >= repeats + 60)
    client.answer = None
    client.until(lambda: client.steps()[-1].step == client.frames[-1].step)
    unique = {(f.episode, f.step): f for f in client.frames}
    assert list(unique) == [(0, step) for step in range(len(unique))]
    assert all(f == unique[f.episode, f.step] for f in client.frames)
    for seen in client.steps():
        frame = unique[0, seen.step]
        assert frame.header.stamp == seen.header.stamp
        assert (frame.camera, frame.encoding) == ("fixed", encoding)
        assert decode(read_frame(frame)).shape == (48, 64, 3)
    # What is sent is what was seen: the raw images have the same stamps.
    if encoding == "png":
        for image in client.images:
            step = round(seconds(image.header.stamp) / 0.04) - 1
            assert decode(read_frame(unique[0, step])).tobytes() == bytes(image.data)


def test_an_error_in_a_task_ends_the_process(arm_file, tmp_path):
    (tmp_path / "task.py").write_text(
        "def observation(model, data):\n    assert data.time < 0.1, 'nose'\n    return data.qpos\n"
    )
    file = tmp_path / "arm.yaml"
    shared = {
        "period": 0.01,
        "observation": {"names": ["angle"]},
        "action": {"names": ["torque"], "low": [-2.0], "high": [2.0]},
    }
    own = {"environment": str(arm_file), "task_module": str(tmp_path / "task.py")}
    tree = {"/**": {"ros__parameters": shared}, "mujoco_sim": {"ros__parameters": own}}
    file.write_text(yaml.safe_dump(tree))
    process = started(file=file)
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    told = errors.splitlines()[-1]
    assert "the simulation stopped: PlantError: " in told
    assert f"observation: AssertionError: nose ({tmp_path / 'task.py'}:2)" in told


@pytest.mark.parametrize(
    ("mujoco_sim", "words"),
    [
        ({"environment": "NoSuch-v0"}, "environment 'NoSuch-v0'"),
        ({"action_repeat": 3}, "period: environment"),
        ({"actoin_repeat": 4}, "unknown parameter 'actoin_repeat'"),
        ({"action_repeat": "four"}, "parameter 'action_repeat'"),
        ({"physics": {"bodies": ["pole"]}}, "physics.bodies: environment"),
        ({"physics": {"gain_scale": 0.0}}, "parameter 'physics.gain_scale'"),
        ({"camera": {"encoding": "gif"}}, "parameter 'camera.encoding': expected one of png, jpeg"),
        ({"camera": {"rate": 10.0, "video": True}}, "camera.video: needs run_dir"),
    ],
)
def test_bad_parameters_end_the_process_with_one_line(start, tmp_path, mujoco_sim, words):
    tree = yaml.safe_load((CONFIG / "cartpole_swingup.yaml").read_text())
    tree["mujoco_sim"]["ros__parameters"].update(mujoco_sim)
    file = tmp_path / "bad.yaml"
    file.write_text(yaml.safe_dump(tree))
    process = started(file=file)
    output, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 2, output + errors
    assert words in errors
    assert len(errors.strip().splitlines()) == 1


def test_a_plant_of_an_old_api_is_refused_by_the_node(tmp_path):
    (tmp_path / "old_tank.py").write_text(
        "import gymnasium, numpy\n"
        "class Tank(gymnasium.Env):\n"
        "    dt = 0.1\n"
        "    observation_space = gymnasium.spaces.Box(-1, 1, (1,))\n"
        "    action_space = gymnasium.spaces.Box(-1, 1, (1,))\n"
        "    def reset(self, seed=None, options=None): return numpy.zeros(1), {}\n"
        "    def step(self, action): return numpy.zeros(1), 0.0, False, {}\n"
        "gymnasium.register('OldTank-v0', Tank)\n"
    )
    file = tmp_path / "tank.yaml"
    file.write_text(
        "/**: {ros__parameters: {period: 0.1, observation: {names: [x]},\n"
        "  action: {names: [u], low: [-1.0], high: [1.0]}}}\n"
        "mujoco_sim: {ros__parameters: {environment: 'old_tank:OldTank-v0'}}\n"
    )
    process = started(file=file)
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 2
    assert errors.splitlines()[-1].startswith("error: step of environment '")
    assert "returned 4 values, expected 5" in errors
