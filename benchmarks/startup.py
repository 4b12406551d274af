"""From the start of a node's process until it answers, and how much of it torch's import is.

    python benchmarks/startup.py [--task TASK] [--repetitions N] [--json FILE]

A node is ready when it answers a service call. All nodes and bare imports take turns. Beside the
time that passes stands the process's own computing time, which other programs disturb less: alone
on a machine with a free core the two are nearly the same.
"""

import argparse
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

from mbrl_ros import ros
from mbrl_ros.cli.node_process import node_command
from mbrl_ros.cli.ros_tools.session import Session
from mbrl_ros.ros import interfaces as ri
from mbrl_ros.system.launch_kinds import KINDS
from mbrl_ros.system.launching import plan

IMPORTS = ("numpy", "torch")
PATIENCE = 120.0


def started(session: Session, node: str, arguments: list[str]) -> tuple[float, float]:
    """Start a node, end it, and return time and computing time until it answered [s]."""
    began = time.monotonic()
    process = subprocess.Popen(
        node_command(node, arguments), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    client = session.node.create_client(ri.GetParameters, f"/{node}/get_parameters")
    try:
        if not session.find(client.service_is_ready, PATIENCE):
            raise SystemExit(f"error: {node} was not there within {PATIENCE:g} s")
        session.call(client, ri.GetParameters.Request(names=["task"]), PATIENCE)
        return time.monotonic() - began, computing_time(process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()
        session.node.destroy_client(client)


def imported(module: str) -> tuple[float, float]:
    """Return time and computing time of a process that imports a module and ends [s]."""
    began = time.monotonic()
    process = subprocess.Popen([sys.executable, "-c", f"import {module}, os; os._exit(0)"])
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return time.monotonic() - began, used.ru_utime + used.ru_stime


def computing_time(pid: int) -> float:
    """Return what a process has computed so far [s]."""
    stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")


def measured(task: str, repetitions: int) -> Iterator[tuple[str, tuple[float, float]]]:
    """Yield what was measured of each, in turns."""
    with tempfile.TemporaryDirectory() as folder, Session() as session:
        system = plan(KINDS["sim"], {"task": task, "run_dir": f"{folder}/run"})
        system.prepare_folder(ros.RUNTIME)
        arguments = ["--ros-args", "--params-file", str(system.parameter_file)]
        for _ in range(repetitions):
            for module in IMPORTS:
                yield f"import {module}", imported(module)
            for node in system.kind.nodes:
                yield node, started(session, node, arguments)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", default="cartpole_swingup")
    parser.add_argument("--repetitions", type=int, default=7)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    found: dict[str, list[tuple[float, float]]] = {}
    for name, both in measured(arguments.task, arguments.repetitions):
        found.setdefault(name, []).append(both)
    print("| | time until ready, median (least) | computing time, median (least) |\n|---|---|---|")
    for name, each in found.items():
        columns = [f"{statistics.median(c):.2f} s ({min(c):.2f})" for c in zip(*each, strict=True)]
        print(f"| {name} | {' | '.join(columns)} |")
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
