"""What more robots are worth: returns over robot time, one trainer for one and for several.

    python benchmarks/fleet.py [--robots 1 3] [--seconds 60] [--factor 0.2] [--json FILE]

Every robot is a system of its own processes in real time, slowed down so that two cores do. After
half of the time one of several is killed and does not come back.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from mbrl_ros.data.bags import read_messages

TRANSITION = "mbrl_ros/msg/Transition"


def launch(kind: str, folder: Path, *words: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "mbrl_ros.cli", "launch", kind, *words, f"run_dir:={folder}"]
    with folder.with_suffix(".txt").open("w") as output:
        return subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)


def stop(process: subprocess.Popen[bytes], how: signal.Signals = signal.SIGINT) -> None:
    process.send_signal(how)
    process.wait(120)


def metrics(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "metrics.jsonl").read_text().splitlines()[-1])
    return found


def measured(robots: int, seconds: float, factor: float, seed: int, folder: Path) -> dict[str, Any]:
    """Run a fleet, and return what its robots were paid and what the trainer has seen."""
    names = [f"robot{number}" for number in range(robots)]
    shared = "task:=cartpole_swingup", "duration:=0", "view:=none"
    trainer = launch(
        "trainer", folder / "trainer", *shared, f"seed:={seed}", f"robots:=[{', '.join(names)}]"
    )
    systems = [
        launch(
            "sim", folder / name, *shared, f"seed:={1000 * seed + number}", f"namespace:={name}",
            "trainer:=/fleet", f"real_time_factor:={factor}", "autotune:=false",
        )
        for number, name in enumerate(names)
    ]  # fmt: skip
    time.sleep(seconds / factor / 2)
    if robots > 1:
        stop(systems.pop(), signal.SIGKILL)
    time.sleep(seconds / factor / 2)
    for system in systems:
        stop(system)
    time.sleep(3.0)
    stop(trainer)
    rows = []
    for name, _ in zip(names, systems, strict=False):
        summary = json.loads((folder / name / "summary.json").read_text())
        rows.append([round(value, 1) for value in summary["episode_returns"]])
    bags = [read_messages(folder / name / "bag", types=[TRANSITION]) for name in names]
    return {
        "robots": robots,
        "seed": seed,
        "returns": rows,
        "logged": [sum(1 for _ in bag) for bag in bags],
        "trained": metrics(folder / "trainer")["transitions_trained"],
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--robots", type=int, nargs="+", default=[1, 3])
    parser.add_argument("--seconds", type=float, default=60.0, help="robot time")
    parser.add_argument("--factor", type=float, default=0.2, help="robot seconds per wall second")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--json", type=Path, help="file to write every figure to")
    a = parser.parse_args()
    found = []
    for seed in a.seeds:
        for robots in a.robots:
            with tempfile.TemporaryDirectory() as folder:
                row = measured(robots, a.seconds, a.factor, seed, Path(folder))
            found.append(row)
            print(f"{robots} robots, seed {seed}: {row}", flush=True)
    if a.json:
        a.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
