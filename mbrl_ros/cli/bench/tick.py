"""``mbrl-ros bench tick``: is every tick on time while the whole system runs?

Cart-pole swing-up at 50 Hz: simulator, logger, trainer at work, controller and guard as separate
processes on this machine, and for comparison a thread that only waits. With ``--robot``, the
cart-pole rig's stand-in behind its bridge takes the simulator's place.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from mbrl_ros.cli.bench.idle import IdleThread
from mbrl_ros.cli.bench.memory import MemoryWatch
from mbrl_ros.cli.node_process import python_command
from mbrl_ros.cli.terminal import Terminal
from mbrl_ros.core.json_text import json_text
from mbrl_ros.core.settings import SettingsError

_PERIOD = 0.02
_SHARED = (f"period:={_PERIOD}", "seed:=0", "view:=none")
_SIMULATED = ("sim", "task:=cartpole_swingup", "action_repeat:=2", "planner.horizon:=80", *_SHARED)
_ROBOT = "cartpole_rig"
_REAL = ("robot", f"task:={_ROBOT}", "planner.horizon:=72", *_SHARED)
_WITH_PLAN = (0, 1)


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--seconds", type=float, default=600.0, help="duration of the run")
    parser.add_argument(
        "--robot", action="store_true", help=f"run {_ROBOT} behind its bridge, by its stand-in"
    )
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    parser.add_argument("parameters", nargs="*", help="further parameters, name:=value")


def run(arguments: argparse.Namespace) -> int:
    """Run the system and print its timing.

    Raises:
        SettingsError: for an invalid argument.
        OSError: if the file cannot be written.
    """
    if not (math.isfinite(arguments.seconds) and arguments.seconds >= 1.0):
        raise SettingsError(f"--seconds: expected a number >= 1, got {arguments.seconds:g}")
    if arguments.json:
        arguments.json.touch()
    with tempfile.TemporaryDirectory(prefix="mbrl_ros_bench_") as folder:
        run_dir = Path(folder) / "run"
        idle = IdleThread(_PERIOD)
        words = _REAL if arguments.robot else _SIMULATED
        command = python_command("mbrl_ros.cli.main", "launch", *words)
        command += [f"duration:={arguments.seconds}", f"run_dir:={run_dir}", *arguments.parameters]
        plant = _standin() if arguments.robot else contextlib.nullcontext()
        with plant, subprocess.Popen(command) as system:
            memory = MemoryWatch(system.pid)
            idle.start()
            try:
                code = system.wait()
            finally:
                idle.stop()
                memory.stop()
        if code != 0:
            return code
        growth = memory.growth()
        figures = _figures(run_dir / "bag", idle.intervals, growth)
    _tell(figures, growth)
    if arguments.json:
        arguments.json.write_text(json_text(figures), encoding="utf-8")
    return 0


@contextlib.contextmanager
def _standin() -> Iterator[None]:
    """Have a robot for as long as the context lasts."""
    with subprocess.Popen(python_command("mbrl_ros.cli.main", "robot", "standin", _ROBOT)) as robot:
        try:
            yield
        finally:
            robot.terminate()


def _figures(
    bag: Path, idle: Sequence[float], growth: dict[str, tuple[float, float]]
) -> dict[str, Any]:
    from mbrl_ros.data.bags import read_messages

    intervals, plans, ticks, late = [], [], 0, 0
    for topic, _, message in read_messages(bag, ["/action", "/controller_status"]):
        if topic == "/action":
            intervals.append(message.interval)
            if message.source in _WITH_PLAN:
                plans.append(1e3 * message.plan_time)
        else:
            ticks, late = max(ticks, int(message.ticks)), max(late, int(message.ticks_late))
    if not plans:
        raise SettingsError("--seconds: too short, no model was learned and nothing was planned")
    return {
        "ticks": ticks,
        "late_fraction": late / ticks,
        "longest_interval_periods": float(np.nanmax(intervals)) / _PERIOD,
        "jitter_ms_p99": _jitter(intervals),
        "idle_jitter_ms_p99": _jitter(idle),
        "plan_ms_p50": float(np.percentile(plans, 50)),
        "plan_ms_p99": float(np.percentile(plans, 99)),
        "rss_growth_mb": sum(grown for grown, _ in growth.values()),
    }


def _jitter(intervals: Iterable[float]) -> float:
    """Return the 99th percentile of the intervals' deviations from the period [ms]."""
    off = [1e3 * abs(i - _PERIOD) for i in intervals if math.isfinite(i)]
    return float(np.percentile(off, 99))


def _tell(figures: dict[str, Any], growth: dict[str, tuple[float, float]]) -> None:
    table = Table("figure", "value", title="ticks of a cart-pole at 50 Hz", title_style="")
    for name, value in figures.items():
        shown = f"{value:.5f}" if name == "late_fraction" else f"{value:.3f}"
        table.add_row(name, str(value) if isinstance(value, int) else shown)
    for node, (grown, share) in sorted(growth.items()):
        table.add_row(f"  growth of {node}", f"{grown:.2f} MiB, {share:.1%}")
    Terminal().print(table)
