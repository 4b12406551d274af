"""A robot and its trainer on two machines, with a slow link between them that loses packets.

    python benchmarks/lossy_link.py [--loss 0.05] [--delay 50] [--seconds 40] [--away 10]

Two network namespaces stand for the machines, and this process forwards every Ethernet frame
between them: late, or not at all, and none while the link is away. A real data_logger records what
a plant beside it publishes; on the other side what a model_trainer hears with is heard with. Ends
with 1 if anything is missing there, or is not in the logger's order. Needs Linux that lets its
user make namespaces (`unshare -rn true`).
"""

from __future__ import annotations

import argparse
import array
import contextlib
import fcntl
import heapq
import json
import os
import random
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from mbrl_ros.core.records import Transition
from mbrl_ros.data.bag_records import read_transitions
from mbrl_ros.nodes.logged_transitions import LoggedTransitions
from mbrl_ros.nodes.timers import create_steady_timer
from mbrl_ros.ros import Context, ExternalShutdownException, Node, SingleThreadedExecutor, init

ADDRESSES = {"robot": "10.77.0.1/24", "trainer": "10.77.0.2/24"}
LOOP = 50.0  # [Hz]
INSIDE = "MBRL_ROS_LOSSY_LINK"
_SIOCETHTOOL, _ETHTOOL_STXCSUM, _ALL_PROTOCOLS = 0x8946, 0x17, 3


class Machine:
    """A network namespace with one interface, whose other end is here."""

    def __init__(self, name: str) -> None:
        self._holder = subprocess.Popen(["unshare", "-n", "sleep", "infinity"])
        own = os.stat("/proc/self/ns/net").st_ino
        while os.stat(f"/proc/{self._holder.pid}/ns/net").st_ino == own:
            time.sleep(0.01)
        pid = str(self._holder.pid)
        ip = ["ip", "link"]
        subprocess.run([*ip, "add", name, "type", "veth", "peer", "eth0", "netns", pid], check=True)
        subprocess.run([*ip, "set", name, "up"], check=True)
        for words in (["link", "set", "lo", "up"], ["link", "set", "eth0", "up"],
                      ["addr", "add", ADDRESSES[name], "dev", "eth0"],
                      ["route", "add", "224.0.0.0/4", "dev", "eth0"]):  # fmt: skip
            subprocess.run(self._words(["ip", *words]), check=True)
        code = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); "
        code += "import lossy_link; lossy_link.check_in_software()"
        subprocess.run(self._words([sys.executable, "-c", code]), check=True)
        self.end = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ALL_PROTOCOLS))
        self.end.bind((name, 0))

    def start(self, *words: str, **options: Any) -> subprocess.Popen[str]:
        """Start a process there."""
        environment = {**os.environ, "ROS_AUTOMATIC_DISCOVERY_RANGE": "SUBNET"}
        return subprocess.Popen(self._words(list(words)), env=environment, text=True, **options)

    def close(self) -> None:
        """Let the namespace go."""
        self._holder.kill()
        self._holder.wait()

    def _words(self, words: list[str]) -> list[str]:
        return ["nsenter", "-t", str(self._holder.pid), "-n", "--", *words]


def check_in_software() -> None:
    """Have the kernel write the checksums of what eth0 sends, which the other side reads."""
    value = array.array("I", [_ETHTOOL_STXCSUM, 0])
    request = struct.pack("16sP", b"eth0", value.buffer_info()[0])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCETHTOOL, request)


class Link(threading.Thread):
    """Forwards frames.

    Attributes:
        away: whether it is away.
        sent: frames so far.
        lost: those of them that did not arrive.
    """

    def __init__(self, machines: list[Machine], loss: float, delay: float, seed: int) -> None:
        super().__init__(daemon=True)
        self.away = False
        self.sent = self.lost = 0
        self._ends = [machine.end for machine in machines]
        self._loss, self._delay = loss, delay
        self._rng = random.Random(seed)

    def run(self) -> None:
        """Forward until the machines are gone."""
        with contextlib.suppress(OSError):
            self._forward()

    def _forward(self) -> None:
        waiting: list[tuple[float, int, int, bytes]] = []
        while True:
            timeout = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
            for ready in select.select(self._ends, [], [], timeout)[0]:
                data, about = ready.recvfrom(65536)
                if about[2] == socket.PACKET_OUTGOING:
                    continue
                self.sent += 1
                if self.away or self._rng.random() < self._loss:
                    self.lost += 1
                    continue
                to = 1 - self._ends.index(ready)
                heapq.heappush(waiting, (time.monotonic() + self._delay, self.sent, to, data))
            while waiting and waiting[0][0] <= time.monotonic():
                _, _, to, data = heapq.heappop(waiting)
                self._ends[to].send(data)


