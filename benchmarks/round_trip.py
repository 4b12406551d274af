"""Round trip of a 300-byte message between two processes: embedded runtime and rclpy.

    python benchmarks/round_trip.py [--count N] [--rounds N] [--json FILE]

Both runtimes run the node code below, by turns, so that a busy machine disturbs both.
rclpy is measured where /opt/ros/*/setup.bash exists, with rmw_cyclonedds.
"""

import argparse
import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WARM_UP = 100


def pong() -> None:
    """Send back what comes."""
    from mbrl_ros.ros import ExternalShutdownException, Node, QoSProfile, init, spin
    from mbrl_ros.ros.interfaces import JointState

    init(args=[])
    node = Node("pong")
    publisher = node.create_publisher(JointState, "pong", QoSProfile(depth=1))
    node.create_subscription(JointState, "ping", publisher.publish, QoSProfile(depth=1))
    with contextlib.suppress(KeyboardInterrupt, ExternalShutdownException):
        spin(node)


def ping(count: int) -> None:
    """Measure round trips and print them in microseconds, as JSON."""
    from mbrl_ros.ros import Node, QoSProfile, SingleThreadedExecutor, init, try_shutdown
    from mbrl_ros.ros.interfaces import JointState

    init(args=[])
    node = Node("ping")
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    message = JointState(
        name=[f"joint_{i}" for i in range(7)],
        position=[0.1] * 7,
        velocity=[0.2] * 7,
        effort=[0.3] * 7,
    )
    times: list[float] = []
    sent = 0

    def send() -> None:
        nonlocal sent
        message.header.stamp.sec += 1
        sent = time.perf_counter_ns()
        publisher.publish(message)

    def receive(answer: JointState) -> None:
        times.append((time.perf_counter_ns() - sent) / 1000)
        if len(times) < count + WARM_UP:
            send()

    publisher = node.create_publisher(JointState, "ping", QoSProfile(depth=1))
    subscription = node.create_subscription(JointState, "pong", receive, QoSProfile(depth=1))
    end = time.monotonic() + 20
    while publisher.get_subscription_count() == 0 or node.count_publishers("pong") == 0:
        if time.monotonic() > end:
            sys.exit("ping: no pong")
        executor.spin_once(timeout_sec=0.05)
    time.sleep(0.5)
    send()
    while len(times) < count + WARM_UP:
        executor.spin_once(timeout_sec=1.0)
    node.destroy_subscription(subscription)
    try_shutdown()
    print(json.dumps(times[WARM_UP:]))


def command(runtime: str, *arguments: str) -> list[str]:
    """Return how to start this script under a runtime."""
    call = [str(Path(__file__).resolve()), *arguments]
    if runtime == "embedded":
        return [sys.executable, *call]
    setup = setups()[0]
    return ["bash", "-c", f'source {setup}; exec python3 "$@"', "bash", *call]


def environment(runtime: str) -> dict[str, str]:
    """Return the environment to start it in."""
    kept = {"HOME": os.environ.get("HOME", "/tmp"), "PATH": "/usr/bin:/bin"}
    base = dict(os.environ) if runtime == "embedded" else kept
    base["PYTHONPATH"] = os.pathsep.join(
        path for path in (str(ROOT), os.environ.get("PYTHONPATH")) if path
    )
    return {
        **base,
        "MBRL_ROS_RUNTIME": runtime,
        "RMW_IMPLEMENTATION": "rmw_cyclonedds_cpp",
        "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
        "ROS_DOMAIN_ID": str(1 + os.getpid() % 100),
    }


def setups() -> list[Path]:
    """Return the installations of ROS 2."""
    return sorted(Path("/opt/ros").glob("*/setup.bash"))


def measure(runtime: str, count: int) -> list[float]:
    """Return round trips in microseconds."""
    env = environment(runtime)
    with subprocess.Popen(command(runtime, "--pong"), env=env) as server:
        try:
            result = subprocess.run(
                command(runtime, "--ping", "--count", str(count)),
                env=env,
                check=True,
                stdout=subprocess.PIPE,
                text=True,
            )
        finally:
            server.send_signal(signal.SIGTERM)
    times: list[float] = json.loads(result.stdout.splitlines()[-1])
    return times


def percentile(times: list[float], percent: float) -> float:
    return sorted(times)[min(int(len(times) * percent / 100), len(times) - 1)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=1000, help="round trips per round")
    parser.add_argument("--rounds", type=int, default=3, help="rounds per runtime")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--ping", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--pong", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.pong:
        return pong()
    if options.ping:
        return ping(options.count)

    runtimes = ["embedded", *(["rclpy"] if setups() else [])]
    times: dict[str, list[float]] = {runtime: [] for runtime in runtimes}
    for _ in range(options.rounds):
        for runtime in runtimes:
            times[runtime] += measure(runtime, options.count)
    figures: dict[str, object] = {}
    for runtime in runtimes:
        median, p99 = statistics.median(times[runtime]), percentile(times[runtime], 99)
        figures[runtime] = {"median_us": median, "p99_us": p99, "count": len(times[runtime])}
        print(f"{runtime:9} median {median:7.0f} us   p99 {p99:7.0f} us")
    if "rclpy" in times:
        ratio = statistics.median(times["embedded"]) / statistics.median(times["rclpy"])
        figures["ratio_of_medians"] = ratio
        print(f"embedded / rclpy, medians: {ratio:.2f}")
    else:
        print("no ROS 2 in /opt/ros: nothing to compare with")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
