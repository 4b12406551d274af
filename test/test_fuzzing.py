"""Whatever comes over the network or stands in a file: refused in words, and nothing breaks."""

import contextlib
import functools
import hashlib
import json
import math
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from support.messages import cdr, header, make, topic

from mbrl_ros.control.frames import FrameJoiner
from mbrl_ros.core.parameter_files import read_sections
from mbrl_ros.core.records import Frame, Observation
from mbrl_ros.core.settings import build
from mbrl_ros.core.spaces import Space
from mbrl_ros.core.task import TaskSettings
from mbrl_ros.data.bag_records import read_transitions
from mbrl_ros.data.bags import read_messages
from mbrl_ros.data.finishing import recover
from mbrl_ros.data.frames import encode
from mbrl_ros.data.pairing import TransitionPairer
from mbrl_ros.data.recorder import Recorder
from mbrl_ros.data.transitions import Transitions
from mbrl_ros.models import checkpoint
from mbrl_ros.models.dynamics_model import DynamicsModel
from mbrl_ros.models.ensemble.settings import EnsembleSettings
from mbrl_ros.models.packing import pack, unpack
from mbrl_ros.models.update import ModelPart, ModelUpdate
from mbrl_ros.objectives.content import read_content
from mbrl_ros.objectives.document import read_objective
from mbrl_ros.objectives.objective_manager import ObjectiveManager
from mbrl_ros.objectives.objective_set import ObjectiveSet
from mbrl_ros.objectives.sequence import Waypoint
from mbrl_ros.robot.images import read_image
from mbrl_ros.robot.plant import RobotPlant
from mbrl_ros.robot.settings import bridge_settings, teleop_settings
from mbrl_ros.robot.teleoperation import Teleoperation
from mbrl_ros.ros.interfaces import Header, JointState, Time, interface
from mbrl_ros.safety.guard import Guard
from mbrl_ros.safety.settings import GuardSettings
from mbrl_ros.system.task_file import parse_task

hypothesis = pytest.importorskip("hypothesis")
st = hypothesis.strategies

# The same examples each time, and few enough for the suite.
fuzz = hypothesis.settings(
    max_examples=30, deadline=None, derandomize=True, database=None,
    suppress_health_check=list(hypothesis.HealthCheck),
)  # fmt: skip

SHIPPED = (Path(__file__).parents[1] / "config" / "robots" / "cartpole_rig.yaml").read_text()
SPACES = Space.of(["place", "speed"]), Space.of(["motor"], [-1.0], [1.0])
TASK = {
    "period": 0.04,
    "observation.names": ["place", "speed"],
    "action.names": ["motor"],
    "action.low": [-1.0],
    "action.high": [1.0],
}

numbers = st.floats() | st.sampled_from([0.0, 1e308, -1e308, 5e-324, math.nan, math.inf])
# As often as not what they should be.
values = st.lists(numbers, max_size=4) | st.lists(st.floats(-2.0, 2.0), min_size=1, max_size=2)
counts = st.integers(0, 5) | st.integers(0, 2**64 - 1)
names = st.text(max_size=6) | st.sampled_from(["place", "speed", "motor", "slider", ""])


def mutated(data):
    """Return data with a few places changed, cut out or put in between."""
    change = st.tuples(st.integers(0, len(data)), st.binary(max_size=8), st.integers(0, 16))

    def apply(changes):
        result = data
        for place, new, gone in changes:
            result = result[:place] + new + result[place + gone :]
        return result

    return st.lists(change, min_size=1, max_size=4).map(apply)


def as_text(data):
    return data.decode("utf-8", "replace")


texts = st.text(max_size=200) | mutated(SHIPPED.encode()).map(as_text)
EVENTS = ("observe", "propose", "person", "silence", "stop", "arm")


@fuzz
@hypothesis.given(data=st.data())
def test_a_guard_lets_nothing_pass_but_commands(data):
    limits = {"limits.of": ["place"], "limits.low": [-1.0], "limits.rate": [5.0]}
    task = build(TaskSettings, {**TASK, **(limits if data.draw(st.booleans()) else {})})
    guard, now = Guard(task, GuardSettings()), 1.0
    for _ in range(data.draw(st.integers(1, 12))):
        now += data.draw(st.sampled_from([0.0, 0.01, 0.04, 1.0]))
        event, verdict = data.draw(st.sampled_from(EVENTS)), None
        place = data.draw(counts), data.draw(counts)
        if event == "observe":
            read, acted = np.array(data.draw(values)), np.array(data.draw(values))
            verdict = guard.observe(Observation(*place, read, acted), now)
        elif event == "propose":
            verdict = guard.propose(data.draw(values), *place, data.draw(st.booleans()), now)
        elif event == "person":
            with contextlib.suppress(ValueError):
                guard.take_over(data.draw(values), now)
        elif event == "silence":
            verdict = guard.silence(now)
        elif event == "stop":
            verdict = guard.stop("stop", now)
        else:
            guard.arm()
        if verdict is not None:
            assert verdict.values.shape == (1,)
            assert -1.0 <= verdict.values[0] <= 1.0
            assert verdict.safe or not guard.estopped


