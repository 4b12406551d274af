"""The node in a process of its own, over real DDS."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import yaml
from mcap.reader import make_reader
from rosbags.rosbag2 import Reader
from support.waiting import PATIENCE
from support.waiting import eventually as wait_for

from mbrl_ros.data.bag_records import read_frames, read_transitions
from mbrl_ros.data.bags import read_messages
from mbrl_ros.data.messages import read_frame
from mbrl_ros.data.streaming import is_finished

ros = pytest.importorskip("mbrl_ros.ros")
from mbrl_ros.ros import interfaces as ri  # noqa: E402

pytestmark = pytest.mark.process

RUN = "import sys; from mbrl_ros.nodes.data_logger import main; sys.exit(main())"
PARAMETERS = {
    "task": "test",
    "observation.names": ["x", "v"],
    "action.names": ["force"],
    "action.low": [-1.0],
    "action.high": [1.0],
}


class Plant:
    """Publishes observations and takes what the logger says."""

    def __init__(self, context):
        self.node = ros.Node("plant", context=context)
        deep = ros.QoSProfile(depth=1000)
        latched = ros.QoSProfile(depth=1, durability=ros.DurabilityPolicy.TRANSIENT_LOCAL)
        self.goals = self.node.create_publisher(ri.Goal, "goal", latched)
        self.transitions = []
        self.publisher = self.node.create_publisher(ri.Observation, "observation", deep)
        self.frames = self.node.create_publisher(ri.Frame, "frame", deep)
        self.actions = self.node.create_publisher(ri.Action, "action", ros.QoSProfile(depth=1))
        self.node.create_subscription(ri.Transition, "transition", self.transitions.append, deep)
        self.client = self.node.create_client(ri.GetTransitions, "/data_logger/get_transitions")

    def knows(self, loggers=1):
        """Whether so many loggers were discovered; a killed one counts on for a while."""
        return (
            self.publisher.get_subscription_count() == loggers
            and self.node.count_publishers("transition") == loggers
            and self.client.service_is_ready()
        )

    def publish(self, steps):
        for step in steps:
            stamp = ri.Time(sec=step // 25, nanosec=step % 25 * 40_000_000)
            self.publisher.publish(
                ri.Observation(
                    header=ri.Header(stamp=stamp),
                    episode=0,
                    step=step,
                    values=[float(step), 0.5],
                    action=[0.1] if step else [],
                    action_step=step - 1,
                    reward=1.0 if step else float("nan"),
                )
            )
            time.sleep(0.002)

    def ask(self, first, count):
        future = self.client.call_async(ri.GetTransitions.Request(first=first, count=count))
        wait_for(future.done)
        return future.result()


@pytest.fixture
def plant(domain):
    context = ros.Context()
    ros.init(args=[], context=context, domain_id=domain)
    plant = Plant(context)
    executor = ros.SingleThreadedExecutor(context=context)
    executor.add_node(plant.node)

    def spin():
        with contextlib.suppress(ros.ExternalShutdownException):
            executor.spin()

    thread = threading.Thread(target=spin, daemon=True)
    thread.start()
    yield plant
    ros.shutdown(context=context)
    thread.join(PATIENCE)
    plant.node.destroy_node()


@pytest.fixture
def start(domain, tmp_path):
    running = []

    def start(**changes):
        file = tmp_path / "parameters.yaml"
        parameters = {**PARAMETERS, **changes}
        file.write_text(yaml.safe_dump({"/**": {"ros__parameters": parameters}}))
        logger = subprocess.Popen(
            [sys.executable, "-c", RUN, "--ros-args", "--params-file", file],
            env={**os.environ, "ROS_DOMAIN_ID": str(domain)},
            stderr=subprocess.PIPE,
            text=True,
        )
        running.append(logger)
        return logger

    yield start
    for logger in running:
        logger.kill()
        logger.wait()


def end(logger):
    logger.send_signal(signal.SIGINT)
    _, said = logger.communicate(timeout=PATIENCE)
    return logger.returncode, said


def test_a_killed_logger_continues_its_log(plant, start, tmp_path):
    (tmp_path / "run.yaml").write_text("seed: 3\n")
    bag = tmp_path / "bag"
    plant.goals.publish(ri.Goal(names=["x"], values=[1.0]))
    logger = start(run_dir=str(tmp_path))
    wait_for(plant.knows)
    plant.publish(range(200))
    wait_for(lambda: len(plant.transitions) == 199)
    logger.kill()
    logger.wait()

    logger = start(run_dir=str(tmp_path))
    wait_for(lambda: plant.knows(loggers=2) and plant.actions.get_subscription_count() == 2)
    plant.actions.publish(ri.Action(step=299, values=[0.25], source=ri.Action.OVERRIDE))
    plant.publish(range(200, 301))
    wait_for(lambda: len(plant.transitions) == 299)
    assert plant.transitions[-1].source == ri.Transition.PERSON
    assert [t.index for t in plant.transitions] == list(range(299))
    # The new process has not seen step 199, so only the step to 200 is missing.
    assert [t.step for t in plant.transitions] == [*range(199), *range(200, 300)]

    answer = plant.ask(first=190, count=20)
    assert answer.total == 299
    assert list(answer.transitions) == plant.transitions[190:210]
    assert len(plant.ask(first=290, count=2**32 - 1).transitions) == 9
    assert len(plant.ask(first=2**40, count=5).transitions) == 0

    code, said = end(logger)
    assert code == 0
    assert "199 transitions already in it" in said
    assert all(is_finished(file) for file in bag.glob("*.mcap"))
    assert [m.index for _, _, m in read_messages(bag, ["/transition"])] == list(range(299))
    assert np.array_equal(
        read_transitions([bag]).observation[:, 0], [*range(199), *range(200, 300)]
    )
    with next(bag.glob("*.mcap")).open("rb") as file:
        names = {attachment.name for attachment in make_reader(file).iter_attachments()}
    assert names == {"parameters.yaml", "run.yaml"}
    with Reader(bag) as reader:
        counts = {c.topic: c.msgcount for c in reader.connections}
    assert (counts["/observation"], counts["/transition"], counts["/action"]) == (301, 299, 1)
    assert counts["/goal"] == 2  # latched: each process got it


def test_frames_go_to_the_bag_once_and_as_they_were(plant, start, tmp_path):
    logger = start(run_dir=str(tmp_path))
    wait_for(lambda: plant.knows() and plant.frames.get_subscription_count() == 1)
    rng = random.Random(1)
    sent = [
        ri.Frame(
            step=step,
            camera=camera,
            encoding="png",
            width=64,
            height=48,
            data=rng.randbytes(90_000),
        )
        for step in range(20)
        for camera in ("side", "top")
    ]
    for one, other in zip(sent[::2], sent[1::2], strict=True):
        for frame in (one, other, one, other):
            plant.frames.publish(frame)
        plant.publish([one.step])
    wait_for(lambda: len(plant.transitions) == 19)
    # There are four times as many frames as observations, so that some may still be in its queue.
    bag = tmp_path / "bag"
    wait_for(lambda: sum(file.stat().st_size for file in bag.iterdir()) > 40 * 90_000)
    code, _ = end(logger)
    assert code == 0
    frames = list(read_frames([tmp_path / "bag"]))
    assert frames == [read_frame(frame) for frame in sent]
    assert len(read_transitions([tmp_path / "bag"])) == 19


def test_without_a_run_folder_nothing_is_written_but_everything_served(plant, start, tmp_path):
    logger = start()
    wait_for(plant.knows)
    plant.publish(range(20))
    wait_for(lambda: len(plant.transitions) == 19)
    assert list(plant.ask(first=0, count=100).transitions) == plant.transitions
    code, _ = end(logger)
    assert code == 0
    assert [p.name for p in tmp_path.iterdir()] == ["parameters.yaml"]


def test_a_bag_that_is_full_is_told_and_whoever_learns_hears_all(plant, start, tmp_path):
    told = []
    plant.node.create_subscription(
        ri.DiagnosticArray, "/diagnostics", lambda message: told.extend(message.status), 10
    )
    logger = start(run_dir=str(tmp_path), disk_budget=0.01)
    wait_for(plant.knows)
    plant.publish(range(200))
    wait_for(lambda: len(plant.transitions) == 199)
    wait_for(lambda: told and told[-1].level == ri.DiagnosticStatus.ERROR)
    assert told[-1].name == "data_logger: bag"
    assert "its budget of 0.01 MB is used up" in told[-1].message
    code, error = end(logger)
    assert code == 0
    assert "messages were not recorded" in error
    assert 0 < len(read_transitions([tmp_path / "bag"])) < 199


def test_the_data_are_examined_in_another_process(plant, start):
    told = []
    plant.node.create_subscription(
        ri.DiagnosticArray, "/diagnostics", lambda message: told.extend(message.status), 10
    )
    logger = start()
    wait_for(plant.knows)
    plant.publish(range(520))
    wait_for(lambda: told and told[-1].level == ri.DiagnosticStatus.WARN)
    assert "'v' never changes" in told[-1].message
    # Times of what was a process of its own, and is over.
    *_, user, system = Path(f"/proc/{logger.pid}/stat").read_text().split()[:17]
    assert int(user) + int(system) > 0
    assert end(logger)[0] == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"recrod": True}, "data_logger: unknown parameter 'recrod': did you mean 'record'?"),
        ({"topics": ["imu"]}, "topics: expected 'name package/msg/Type', got 'imu'"),
        ({"topics": ["imu a/msg/B"], "run_dir": "run"}, "topics: 'imu': unknown interface"),
        ({"observation.names": ["x", "x"]}, "observation.names: 'x' appears more than once"),
        ({"run_dir": "/proc/nowhere"}, "/proc/nowhere"),
    ],
)
def test_a_wrong_parameter_ends_it_with_one_line(start, changes, message):
    logger = start(**changes)
    _, said = logger.communicate(timeout=PATIENCE)
    assert logger.returncode == 2
    assert message in said
    assert "Traceback" not in said
    assert len(said.strip().splitlines()) == 1
