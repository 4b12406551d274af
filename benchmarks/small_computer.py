"""Learn a task in real time with a controller that may use a part of one core only.

    python benchmarks/small_computer.py --out FOLDER [--share 0.25] [--slower 4] [name:=value ...]

The kernel limits the controller's process as it does a container: `cpu.max` of cgroup 2, or the
quota of cgroup 1. That needs root, and the other nodes need the rest of the machine. Real-time
priority, which escapes such a limit, is not granted to the controller.

On a machine that is busy with other things, ``--slower N`` has simulated time, and with it the
controller's computing time per second, pass N times as slowly: as much computing for each control
step, with N times as much patience for the scheduler.
"""

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from mbrl_ros.cli.node_process import python_command

PERIOD = 100_000  # of the quota, in simulated time [us]
ROOT = Path("/sys/fs/cgroup")
NAME = f"mbrl_ros_{os.getpid()}"


@contextlib.contextmanager
def limited(share: float, slower: int) -> Iterator[Path]:
    """Make a group of processes with a share of one core, and remove it in the end."""
    quota, period = round(share * PERIOD), slower * PERIOD
    if (ROOT / "cgroup.controllers").exists():
        group, settings = ROOT / NAME, {"cpu.max": f"{quota} {period}"}
        with contextlib.suppress(OSError):
            (ROOT / "cgroup.subtree_control").write_text("+cpu")
    else:
        group = ROOT / "cpu" / NAME
        settings = {"cpu.cfs_period_us": str(period), "cpu.cfs_quota_us": str(quota)}
    group.mkdir()
    try:
        for name, value in settings.items():
            (group / name).write_text(value)
        yield group
    finally:
        group.rmdir()


def process_of(node: str, launch: int) -> int | None:
    """Return the process of a node below a launch."""
    for folder in Path("/proc").iterdir():
        with contextlib.suppress(OSError, IndexError):
            command = (folder / "cmdline").read_bytes().split(b"\0")
            parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
            if node.encode() in command and int(parent) == launch:
                return int(folder.name)
    return None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--share", type=float, default=0.25, help="of one core")
    parser.add_argument("--task", default="cartpole_swingup")
    parser.add_argument("--duration", type=float, default=150.0, help="in simulated time [s]")
    parser.add_argument("--slower", type=int, default=1, help="than real time, so many times")
    parser.add_argument("--out", type=Path, required=True, help="new folder of the run")
    parser.add_argument("parameters", nargs="*", help="of the launch, name:=value")
    arguments = parser.parse_args()
    with limited(arguments.share, arguments.slower) as group:
        launch = subprocess.Popen(
            [
                *python_command("mbrl_ros.cli.main", "launch", "sim"),
                f"task:={arguments.task}",
                f"duration:={arguments.slower * arguments.duration}",
                f"real_time_factor:={1 / arguments.slower}",
                f"run_dir:={arguments.out}",
                "view:=none",
                *arguments.parameters,
            ],
        )
        try:
            while (
                controller := process_of("mpc_controller", launch.pid)
            ) is None and launch.poll() is None:
                time.sleep(0.01)
            if controller is not None:
                (group / "cgroup.procs").write_text(str(controller))
            launch.wait()
        except KeyboardInterrupt:
            launch.send_signal(signal.SIGTERM)
            launch.wait()
        throttled = (group / "cpu.stat").read_text().split("\n")
    for line in (arguments.out / "logs" / "mpc_controller.log").read_text().splitlines():
        if "autotune" in line:
            print(line)
    summary = json.loads((arguments.out / "summary.json").read_text())
    print("returns:", ", ".join(f"{each:.0f}" for each in summary["episode_returns"]))
    print("ticks:", summary["ticks"], "late:", summary.get("ticks_late"), summary["sources"])
    print("; ".join(line for line in throttled if line))
    return launch.returncode


if __name__ == "__main__":
    sys.exit(main())
