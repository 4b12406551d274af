"""The logger under load: what a kill costs, what it keeps up with, how long large bags take.

    python benchmarks/recording.py kills [--count 200] [--rate 200]
    python benchmarks/recording.py throughput [--rate 5000] [--values 32] [--seconds 60]
    python benchmarks/recording.py frames [--seconds 20]
    python benchmarks/recording.py bag [--count 1000000]

`kills`, `throughput` and `frames` run a real data_logger beside a plant that only publishes, over
DDS. Each prints its figures as JSON, and `kills` and `throughput` end with 1 if anything was lost.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from mbrl_ros.core.records import Transition
from mbrl_ros.data.bags import read_frames, read_messages, read_transitions
from mbrl_ros.data.frames import encode
from mbrl_ros.nodes.transition_bag import TransitionBag
from mbrl_ros.ros import (
    Context,
    ExternalShutdownException,
    Node,
    QoSProfile,
    SingleThreadedExecutor,
    init,
    shutdown,
)
from mbrl_ros.ros import interfaces as ri

LOGGER = "import sys; from mbrl_ros.nodes.data_logger import main; sys.exit(main())"
# A whole period is long enough for a camera's frame.
LOOP, CAMERA = 50.0, 30.0
TICKS = os.sysconf("SC_CLK_TCK")


class Logger:
    """A data_logger in a process of its own."""

    def __init__(self, folder: Path, values: int, period: float) -> None:
        self._file, self._environment = folder / "parameters.yaml", dict(os.environ)
        parameters = {
            "task": "recording",
            "period": period,
            "run_dir": str(folder),
            "observation.names": [f"x{i}" for i in range(values)],
            "action.names": ["force"],
            "action.low": [-1.0],
            "action.high": [1.0],
        }
        self._file.write_text(yaml.safe_dump({"/**": {"ros__parameters": parameters}}))
        self.start()

    def start(self) -> None:
        """Start it, or start it again."""
        words = [sys.executable, "-c", LOGGER, "--ros-args", "--params-file", str(self._file)]
        self.process = subprocess.Popen(words, env=self._environment, stderr=subprocess.DEVNULL)

    def kill(self) -> None:
        """Kill it as the system does."""
        self.process.kill()
        self.process.wait()

    def end(self) -> None:
        """Have it finish its bag."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(600)

    @property
    def cpu(self) -> float:
        """Time that it has computed [s]."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    @property
    def memory(self) -> float:
        """What it holds [MB]."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * resource.getpagesize() / 1e6