def bridge():
    given = {
        "sources": ["joints"],
        "joints.topic": "joint_states",
        "joints.type": "sensor_msgs/msg/JointState",
        "observe": ["place = joints.position[slider]", "speed = rate(joints.position[slider])"],
        "commands": ["effort"],
        "effort.topic": "effort",
        "effort.type": "std_msgs/msg/Float64MultiArray",
        "effort.send": ["data[0] = 10 * motor"],
        "time_limit": 0.2,
        "feedback": True,
    }
    return RobotPlant(
        build(TaskSettings, TASK), build(bridge_settings(given), given), interface
    )  # fmt: skip


def joints(stamp, named, position):
    return JointState(header=Header(stamp=Time(sec=stamp)), name=named, position=position)


labels = st.lists(names, max_size=3) | st.just(["slider"])
stamps = st.integers(-(2**31), 2**31 - 1)


@fuzz
@hypothesis.given(data=st.data())
def test_a_bridge_tells_and_sends_numbers_only(data):
    plant, now = bridge(), 1.0
    for _ in range(data.draw(st.integers(1, 12))):
        now += 0.04
        plant.hear("joints", data.draw(st.builds(joints, stamps, labels, values)), now)
        with contextlib.suppress(ValueError):
            plant.command(data.draw(values), data.draw(counts), data.draw(counts), now)
        plant.pay(data.draw(numbers))
        tick = plant.tick(now, 0)
        assert all(-10.0 <= message.data[0] <= 10.0 for message in tick.messages.values())
        if tick.observation is None:
            assert plant.problem
        else:
            assert np.isfinite(tick.observation.values).all()
            assert np.isfinite(tick.observation.action).all()


@fuzz
@hypothesis.given(data=st.data())
def test_a_joystick_commands_in_numbers_only(data):
    given = {
        "sources": ["pad"], "pad.topic": "joy", "pad.type": "sensor_msgs/msg/Joy",
        "actions": ["motor = pad.axes[1]"], "held": "pad.buttons[1]", "good": "pad.buttons[0]",
    }  # fmt: skip
    settings = build(teleop_settings(given), given)
    person = Teleoperation(build(TaskSettings, TASK), settings, interface)
    for k in range(data.draw(st.integers(1, 6))):
        pressed = st.lists(st.integers(-(2**31), 2**31 - 1), max_size=3)
        axes = st.lists(st.floats(width=32), max_size=3)
        joy = interface("sensor_msgs/msg/Joy")
        wish = person.hear("pad", joy(axes=data.draw(axes), buttons=data.draw(pressed)), 0.02 * k)
        assert wish.command is None or np.isfinite(wish.command).all()
        assert wish.reward in (-1.0, 0.0, 1.0)


sides = st.integers(0, 4) | st.integers(0, 2**32 - 1)
images = st.builds(
    interface("sensor_msgs/msg/Image"),
    height=sides,
    width=sides,
    step=sides,
    encoding=st.sampled_from(["rgb8", "bgr8", "mono8"]) | names,
    data=st.binary(max_size=64),
)
PNG, JPEG = (encode(np.full((8, 8, 3), 77, np.uint8), kind) for kind in ("png", "jpeg"))
pictures = st.binary(max_size=64) | mutated(PNG) | mutated(JPEG) | st.just(PNG)
formats = st.sampled_from(["png", "jpeg"]) | names
compressed = st.builds(
    interface("sensor_msgs/msg/CompressedImage"), format=formats, data=pictures
)  # fmt: skip
cameras, lengths = st.sampled_from(["front", "other"]), st.just(8) | counts
frames = st.builds(Frame, counts, counts, cameras, formats, lengths, lengths, pictures)


@fuzz
@hypothesis.given(message=images | compressed, frame=frames)
def test_an_image_is_one_or_is_refused(message, frame):
    with contextlib.suppress(ValueError):
        image = read_image(message)
        assert image.dtype == np.uint8
        assert image.shape[2] == 3
    joiner = FrameJoiner(["front"], 32)
    joiner.observe(Observation(frame.episode, frame.step, np.zeros(2)))
    with contextlib.suppress(ValueError):
        whole = joiner.see(frame)
        assert whole is None or whole.images["front"].shape == (32, 32, 3)


@fuzz
@hypothesis.given(data=st.data())
def test_a_log_holds_what_fits_only(data):
    pairer, table = TransitionPairer(*SPACES), Transitions(*SPACES)
    for _ in range(data.draw(st.integers(1, 10))):
        place = data.draw(counts), data.draw(counts)
        read, acted = np.array(data.draw(values)), np.array(data.draw(values))
        seen = Observation(*place, read, acted, 0, data.draw(numbers), data.draw(st.booleans()))
        if (paired := pairer.feed(seen)) is not None:
            table.append(paired)
    for column in (table.observation, table.action, table.next_observation):
        assert np.isfinite(column).all()
    assert not np.isinf(table.reward).any()


