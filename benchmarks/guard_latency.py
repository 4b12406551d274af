"""How much longer the way from a reading to its command is with the guard as a process between.

    python benchmarks/guard_latency.py [--count N] [--rounds N] [--json FILE]

A plant publishes readings at 50 Hz; a process in the controller's place answers each at once. With
and without the guard by turns, so that a busy machine disturbs both. The guard has limits of every
kind: position, velocity, a forbidden set, rate, jerk.
"""

import argparse
import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WARM_UP = 50
PERIOD = 0.02
TASK = f"""
/**:
  ros__parameters:
    period: {PERIOD}
    observation: {{names: [a, b, c, va, vb, vc]}}
    action: {{names: [ua, ub, uc], low: [-1.0, -1.0, -1.0], high: [1.0, 1.0, 1.0]}}
    limits:
      of: [a, b, c, va, vb, vc]
      low: [-1.0]
      high: [1.0]
      margin: [0.05]
      forbidden: ["0.2 - sqrt((a - 0.5)**2 + (b - 0.5)**2)"]
      command: [effort]
      moves: [a, b, c]
      velocities: [va, vb, vc]
      rate: [50.0]
      jerk: [5000.0]
"""


def answer() -> None:
    """Answer every observation at once."""
    from mbrl_ros.core.realtime import AROUND, prioritize_process
    from mbrl_ros.nodes.qos import COMMAND, NEWEST
    from mbrl_ros.ros import ExternalShutdownException, Node, init, spin
    from mbrl_ros.ros import interfaces as ri

    init()
    node = Node("controller")
    publisher = node.create_publisher(ri.Action, "action_proposed", COMMAND)

    def on_observation(message: ri.Observation) -> None:
        publisher.publish(
            ri.Action(episode=message.episode, step=message.step, values=[0.1, 0.2, 0.3])
        )

    node.create_subscription(ri.Observation, "observation", on_observation, NEWEST)
    prioritize_process(AROUND)
    with contextlib.suppress(KeyboardInterrupt, ExternalShutdownException):
        spin(node)


def measure(count: int) -> None:
    """Publish readings and print the times until their commands, in microseconds, as JSON."""
    from mbrl_ros.core.realtime import AROUND, prioritize_process
    from mbrl_ros.nodes.qos import COMMAND
    from mbrl_ros.ros import Node, QoSProfile, SingleThreadedExecutor, init, try_shutdown
    from mbrl_ros.ros import interfaces as ri

    init()
    node = Node("plant")
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    publisher = node.create_publisher(ri.Observation, "observation", QoSProfile(depth=100))
    times: dict[int, float] = {}
    began = 0.0

    def receive(message: ri.Action) -> None:
        if message.source == ri.Action.PLANNED:
            times.setdefault(message.step, 1e6 * (time.perf_counter() - began))

    node.create_subscription(ri.Action, "action", receive, COMMAND)
    prioritize_process(AROUND)
    step, due = 0, time.perf_counter()
    while len(times) < count + WARM_UP:
        began = time.perf_counter()
        publisher.publish(ri.Observation(step=step, values=[0.1] * 3 + [0.0] * 3, action=[0.0] * 3))
        step, due = step + 1, max(due + PERIOD, began)
        while (left := due - time.perf_counter()) > 0:
            executor.spin_once(timeout_sec=left)
        if step > 3 * (count + WARM_UP) + 1000:
            sys.exit("measure: too few answers")
    try_shutdown()
    print(json.dumps([*times.values()][WARM_UP:]))


@contextlib.contextmanager
def running(command: list[str], environment: dict[str, str]) -> Iterator[None]:
    with subprocess.Popen(command, env=environment) as process:
        try:
            yield
        finally:
            process.send_signal(signal.SIGTERM)


def trial(guarded: bool, count: int, file: Path) -> list[float]:
    """Return the times of one round [us]."""
    me = [sys.executable, str(Path(__file__).resolve())]
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
        "ROS_DOMAIN_ID": str(1 + os.getpid() % 100),
    }
    direct = [] if guarded else ["--ros-args", "-r", "action_proposed:=action"]
    with contextlib.ExitStack() as stack:
        if guarded:
            node = [sys.executable, "-m", "mbrl_ros.nodes", "safety_guard"]
            node += ["--ros-args", "--params-file", str(file)]
            stack.enter_context(running(node, environment))
        stack.enter_context(running([*me, "--answer", *direct], environment))
        done = subprocess.run(
            [*me, "--measure", "--count", str(count)],
            env=environment, check=True, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
    times: list[float] = json.loads(done.stdout.splitlines()[-1])
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=500, help="readings per round")
    parser.add_argument("--rounds", type=int, default=3, help="rounds with and without")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--answer", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    options, _ = parser.parse_known_args()
    if options.answer:
        return answer()
    if options.measure:
        return measure(options.count)
    times: dict[str, list[float]] = {"without": [], "with": []}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "task.yaml"
        file.write_text(TASK, encoding="utf-8")
        for _ in range(options.rounds):
            for name, values in times.items():
                values += trial(name == "with", options.count, file)
    figures = {
        name: {
            "median_us": statistics.median(values),
            "p99_us": statistics.quantiles(values, n=100)[98],
            "count": len(values),
        }
        for name, values in times.items()
    }
    for name, each in figures.items():
        print(f"{name:8} median {each['median_us']:7.0f} us   p99 {each['p99_us']:7.0f} us")
    more = figures["with"]["median_us"] - figures["without"]["median_us"]
    print(f"the guard adds {more:.0f} us (medians)")
    if options.json:
        text = json.dumps({**figures, "added_us": more}, indent=2)
        options.json.write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