class Plant:
    """Publishes observations that nobody has to answer, and hears what the logger acknowledges."""

    def __init__(self, values: int) -> None:
        self._context = Context()
        init(args=[], context=self._context)
        self.node = Node("plant", context=self._context)
        deep = QoSProfile(depth=5000)
        self.observations = self.node.create_publisher(ri.Observation, "observation", deep)
        self.frames = self.node.create_publisher(ri.Frame, "frame", QoSProfile(depth=100))
        self.acknowledged: dict[int, list[float]] = {}
        self.node.create_subscription(ri.Transition, "transition", self._hear, deep)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)
        threading.Thread(target=self._spin, daemon=True).start()
        self._values = np.random.default_rng(0).normal(size=values).tolist()
        self.step = 0

    def observe(self) -> None:
        """Publish the next observation."""
        values = [float(self.step), *self._values[1:]]
        stamp = ri.Time(sec=self.step // 1000, nanosec=self.step % 1000 * 1_000_000)
        self.observations.publish(
            ri.Observation(
                header=ri.Header(stamp=stamp),
                step=self.step,
                values=values,
                action=[0.5],
                action_step=self.step - 1,
                reward=1.0,
            )
        )
        self.step += 1

    def observe_for(self, seconds: float, rate: float) -> float:
        """Publish observations at a rate; return the share of it that was possible."""
        begin, sent = time.monotonic(), 0
        while (now := time.monotonic() - begin) < seconds:
            while sent < rate * now:
                self.observe()
                sent += 1
            time.sleep(0.001)
        return sent / (rate * seconds)

    def wait(self, loggers: int = 1) -> None:
        """Wait until so many loggers were discovered; a killed one counts on for a while."""
        while self.observations.get_subscription_count() < loggers:
            time.sleep(0.02)

    def close(self) -> None:
        """End."""
        shutdown(context=self._context)

    def _spin(self) -> None:
        with contextlib.suppress(ExternalShutdownException):
            self._executor.spin()

    def _hear(self, message: Any) -> None:
        self.acknowledged[message.step] = list(message.next_observation[:2])


def kills(arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Kill the logger again and again; look for all that it had acknowledged."""
    rng = random.Random(arguments.seed)
    plant, logger = Plant(4), Logger(folder, 4, 1 / arguments.rate)
    for number in range(arguments.count):
        before = len(plant.acknowledged)
        while len(plant.acknowledged) == before:
            plant.observe_for(0.05, arguments.rate)
        plant.observe_for(rng.uniform(0.0, 1.0), arguments.rate)
        logger.kill()
        logger.start()
        if number % 10 == 9:
            print(f"{number + 1} kills", file=sys.stderr, flush=True)
    plant.observe_for(1.0, arguments.rate)
    logger.end()
    time.sleep(1.0)
    plant.close()
    kept = {
        m.step: list(m.next_observation[:2])
        for _, _, m in read_messages(folder / "bag", types=["mbrl_ros/msg/Transition"])
    }
    lost = [s for s, seen in plant.acknowledged.items() if kept.get(s) != seen]
    return {
        "kills": arguments.count,
        "observed": plant.step,
        "acknowledged": len(plant.acknowledged),
        "in the bag": len(kept),
        "lost": len(lost),
        "seed": arguments.seed,
    }


def throughput(arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Observe at a high rate for a while."""
    plant = Plant(arguments.values)
    logger = Logger(folder, arguments.values, 1 / arguments.rate)
    plant.wait()
    plant.observe_for(1.0, 100.0)
    memory, cpu, first = [logger.memory], logger.cpu, plant.step
    begin = time.monotonic()
    shares = []
    for _ in range(max(1, round(arguments.seconds / 10))):
        shares.append(plant.observe_for(min(10.0, arguments.seconds), arguments.rate))
        memory.append(logger.memory)
    elapsed, made = time.monotonic() - begin, plant.step - first
    while len(plant.acknowledged) < plant.step - 1 and time.monotonic() - begin < 3 * elapsed:
        time.sleep(0.1)
    cpu = logger.cpu - cpu
    logger.end()
    plant.close()
    steps = [m.step for _, _, m in read_messages(folder / "bag", topics=["/transition"])]
    return {
        "observed a second": round(made / elapsed),
        "of the rate": round(float(np.mean(shares)), 3),
        "transitions": len(steps),
        "lost": plant.step - 1 - len(set(steps)),
        "microseconds of CPU each": round(1e6 * cpu / made, 1),
        "cores at the rate": round(arguments.rate * cpu / made, 2),
        "memory [MB]": [round(m) for m in memory],
    }


def frames(arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Two cameras beside a control loop."""
    plant, logger = Plant(8), Logger(folder, 8, 1 / LOOP)
    plant.wait()
    noise = np.random.default_rng(0).integers(0, 60, (480, 640, 3), np.uint8)
    ramp = np.linspace(0, 195, 640, dtype=np.uint8)[None, :, None]
    image = encode(noise + ramp, "jpeg")
    begin, sent, late = time.monotonic(), 0, []
    cpu = logger.cpu
    while (now := time.monotonic() - begin) < arguments.seconds:
        if now * LOOP >= plant.step:
            late.append(now - plant.step / LOOP)
            plant.observe()
        if now * CAMERA >= sent:
            for camera in ("left", "right"):
                plant.frames.publish(
                    ri.Frame(
                        step=plant.step - 1, camera=camera, encoding="jpeg",
                        width=640, height=480, data=image,
                    )
                )  # fmt: skip
            sent += 1
        time.sleep(0.0005)
    elapsed = time.monotonic() - begin
    time.sleep(1.0)
    cpu = logger.cpu - cpu
    logger.end()
    plant.close()
    return {
        "frames": 2 * sent,
        "in the bag": sum(1 for _ in read_frames([folder / "bag"])),
        "bytes each": len(image),
        "observations": plant.step,
        "transitions": len(read_transitions([folder / "bag"])),
        "latest observation [ms]": round(1e3 * max(late), 1),
        "cores of the logger": round(cpu / elapsed, 2),
    }


def bag(arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Make a large bag, and read it in each way, each in a process of its own."""
    names = [f"x{i}" for i in range(arguments.values)]
    text = yaml.safe_dump({"/**": {"ros__parameters": {
        "task": "large", "period": 0.02, "observation.names": names, "action.names": ["force"],
        "action.low": [-1.0], "action.high": [1.0],
    }}})  # fmt: skip
    rng = np.random.default_rng(0)
    recorder = TransitionBag(folder / "bag", {"config.yaml": text})
    before = rng.normal(size=arguments.values)
    began = time.monotonic()
    for i in range(arguments.count):
        action = rng.uniform(-1, 1, 1)
        after = 0.99 * before + 0.1 * action + 0.01 * rng.normal(size=arguments.values)
        recorder.append(Transition(before, action, after, i // 1000, i % 1000, 1.0), i)
        before = after
    if trouble := recorder.close():
        raise OSError(trouble)
    figures: dict[str, Any] = {"written": _taken(time.monotonic() - began)}
    figures["MB"] = round(sum(f.stat().st_size for f in (folder / "bag").iterdir()) / 1e6)
    command = [sys.executable, "-m", "mbrl_ros.cli"]
    for name, words in {
        "bag info": ["bag", "info", str(folder / "bag")],
        "bag check": ["bag", "check", str(folder / "bag")],
        # Until it has taken in all data and would begin with the first update.
        "train, until its first update": ["--first-update", str(folder / "bag")],
        "reading for replay": ["--read", str(folder / "bag")],
    }.items():
        ours = words[0].startswith("--")
        run = [sys.executable, __file__, "part"] if ours else command
        began = time.monotonic()
        child = subprocess.Popen([*run, *words], stdout=subprocess.DEVNULL)
        _, _, usage = os.wait4(child.pid, 0)
        figures[name] = {
            **_taken(time.monotonic() - began),
            "CPU [s]": round(usage.ru_utime + usage.ru_stime, 1),
            "peak memory [MB]": round(usage.ru_maxrss / 1e3),
        }
    return figures


def _taken(seconds: float) -> dict[str, Any]:
    return {"wall [s]": round(seconds, 1)}


def part(arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Do what a large bag is read for; for `bag`."""
    if arguments.read:
        return {"messages": sum(1 for _ in read_messages(arguments.read))}
    from mbrl_ros.core.settings import build
    from mbrl_ros.core.task import TaskSettings
    from mbrl_ros.learning.checked import make_learner
    from mbrl_ros.learning.demonstrations import show_bags
    from mbrl_ros.learning.settings import TrainerSettings
    from mbrl_ros.system.bag_task import task_of

    task = task_of(arguments.first_update) or build(TaskSettings, {})
    spaces = task.observation_space(), task.action_space()
    learner = make_learner("ensemble", *spaces, TrainerSettings(), 0)
    count = show_bags(learner, [arguments.first_update], *spaces)
    learner.update()
    return {"transitions": count}


def main() -> int:
    """Run one of them; return its exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", choices=["kills", "throughput", "frames", "bag", "part"])
    parser.add_argument("--count", type=int, help="of kills, or of transitions of the bag")
    parser.add_argument("--rate", type=float, help="observations a second")
    parser.add_argument("--values", type=int, default=32, help="of an observation")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first-update", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--read", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    usual = {"kills": (200, 200.0), "throughput": (0, 5000.0), "bag": (1_000_000, 0.0)}
    count, rate = usual.get(arguments.what, (0, 0.0))
    arguments.count, arguments.rate = arguments.count or count, arguments.rate or rate
    with tempfile.TemporaryDirectory() as folder:
        figures = globals()[arguments.what](arguments, Path(folder))
    print(json.dumps(figures, indent=2))
    return int(bool(figures.get("lost")))


if __name__ == "__main__":
    sys.exit(main())