def robot(folder: Path, seconds: float) -> None:
    """Run a plant and its logger."""
    from recording import Logger, Plant

    logger, plant = Logger(folder, 4, 1 / LOOP), Plant(4)
    plant.wait()
    plant.observe_for(seconds, LOOP)
    time.sleep(1.0)
    print(json.dumps({"observed": plant.step}), flush=True)
    sys.stdin.readline()
    logger.end()


def trainer() -> None:
    """Hear transitions until told to end; print their steps."""
    steps: list[int] = []
    context = Context()
    init(args=[], context=context)
    node = Node("listener", context=context)

    def take(transition: Transition) -> None:
        steps.append(transition.step)
        print(len(steps), flush=True)

    heard = LoggedTransitions(node, take)
    create_steady_timer(node, 1.0, heard.look)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    signal.signal(signal.SIGTERM, lambda *_: context.try_shutdown())
    with contextlib.suppress(ExternalShutdownException):
        executor.spin()
    print(json.dumps(steps), flush=True)


def measured(arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Run both, with the link away in the midst; return what there is on each side."""
    machines = {name: Machine(name) for name in ADDRESSES}
    link = Link([*machines.values()], arguments.loss, 1e-3 * arguments.delay, arguments.seed)
    link.start()
    own = [sys.executable, __file__]
    pipe = subprocess.PIPE
    listener = machines["trainer"].start(*own, "--as-trainer", stdout=pipe)
    seconds = str(arguments.seconds)
    plant = machines["robot"].start(
        *own, "--as-robot", str(folder), "--seconds", seconds, stdin=pipe, stdout=pipe
    )
    heard: list[str] = []
    assert listener.stdout is not None
    reading = threading.Thread(target=lambda: heard.extend(listener.stdout), daemon=True)  # type: ignore[arg-type]
    reading.start()
    while not heard:  # they find each other
        time.sleep(0.1)
    time.sleep(0.3 * arguments.seconds)
    link.away, before = True, len(heard)
    time.sleep(arguments.away)
    link.away, meanwhile = False, len(heard)
    assert plant.stdout is not None
    observed = json.loads(plant.stdout.readline())["observed"]
    ended, last = time.monotonic(), -1
    while len(heard) != last:  # until nothing comes any more
        last = len(heard)
        time.sleep(5.0)
    listener.terminate()
    listener.wait()
    reading.join()
    plant.communicate("end\n")
    for machine in machines.values():
        machine.close()
    steps = json.loads(heard[-1])
    bag = read_transitions([folder / "bag"]).step.tolist()
    return {
        "observed": observed,
        "in the bag": len(bag),
        "heard": len(steps),
        "heard before, and while the link was away": [before, meanwhile - before],
        "as in the bag": steps == bag,
        "frames": link.sent,
        "lost": link.lost,
        "settled within [s]": round(time.monotonic() - ended, 1),
    }


def main() -> int:
    """Measure and print; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--loss", type=float, default=0.05, help="share of the frames")
    parser.add_argument("--delay", type=float, default=50.0, help="of each [ms]")
    parser.add_argument("--seconds", type=float, default=40.0, help="of observations at 50 Hz")
    parser.add_argument("--away", type=float, default=10.0, help="for how long it is [s]")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--as-trainer", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--as-robot", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.as_trainer:
        trainer()
        return 0
    if arguments.as_robot:
        robot(arguments.as_robot, arguments.seconds)
        return 0
    if INSIDE not in os.environ:
        unshare = shutil.which("unshare") or "unshare"
        words = [unshare, "-r", "-n", sys.executable, *sys.argv]
        os.execve(unshare, words, {**os.environ, INSIDE: "yes"})
    with tempfile.TemporaryDirectory() as folder:
        figures = measured(arguments, Path(folder))
    print(json.dumps(figures, indent=2))
    return int(not figures["as in the bag"])


if __name__ == "__main__":
    sys.exit(main())
