"""``mbrl-ros demo goals``: goals and rewards changed at run time, in each of the three ways.

The whole system in real time: simulator, logger, trainer and controller as processes. One run
for each task, with one model that keeps learning; the plant is never reset.
"""

from __future__ import annotations

import argparse
import contextlib
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mbrl_ros.cli.demo.operator import Operator, Result
from mbrl_ros.cli.demo.phases import SCRIPTS, WAYS, Script
from mbrl_ros.cli.node_process import python_command
from mbrl_ros.cli.ros_tools.session import Session
from mbrl_ros.cli.ros_tools.verbs import CommandError
from mbrl_ros.cli.terminal import Terminal
from mbrl_ros.core.json_text import json_text
from mbrl_ros.core.settings import SettingsError, build
from mbrl_ros.core.task import TaskSettings
from mbrl_ros.system.configuration import read_task

# Timeout for the first model [s].
_PATIENCE = 60.0
# Maximum duration of a run [s].
_AT_MOST = 900.0


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--tasks", nargs="+", default=list(SCRIPTS), metavar="task")
    parser.add_argument("--seed", type=int, default=0, help="random seed")
    parser.add_argument("--json", type=Path, help="file to write the results to")
    parser.add_argument(
        "--out", type=Path, help="new folder for figure and runs (default: runs/demo-goals-<date>)"
    )
    parser.add_argument("parameters", nargs="*", help="further parameters, name:=value")


def run(arguments: argparse.Namespace) -> int:
    """Run the systems, request one change after another, and print the outcomes.

    Returns:
        0 if every goal was reached in time, else 1.

    Raises:
        SettingsError: for an invalid argument.
        OSError: if a file cannot be written.
    """
    for task in arguments.tasks:
        if task not in SCRIPTS:
            raise SettingsError(f"--tasks: expected one of {', '.join(SCRIPTS)}, got '{task}'")
    if arguments.json:
        arguments.json.touch()
    out = arguments.out or Path("runs") / f"demo-goals-{time.strftime('%Y%m%d-%H%M%S')}"
    out.mkdir(parents=True)
    console, rows, reached = Terminal(), [], True
    from mbrl_ros.cli.demo.figure import draw_goals

    for task in arguments.tasks:
        script = SCRIPTS[task]()
        with _system(script, arguments, out / task) as operator:
            results = _perform(script, operator, arguments.seed, console)
        draw_goals(task, operator, results, out / f"{task}.png")
        console.print(f"  {out / task}.png")
        rows += [_row(task, result) for result in results]
        reached = reached and all(result.seconds is not None for result in results)
    if arguments.json:
        arguments.json.write_text(json_text(rows), encoding="utf-8")
    return 0 if reached else 1


@contextlib.contextmanager
def _system(script: Script, arguments: argparse.Namespace, run_dir: Path) -> Iterator[Operator]:
    """Run a system in real time; yields its operator.

    Raises:
        CommandError: if it fails.
    """
    given = [f"{name}:={_text(value)}" for name, value in script.parameters.items()]
    command = python_command("mbrl_ros.cli.main", "launch", "sim", f"task:={script.task}")
    command += [f"run_dir:={run_dir}", "view:=none", f"seed:={arguments.seed}"]
    # If this process is killed, the system ends all the same.
    command.append(f"duration:={_AT_MOST}")
    command += [*given, *arguments.parameters]
    # In its own session: we pass on a Ctrl-C in the terminal, once.
    with (
        subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True) as system,
        Session() as session,
    ):
        task = build(TaskSettings, read_task(script.task, {}).shared)
        try:
            yield Operator(session, task, system)
        finally:
            if system.poll() is None:
                system.send_signal(signal.SIGINT)
            code = system.wait()
    if code != 0:
        raise CommandError(f"the system ended with {code}: see {run_dir / 'logs'}")


def _text(value: Any) -> str:
    return ".inf" if value == float("inf") else str(value)


def _perform(script: Script, operator: Operator, seed: int, console: Terminal) -> list[Result]:
    rng = np.random.default_rng(seed)
    console.print(f"{script.task}: learns for {script.practice_seconds:.0f} s, without a reset")
    operator.wait_for_plans(_PATIENCE)
    while operator.times[-1] < script.practice_seconds:
        phase = script.practice(operator.observations[-1], rng)
        if phase is not None:
            operator.ask(phase)
        operator.watch(script.practice_period)
    results = []
    for way in WAYS:
        for phase in script.phases(way, operator.observations[-1], rng):
            results.append(operator.perform(phase))
            taken = results[-1].seconds
            outcome = "not reached" if taken is None else f"reached after {taken:.1f} s"
            console.print(f"  {way.value:<11} {phase.objective:<15} {outcome}")
    return results


def _row(task: str, result: Result) -> dict[str, Any]:
    return {
        "task": task,
        "way": result.phase.way.value,
        "objective": result.phase.objective,
        "seconds": result.seconds,
        "reached": result.seconds is not None,
    }
