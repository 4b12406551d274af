"""The logger under load: what a kill costs, and what it keeps up with.

    python benchmarks/recording.py kills [--count 200] [--rate 200]
    python benchmarks/recording.py throughput [--rate 5000] [--values 32] [--seconds 60]

Each runs a real data_logger beside a plant that only publishes, over DDS, prints its figures as
JSON, and ends with 1 if anything was lost.
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

from mbrl_ros.data.bags import read_messages
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
TICKS = os.sysconf("SC_CLK_TCK")


def cpu_of(process: int) -> float:
    """Return for how long a process has computed [s]."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


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
        return cpu_of(self.process.pid)

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


def main() -> int:
    """Run one of them; return its exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", choices=["kills", "throughput"])
    parser.add_argument("--count", type=int, default=200, help="of kills")
    parser.add_argument("--rate", type=float, help="observations a second")
    parser.add_argument("--values", type=int, default=32, help="of an observation")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    arguments.rate = arguments.rate or {"kills": 200.0, "throughput": 5000.0}[arguments.what]
    with tempfile.TemporaryDirectory() as folder:
        figures = globals()[arguments.what](arguments, Path(folder))
    print(json.dumps(figures, indent=2))
    return int(bool(figures.get("lost")))


if __name__ == "__main__":
    sys.exit(main())
