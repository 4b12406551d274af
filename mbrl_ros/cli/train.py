"""``mbrl-ros train BAG… --out DIR``: train a model on recorded bags, as the trainer does online."""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import sys
import time
from pathlib import Path

from rich.console import Console

from mbrl_ros.cli.progress import progress_bar
from mbrl_ros.core.settings import SettingsError, build
from mbrl_ros.reports.curves import CURVES, Curves
from mbrl_ros.system.configuration import Configuration, check_free, parse_assignments, read_task


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "bags", nargs="+", metavar="bag|name:=value",
        help="bags with transitions; further parameters",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, required=True, help="new or empty folder to write to")
    parser.add_argument(
        "--task", help="shipped task or parameter file (default: config.yaml beside the first bag)"
    )
    parser.add_argument("--seed", type=int, default=0, help="random seed")
    parser.add_argument(
        "--patience", type=int, default=20,
        help="end after this many gate decisions without a better model; 0: never",
    )  # fmt: skip


def run(arguments: argparse.Namespace) -> int:
    """Learn, keep the model that is best on the hold-out, and print its errors.

    An interruption (Ctrl-C) keeps the best so far.

    Raises:
        ValueError: for an invalid argument or bag, or too little data.
        OSError: if the folder cannot be written.
    """
    if arguments.patience < 0:
        raise SettingsError(f"--patience: expected an integer >= 0, got {arguments.patience}")
    bags = [Path(word) for word in arguments.bags if ":=" not in word]
    if not bags:
        raise SettingsError("expected at least one bag")
    configuration = _configuration(arguments, bags[0])
    out: Path = arguments.out
    check_free(out, "--out")
    # Slow to import, and bad arguments should be refused at once.
    from mbrl_ros.cli.learning_curves import LearningCurves
    from mbrl_ros.core.kinds import make_learner
    from mbrl_ros.core.task import TaskSettings
    from mbrl_ros.data.bags import passed_over, read_transitions
    from mbrl_ros.models.checkpoint import save

    task = build(TaskSettings, configuration.shared)
    settings = configuration.build("model_trainer")
    spaces = task.observation_space(), task.action_space()
    log = read_transitions(bags, *spaces)
    for bag in bags:
        if others := passed_over(bag):
            print(f"{bag}: passed over: {', '.join(others)}", file=sys.stderr)
    learner = make_learner(task.learner, *spaces, settings, task.seed)
    for transition in log:
        learner.append(transition)
    total = int(learner.owed_updates)
    if not learner.owed_updates or len(log) < settings.gate.first_transitions:
        raise SettingsError(
            f"{bags[0]}: expected at least {settings.gate.first_transitions} "
            f"transitions, got {len(log)}"
        )
    best, waited, began = None, 0, time.monotonic()
    with (
        progress_bar() as shown,
        contextlib.closing(
            Curves(out, lambda text: shown.console.print(f"error: {text}"))
        ) as curves,
    ):
        of_learner = LearningCurves(learner, curves)
        bar = shown.add_task("training", total=total, note="")
        interrupted, reason = False, "interrupted before a first decision"
        try:
            while learner.owed_updates >= 1:
                learner.update()
                if learner.is_due or learner.owed_updates < 1:
                    decision = learner.judge()
                    reason = decision.reason
                    # All data is available from the start, so the axis is updates instead.
                    of_learner.add(learner.updates, decision)
                    if decision.update is not None and (
                        best is None or decision.holdout_error <= best.holdout_error
                    ):
                        best, waited = decision, 0
                    elif best is not None:
                        waited += 1
                    shown.update(
                        bar, completed=learner.updates, note=f"error {decision.holdout_error:.3f}"
                    )
                    if arguments.patience and waited >= arguments.patience:
                        break
        except KeyboardInterrupt:
            interrupted = True
    console = Console(highlight=False)
    if best is None or best.update is None:
        # Leftovers must not keep the next attempt from using the same folder.
        shutil.rmtree(out / CURVES, ignore_errors=True)
        raise SettingsError(f"no model passed the gate: {reason}")
    (out / "checkpoints").mkdir()
    configuration.write(out / "config.yaml")
    path = out / "checkpoints" / "model-0-000001.safetensors"
    save(best.update, path)
    summary = {
        "bags": [str(bag) for bag in bags],
        "seed": task.seed,
        "transitions": len(log),
        "holdout": learner.kept_back,
        "updates": learner.updates,
        "holdout_error": best.holdout_error,
        "one_step_error": best.one_step_error,
        "wall_seconds": time.monotonic() - began,
    }
    (out / "summary.json").write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    console.print(
        f"{len(log)} transitions, {learner.updates} updates: open-loop error on the hold-out "
        f"{best.holdout_error:.3f}, one step {best.one_step_error:.3f} standard deviations"
    )
    for written in (path, out / CURVES):
        console.print(f"  {written}", soft_wrap=True, markup=False)
    if interrupted:
        raise KeyboardInterrupt
    return 0


def _configuration(arguments: argparse.Namespace, bag: Path) -> Configuration:
    task = arguments.task
    if not bag.exists():
        raise SettingsError(f"{bag}: no such file or folder")
    if task is None:
        beside = bag.absolute().parent / "config.yaml"
        if not beside.is_file():
            hint = f"; did you mean {bag / 'bag'}?" if (bag / "bag").exists() else ""
            raise SettingsError(f"{bag}: expected --task, or a config.yaml beside the bag{hint}")
        task = str(beside)
    words = [word for word in arguments.bags if ":=" in word]
    parameters = parse_assignments(words, {"seed": "--seed", "run_dir": "--out"})
    return read_task(task, {**parameters, "seed": arguments.seed})