GOAL = {"terms": ["there"], "there.type": "smooth_l1", "there.of": ["place"]}
goals = st.dictionaries(names, numbers, max_size=3)


@fuzz
@hypothesis.given(goal=goals, tolerances=goals, dwell=numbers, timeout=numbers)
def test_a_goal_is_one_or_changes_nothing(goal, tolerances, dwell, timeout):
    manager = ObjectiveManager(ObjectiveSet.from_parameters(GOAL, *SPACES, 0.04))
    before = manager.objective
    try:
        manager.follow([Waypoint(goal, tolerances, dwell, timeout)])
    except ValueError:
        assert manager.objective is before
        assert manager.sequence is None
    else:
        assert set(goal) == {"place"}
    with contextlib.suppress(ValueError):
        chosen = manager.objectives.with_goal(goal)
        assert all(map(math.isfinite, chosen.objective.goal.values()))


words = st.sampled_from(["terms", "type", "of", "combine", "caution", "goal", "weight", "linear"])
trees = st.recursive(
    st.none() | st.booleans() | numbers | names | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names | words, inner, max_size=4),
)
CONTENT = ObjectiveSet.from_parameters(GOAL, *SPACES, 0.04).objective.content


@fuzz
@hypothesis.given(
    content=texts | trees.map(json.dumps) | mutated(CONTENT.encode()).map(as_text), digest=names
)
def test_an_objective_from_elsewhere_is_read_or_is_refused(content, digest):
    with contextlib.suppress(ValueError):
        read_content(content, digest, *SPACES, 0.04)
    with contextlib.suppress(ValueError):
        read_objective(content)


@fuzz
@hypothesis.given(text=texts)
def test_a_parameter_file_is_read_or_is_refused(text):
    for read in (read_sections, functools.partial(parse_task, where="file")):
        with contextlib.suppress(ValueError):
            read(text)


@functools.cache
def update():
    settings = EnsembleSettings(members=2, hidden=[4])
    return pack(DynamicsModel(*SPACES, settings, torch.Generator().manual_seed(0)))


@fuzz
@hypothesis.given(data=st.data())
def test_a_model_update_is_whole_or_is_refused(data):
    whole = update()
    model = whole.parts["model"]
    weights = data.draw(mutated(model.weights))
    # With a hash that fits, too: it says that nothing was damaged on the way, not who sent it.
    own = hashlib.sha256(weights).hexdigest()
    parts = {"model": ModelPart(weights, own if data.draw(st.booleans()) else model.sha256)}
    changed = names | mutated(whole.settings.encode()).map(as_text)
    settings = data.draw(st.just(whole.settings) | changed)
    for update_of in ((whole.parts, settings), (parts, settings)):
        with contextlib.suppress(ValueError):
            unpack(ModelUpdate(whole.kind, update_of[1], update_of[0]), EnsembleSettings)


@fuzz
@hypothesis.given(data=st.data())
def test_a_checkpoint_is_whole_or_is_refused(tmp_path_factory, data):
    file = tmp_path_factory.mktemp("fuzz") / "file"
    checkpoint.save(update(), file)
    file.write_bytes(data.draw(st.binary(max_size=64) | mutated(file.read_bytes())))
    for read in (checkpoint.load, checkpoint.load_state):
        with contextlib.suppress(ValueError):
            read(file)


@functools.cache
def bag(sealed):
    with tempfile.TemporaryDirectory() as folder:
        recorder = Recorder(Path(folder) / "bag")
        transitions = topic("/transition", "mbrl_ros/msg/Transition")
        for k in range(3):
            message = make(
                transitions.type, header=header(), index=k, episode=0, step=k,
                observation=np.zeros(2), action=np.zeros(1), next_observation=np.zeros(2),
                reward=0.0, terminated=False, truncated=False, previous_action=np.zeros(1),
                source=1,
            )  # fmt: skip
            recorder.write(transitions, cdr(message))
        if sealed:
            assert recorder.close() == ""
        else:
            recorder._lock.close()
        return next((Path(folder) / "bag").glob("*.mcap")).read_bytes()


# Where as a share: the times in it make its length vary from run to run.
damage = st.lists(st.tuples(st.floats(0.0, 1.0), st.binary(max_size=8)), min_size=1, max_size=5)


@fuzz
@hypothesis.given(changes=damage, sealed=st.booleans(), kept=st.floats(0.0, 1.0))
def test_a_bag_is_read_or_is_refused(tmp_path_factory, changes, sealed, kept):
    folder = tmp_path_factory.mktemp("fuzz") / "bag"
    folder.mkdir()
    raw = bytearray(bag(sealed))
    for share, new in changes:
        place = int(share * len(raw))
        raw[place : place + len(new)] = new
    file = folder / "bag_0.mcap"
    file.write_bytes(raw[: max(int(2 * kept * len(raw)), 1)])
    for read in (
        lambda: list(read_messages(file)),
        lambda: read_transitions([file], *SPACES),
        lambda: recover(folder),
        lambda: read_transitions([folder], *SPACES),
    ):
        with contextlib.suppress(ValueError, OSError):
            read()
