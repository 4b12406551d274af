"""A scripted person swings the pole of cartpole_swingup up with a joystick; the system learns on.

    python benchmarks/demonstration.py [--person 20] [--duration 60] [--seed 0] [--out FOLDER]

It launches the simulation with a section ``teleop``, holds the dead-man button for the first
seconds, lets go, and prints who commanded in each episode and what it returned.
"""

from __future__ import annotations

import argparse
import math
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from mbrl_ros import ros
from mbrl_ros.data.bags import read_messages
from mbrl_ros.ros import interfaces as ri

TASK = Path(__file__).parents[1] / "config" / "cartpole_swingup.yaml"
PERSON = """
teleop:
  ros__parameters:
    sources: [pad]
    pad: {topic: joy, type: sensor_msgs/msg/Joy, rate: 25.0}
    actions: ["motor = pad.axes[1]"]
    held: pad.buttons[4]
"""
OVERRIDE = 6


def clumsy(observation: list[float]) -> float:
    """Pump energy into the pole (Astrom and Furuta 2000), and catch it not too well."""
    x, cosine, sine, speed, turning = observation
    angle = math.atan2(sine, cosine)
    if cosine > 0.85 and abs(turning) < 4.0:
        wanted = 14.0 * angle + 3.2 * turning + 0.9 * x + 1.4 * speed
    else:
        energy = 0.5 * turning**2 + 14.7 * (cosine - 1.0)
        push = math.copysign(min(1.0, abs(energy) / 4.0), energy * turning * cosine)
        wanted = 6.0 * push - 1.5 * x - 0.8 * speed
    return max(-1.0, min(1.0, 0.11 * wanted))


def drive(launch: subprocess.Popen[bytes], seconds: float) -> None:
    """Be the person until the launch ends."""
    ros.init()
    node = ros.Node("person")
    joy: Any = ri.interface("sensor_msgs/msg/Joy")
    publisher = node.create_publisher(joy, "joy", ros.QoSProfile(depth=1))
    first: list[float] = []

    def on_observation(message: Any) -> None:
        now = message.header.stamp.sec + 1e-9 * message.header.stamp.nanosec
        first[:] = first or [now]
        held = now - first[0] < seconds
        pressed = [0, 0, 0, 0, int(held)]
        axes = [0.0, clumsy(message.values.tolist())]
        header = ri.Header(stamp=node.get_clock().now().to_msg())
        publisher.publish(joy(header=header, axes=axes, buttons=pressed))

    node.create_subscription(ri.Observation, "observation", on_observation, ros.QoSProfile(depth=1))
    while launch.poll() is None:
        ros.spin_once(node, timeout_sec=0.1)
    node.destroy_node()
    ros.shutdown()


def main() -> None:
    """Launch, drive, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--person", type=float, default=20.0, help="seconds [s]")
    parser.add_argument("--duration", type=float, default=60.0, help="of the run [s]")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path(tempfile.mkdtemp()) / "run")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        task = Path(folder) / "task.yaml"
        task.write_text(TASK.read_text() + PERSON)
        words = [f"task:={task}", f"duration:={arguments.duration}", f"run_dir:={arguments.out}"]
        launch = subprocess.Popen(
            [
                *(sys.executable, "-m", "mbrl_ros.cli", "launch", "sim", "view:=none"),
                *(*words, f"seed:={arguments.seed}"),
            ]
        )
        drive(launch, arguments.person)
    returns: dict[int, float] = {}
    who: dict[int, Counter[str]] = {}
    for _, _, m in read_messages(
        arguments.out / "bag", types=["mbrl_ros/msg/Observation", "mbrl_ros/msg/Action"]
    ):
        if m.__msgtype__.endswith("Action"):
            counts = who.setdefault(m.episode, Counter())
            counts["person" if m.source == OVERRIDE else "controller"] += 1
        elif m.step > 0:
            returns[m.episode] = returns.get(m.episode, 0.0) + m.reward
    for episode, total in sorted(returns.items()):
        print(f"episode {episode}: return {total:.0f}, {dict(who.get(episode, {}))}")
    print(f"bag: {arguments.out / 'bag'}")


if __name__ == "__main__":
    main()
