"""``mbrl-ros learn``: the nodes' components in lock-step, in one process, without DDS."""

from __future__ import annotations

import argparse
import contextlib
import csv
import json
import math
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from mbrl_ros.cli.progress import progress_bar
from mbrl_ros.core.settings import SettingsError, build
from mbrl_ros.core.task import TaskSettings
from mbrl_ros.reports.curves import CURVES, Curves
from mbrl_ros.reports.history import History, percentile
from mbrl_ros.reports.metrics import RunMetrics
from mbrl_ros.system.configuration import (
    Configuration,
    check_free,
    parse_assignments,
    read_task,
    versions_in_use,
)
from mbrl_ros.system.task_file import absolute_namespace

if TYPE_CHECKING:
    from mbrl_ros.system.lock_step import LockStepSystem


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("task", help="a shipped task, or the path of a parameter file (.yaml)")
    parser.add_argument("--steps", type=int, default=5000, help="environment steps to learn from")
    parser.add_argument("--seed", type=int, default=0, help="random seed")
    parser.add_argument("--out", type=Path, required=True, help="new or empty folder to write to")
    parser.add_argument(
        "--eval-episodes", type=int, default=3, help="evaluation episodes with the model frozen"
    )
    parser.add_argument("parameters", nargs="*", help="further parameters, name:=value")


def run(arguments: argparse.Namespace) -> int:
    """Learn, evaluate and report; an interruption (Ctrl-C) keeps what was learned so far.

    Raises:
        SettingsError: for an invalid argument or parameter.
        OSError: if the folder cannot be written.
    """
    for name, value, least in (
        ("--steps", arguments.steps, 1),
        ("--eval-episodes", arguments.eval_episodes, 0),
    ):
        if value < least:
            raise SettingsError(f"{name}: expected an integer >= {least}, got {value}")
    words = parse_assignments(arguments.parameters, {"seed": "--seed", "run_dir": "--out"})
    namespace = words.pop("namespace", "")
    configuration = read_task(
        arguments.task,
        {**words, "seed": arguments.seed, "run_dir": ""},
        absolute_namespace(str(namespace)) if namespace else "",
    )
    check_free(arguments.out, "--out")
    for note in configuration.notes:
        print(note)
    _learn(configuration, arguments.out, arguments)
    return 0


def _learn(configuration: Configuration, out: Path, arguments: argparse.Namespace) -> None:
    # Slow to import, and bad arguments should be refused at once.
    from mbrl_ros.cli.lock_step_curves import LockStepCurves
    from mbrl_ros.models.checkpoint import save
    from mbrl_ros.reports.figure import draw_report
    from mbrl_ros.system.lock_step import Episode, LockStepSystem

    system = LockStepSystem(configuration)
    if arguments.eval_episodes:
        system.check_ends()
    out.mkdir(parents=True, exist_ok=True)
    configuration.write(out / "config.yaml")
    began = time.monotonic()
    path = out / "curve.csv"
    with (
        progress_bar() as shown,
        path.open("w", newline="", encoding="utf-8") as file,
        contextlib.closing(
            Curves(out, lambda text: shown.console.print(f"error: {text}"))
        ) as curves,
    ):
        of_system = LockStepCurves(system, curves)
        curve = csv.writer(file)
        curve.writerow(["env_steps", "episode", "return"])
        bar = shown.add_task("learning", total=arguments.steps, note="")

        def on_episode(episode: Episode) -> None:
            curve.writerow([episode.env_steps, episode.number, f"{episode.total_reward:.6g}"])
            file.flush()
            of_system.episode(episode)
            shown.update(bar, note=f"last return {episode.total_reward:.1f}")

        def on_step(steps: int) -> None:
            of_system.step()
            shown.update(bar, completed=min(steps, arguments.steps))

        eval_returns: list[float] = []
        try:
            system.run(arguments.steps, on_step, on_episode)
            interrupted = False
        except KeyboardInterrupt:
            interrupted = True
        learned = time.monotonic()
        env_steps = system.simulator.env_steps
        if system.published is not None and not interrupted:
            evaluation = shown.add_task("evaluating", total=arguments.eval_episodes, note="")
            try:
                eval_returns = system.evaluate(
                    arguments.eval_episodes, lambda done: shown.update(evaluation, completed=done)
                )
            except KeyboardInterrupt:
                interrupted = True
        if eval_returns:
            curves.evaluation(env_steps, statistics.fmean(eval_returns))
    if system.published is not None:
        (out / "checkpoints").mkdir()
        save(system.published, out / "checkpoints" / "model-0-000001.safetensors")
    summary = {
        "task": configuration.shared.get("task") or Path(arguments.task).stem,
        "seed": arguments.seed,
        "env_steps": env_steps,
        "episodes": len(system.episodes),
        "episode_returns": [episode.total_reward for episode in system.episodes],
        "eval_returns": eval_returns,
        "eval_return_mean": statistics.fmean(eval_returns) if eval_returns else None,
        "models_published": system.models,
        "transitions": len(system.transitions),
        "skipped": system.pairer.reasons,
        "updates": system.learner.updates,
        "holdout_error": system.holdout_errors[-1][1] if system.holdout_errors else None,
        "plan_ms_p50": percentile(system.plan_ms, 50),
        "plan_ms_p99": percentile(system.plan_ms, 99),
        "learn_seconds": learned - began,
        "wall_seconds": time.monotonic() - began,
        "runtime": "lock-step",
        "versions": versions_in_use(),
    }
    text = json.dumps({n: _plain(v) for n, v in summary.items()}, indent=2)
    (out / "summary.json").write_text(f"{text}\n", encoding="utf-8")
    draw_report(*_drawn(system, configuration, summary, out), out / "report.png")
    _tell(summary, out)
    if interrupted:
        raise KeyboardInterrupt


def _drawn(
    system: LockStepSystem, configuration: Configuration, summary: dict[str, Any], out: Path
) -> tuple[History, dict[str, Any]]:
    """Return the run as the report of a real-time run has it, in plant time."""
    own_step = system.simulator.plant.time_step
    history = History(
        run_dir=out,
        parameters=configuration.nodes,
        task=build(TaskSettings, configuration.shared),
        record={},
        metrics=RunMetrics(),
        transitions=system.transitions,
        plan_ms=system.plan_ms,
        errors=[(steps * own_step, 0, error) for steps, error in system.holdout_errors],
    )
    shown = {
        **summary,
        "wall_seconds": summary["env_steps"] * own_step,
        "episode_seconds": [episode.env_steps * own_step for episode in system.episodes],
        "budget_ms": None,
    }
    return history, shown


def _tell(summary: dict[str, Any], out: Path) -> None:
    console = Console()
    returns = summary["episode_returns"]
    console.print(
        f"{summary['task']}, seed {summary['seed']}: {summary['env_steps']} steps, "
        + (f"{len(returns)} episodes, last return {returns[-1]:.1f}" if returns else "no episode")
    )
    if summary["eval_returns"]:
        each = ", ".join(f"{value:.1f}" for value in summary["eval_returns"])
        console.print(f"model frozen: mean return {summary['eval_return_mean']:.1f} ({each})")
    if summary["skipped"]:
        console.print(f"observations of which no transition could be made: {summary['skipped']}")
    if not summary["models_published"]:
        console.print("no model passed its gate: none was saved")
    for name in ("curve.csv", "summary.json", "report.png", "checkpoints", "config.yaml", CURVES):
        if (out / name).exists():
            console.print(f"  {out / name}", soft_wrap=True, markup=False)


def _plain(value: Any) -> Any:
    """Return a value that JSON can represent: None for a non-finite number."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
