"""Robots in namespaces of their own, and one trainer for all of them."""

import json
import signal

from support.waiting import PATIENCE, eventually

from mbrl_ros.data.bags import read_messages

from .test_system import QUICK

_, *PARAMETERS = QUICK
ROBOTS = "left", "right"


def newest(system):
    """Return the newest line of a system's metrics; {} before the first."""
    file = system.run_dir / "metrics.jsonl"
    lines = file.read_text().splitlines(keepends=True) if file.exists() else []
    whole = [line for line in lines if line.endswith("\n")]
    return json.loads(whole[-1]) if whole else {}


def logged(system):
    """Return how many transitions are in the bag of a robot that has ended."""
    kinds = ["mbrl_ros/msg/Transition"]
    return sum(1 for _ in read_messages(system.run_dir / "bag", types=kinds))


def test_one_model_is_learned_from_all_robots_and_any_may_go(launch):
    trainer = launch("trainer", *PARAMETERS, "robots:=[left, /right]")
    left, right = (
        launch("sim", *PARAMETERS, "real_time_factor:=0.5", f"namespace:={name}", "trainer:=/fleet")
        for name in ROBOTS
    )
    for robot in (left, right):
        eventually(lambda robot=robot: newest(robot).get("model_sequence"))
    assert newest(left)["model_epoch"] == newest(right)["model_epoch"]

    left.process.send_signal(signal.SIGKILL)  # its nodes end with it
    left.process.wait(PATIENCE)
    before = newest(right)
    eventually(lambda: newest(right)["transitions_logged"] > before["transitions_logged"] + 20)
    eventually(lambda: newest(right)["models_published"] > before["models_published"])
    right.process.send_signal(signal.SIGINT)
    assert right.process.wait(PATIENCE) == 0
    eventually(lambda: newest(trainer)["transitions_trained"] == logged(left) + logged(right))
    trainer.process.send_signal(signal.SIGINT)
    assert trainer.process.wait(PATIENCE) == 0
    assert len(list((trainer.run_dir / "checkpoints").glob("model-*"))) > 0
