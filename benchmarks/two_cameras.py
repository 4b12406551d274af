"""Two cameras beside a control loop at 50 Hz: is a tick late for their frames?

    python benchmarks/two_cameras.py [--turns 6] [--seconds 20] [name:=value ...]

Runs the whole system as `mbrl-ros bench tick` does: simulator, guard, controller, logger and
trainer, each a process of its own. Once it plans, this process publishes 640 x 480 JPEG frames of
two cameras at 30 Hz for a while, is silent for as long, and so on. Ticks and the logger's time are
told of both as JSON. Ends with 1 if a frame is not in the bag.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import math
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from recording import cpu_of
from small_computer import process_of

from mbrl_ros.cli.node_process import python_command
from mbrl_ros.data.bag_summary import summarize
from mbrl_ros.data.bags import read_messages
from mbrl_ros.data.frames import encode
from mbrl_ros.nodes.qos import EVENTS, NEWEST
from mbrl_ros.nodes.record_messages import time_message
from mbrl_ros.ros import Context, ExternalShutdownException, Node, SingleThreadedExecutor, init
from mbrl_ros.ros import interfaces as ri

PERIOD, CAMERA = 0.02, 30.0
SYSTEM = (f"period:={PERIOD}", "action_repeat:=2", "planner.horizon:=80", "seed:=0", "duration:=0")
# Until the planner's effort has settled, after its first model [s].
SETTLING = 30.0


class Cameras:
    """Two cameras that look at what the plant shows.

    Attributes:
        sent: frames so far.
        plans: whether the controller has a model.
    """

    def __init__(self) -> None:
        context = Context()
        init(args=[], context=context)
        node = Node("cameras", context=context)
        self.sent, self.plans = 0, False
        self._frames = node.create_publisher(ri.Frame, "frame", EVENTS)
        self._newest = 0, 0
        node.create_subscription(ri.Observation, "observation", self._see, NEWEST)
        node.create_subscription(ri.ControllerStatus, "controller_status", self._hear, EVENTS)
        self._executor = SingleThreadedExecutor(context=context)
        self._executor.add_node(node)
        threading.Thread(target=self._spin, daemon=True).start()
        noise = np.random.default_rng(0).integers(0, 60, (480, 640, 3), np.uint8)
        ramp = np.linspace(0, 195, 640, dtype=np.uint8)[None, :, None]
        self.image = encode(noise + ramp, "jpeg")

    def film(self, seconds: float) -> None:
        """Publish frames for a while."""
        begin = time.monotonic()
        for number in itertools.count():
            due = begin + number / CAMERA
            if due >= begin + seconds:
                return
            time.sleep(max(0.0, due - time.monotonic()))
            episode, step = self._newest
            for camera in ("left", "right"):
                self._frames.publish(
                    ri.Frame(
                        header=ri.Header(stamp=time_message(time.time_ns())),
                        episode=episode, step=step, camera=camera, encoding="jpeg",
                        width=640, height=480, data=self.image,
                    )
                )  # fmt: skip
                self.sent += 1

    def _spin(self) -> None:
        with contextlib.suppress(ExternalShutdownException):
            self._executor.spin()

    def _see(self, message: Any) -> None:
        self._newest = message.episode, message.step

    def _hear(self, message: Any) -> None:
        self.plans = message.model_sequence > 0


@dataclass(frozen=True)
class Turn:
    """A while with or without frames.

    Attributes:
        frames: whether there were some.
        begin: since 1970 [ns].
        end: since 1970 [ns].
        computed: by the logger meanwhile [s].
    """

    frames: bool
    begin: int
    end: int
    computed: float


def run(folder: Path, cameras: Cameras, arguments: argparse.Namespace) -> list[Turn]:
    """Run the system; return the turns."""
    words = python_command("mbrl_ros.cli.main", "launch", "sim", *SYSTEM)
    words += [f"run_dir:={folder}", "view:=none", *arguments.parameters]
    turns = []
    with subprocess.Popen(words) as system:
        try:
            while not cameras.plans and system.poll() is None:
                time.sleep(0.1)
            time.sleep(SETTLING)
            logger = process_of("data_logger", system.pid)
            if logger is None:
                raise OSError("the system has ended")
            for number in range(2 * arguments.turns):
                with_frames = number % 2 == 1
                begin, cpu = time.time_ns(), cpu_of(logger)
                (cameras.film if with_frames else time.sleep)(arguments.seconds)
                time.sleep(1.0)  # until the logger has done with them
                turns.append(Turn(with_frames, begin, time.time_ns(), cpu_of(logger) - cpu))
        finally:
            system.send_signal(signal.SIGINT)
    return turns


def figures(bag: Path, turns: list[Turn]) -> dict[str, Any]:
    """Return what a bag says of the ticks with and without frames."""
    counts: dict[tuple[Turn, str], list[int]] = defaultdict(list)
    off: dict[bool, list[float]] = defaultdict(list)
    for topic, at, message in read_messages(bag, ["/action", "/controller_status"]):
        turn = next((t for t in turns if t.begin <= at < t.end), None)
        if turn is None:
            continue
        if topic == "/controller_status":
            counts[turn, "ticks"].append(message.ticks)
            counts[turn, "late"].append(message.ticks_late)
        elif math.isfinite(message.interval):
            off[turn.frames].append(1e3 * abs(message.interval - PERIOD))
    told = {}
    for frames, name in ((False, "without frames"), (True, "with frames")):
        those = [t for t in turns if t.frames == frames]
        elapsed = 1e-9 * sum(t.end - t.begin for t in those)
        told[name] = {
            what: sum(counts[t, what][-1] - counts[t, what][0] for t in those)
            for what in ("ticks", "late")
        } | {
            "jitter, p99 [ms]": round(float(np.percentile(off[frames], 99)), 2),
            "longest [ms]": round(max(off[frames]), 1),
            "cores of the logger": round(sum(t.computed for t in those) / elapsed, 3),
        }
    return told


def main() -> int:
    """Run, print, and return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--turns", type=int, default=6, help="with frames, and as many without")
    parser.add_argument("--seconds", type=float, default=20.0, help="of each")
    parser.add_argument("parameters", nargs="*", help="of the launch, name:=value")
    arguments = parser.parse_args()
    cameras, before = Cameras(), os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        run_dir = Path(folder) / "run"
        turns = run(run_dir, cameras, arguments)
        told: dict[str, Any] = figures(run_dir / "bag", turns)
        kept = summarize(run_dir / "bag").messages("mbrl_ros/msg/Frame")
    told |= {
        "frames": cameras.sent,
        "in the bag": kept,
        "bytes each": len(cameras.image),
        "load before": round(before, 1),
    }
    print(json.dumps(told, indent=2))
    return int(kept != cameras.sent)


if __name__ == "__main__":
    sys.exit(main())
