"""``mbrl-ros train BAG… --out DIR``: train a model on recorded bags, as the trainer does online."""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from mbrl_ros.cli.bag_configuration import configuration_of
from mbrl_ros.cli.progress import progress_bar
from mbrl_ros.cli.stop_request import EndedEarlyError, StopRequest
from mbrl_ros.cli.terminal import Terminal
from mbrl_ros.core.extensions import ExtensionError
from mbrl_ros.core.settings import SettingsError, build
from mbrl_ros.reports.curves import CURVES, Curves
from mbrl_ros.reports.summary import SUMMARY, write_summary
from mbrl_ros.system.configuration import (
    check_free,
    check_resumable,
    parse_assignments,
)

if TYPE_CHECKING:
    from mbrl_ros.learning.learner import GateDecision


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "bags", nargs="+", metavar="bag|name:=value",
        help="bags with transitions; further parameters",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, required=True, help="new or empty folder to write to")
    parser.add_argument(
        "--task",
        help="shipped task or parameter file (default: config.yaml in or beside the first bag)",
    )
    parser.add_argument("--seed", type=int, default=0, help="random seed")
    parser.add_argument(
        "--patience", type=int, default=20,
        help="end after this many gate decisions without a better model; 0: never",
    )  # fmt: skip
    parser.add_argument(
        "--resume", action="store_true", help="go on with what --out holds, if it holds anything"
    )


def run(arguments: argparse.Namespace) -> int:
    """Learn, keep the model that is best on the hold-out, and print its errors.

    A signal and a full disk end it early, with the best so far.

    Raises:
        EndedEarlyError: if it ended early.
        ValueError: for an invalid argument or bag, or too little data.
        OSError: if the folder cannot be written.
    """
    if arguments.patience < 0:
        raise SettingsError(f"--patience: expected an integer >= 0, got {arguments.patience}")
    bags = [Path(word) for word in arguments.bags if ":=" not in word]
    if not bags:
        raise SettingsError("expected at least one bag")
    words = [word for word in arguments.bags if ":=" in word]
    parameters = parse_assignments(words, {"seed": "--seed", "run_dir": "--out"})
    configuration = configuration_of(
        bags[0], arguments.task, {**parameters, "seed": arguments.seed}
    )
    out: Path = arguments.out
    goes_on = arguments.resume and check_resumable(out, "--resume", configuration)
    if not goes_on:
        check_free(out, "--out")
    # Slow to import, and bad arguments should be refused at once.
    from mbrl_ros.cli.learning_curves import LearningCurves
    from mbrl_ros.core.task import TaskSettings
    from mbrl_ros.data.bags import passed_over
    from mbrl_ros.learning.checked import make_learner
    from mbrl_ros.learning.demonstrations import show_bags
    from mbrl_ros.models import checkpoint
    from mbrl_ros.models.prior import prior_of

    task = build(TaskSettings, configuration.shared)
    settings = configuration.build("model_trainer")
    spaces = task.observation_space(), task.action_space()
    for bag in bags:
        if others := passed_over(bag):
            print(f"{bag}: passed over: {', '.join(others)}", file=sys.stderr)
    learner = make_learner(task.learner, *spaces, settings, task.seed, prior_of(task))
    path = out / "checkpoints" / "model-0-000001.safetensors"
    best: GateDecision | None = None
    if goes_on:
        best = _earlier(out)
        learner.restore(checkpoint.load(path), checkpoint.load_state(checkpoint.state_path(path)))
    count = show_bags(learner, bags, *spaces)
    if learner.left_out:
        print(
            f"{learner.left_out} transitions are not learned from: {learner.absurd}",
            file=sys.stderr,
        )
    total = learner.updates + int(learner.owed_updates)
    if not total or count < settings.gate.first_transitions:
        raise SettingsError(
            f"{bags[0]}: expected at least {settings.gate.first_transitions} "
            f"transitions, got {count}"
        )
    waited, began = 0, time.monotonic()

    def keep(best: GateDecision) -> None:
        summary = {
            "bags": [str(bag) for bag in bags],
            "seed": task.seed,
            "transitions": count,
            "transitions_left_out": learner.left_out,
            "holdout": learner.kept_back,
            "updates": learner.updates,
            "holdout_error": best.holdout_error,
            "one_step_error": best.one_step_error,
            "wall_seconds": time.monotonic() - began,
        }
        write_summary(summary, out)

    reason = "no decision yet"
    cause: EndedEarlyError | None = None
    with (
        StopRequest(insistent=True) as stop,
        progress_bar() as shown,
        contextlib.closing(
            Curves(out, lambda text: shown.console.print(f"error: {text}"))
        ) as curves,
    ):
        of_learner = LearningCurves(learner, curves)
        bar = shown.add_task("training", total=total, note="")
        try:
            while learner.owed_updates >= 1:
                stop.check()
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
                        path.parent.mkdir(exist_ok=True)
                        configuration.write(out / "config.yaml")
                        checkpoint.save(decision.update, path)
                        checkpoint.save_state(learner.state(), checkpoint.state_path(path))
                        keep(best)
                    elif best is not None:
                        waited += 1
                    shown.update(
                        bar, completed=learner.updates, note=f"error {decision.holdout_error:.3f}"
                    )
                    if arguments.patience and waited >= arguments.patience:
                        break
        except EndedEarlyError as error:
            cause = error
        except KeyboardInterrupt:
            cause = stop.ending
        except ExtensionError as error:
            cause = EndedEarlyError(str(error))
        except OSError as error:
            cause = EndedEarlyError(f"{error.filename or out}: {error.strerror or error}")
    if best is None:
        # Leftovers must not keep the next attempt from using the same folder.
        shutil.rmtree(out / CURVES, ignore_errors=True)
        if cause is not None:
            raise EndedEarlyError(f"{cause}; no model passed the gate: {reason}", cause.code)
        raise SettingsError(f"no model passed the gate: {reason}")
    with contextlib.suppress(OSError):  # the one written with the model is as good
        keep(best)
    console = Terminal()
    console.print(
        f"{count} transitions, {learner.updates} updates: open-loop error on the hold-out "
        f"{best.holdout_error:.3f}, one step {best.one_step_error:.3f} standard deviations"
    )
    for written in (path, out / CURVES):
        console.print(f"  {written}")
    if cause is not None:
        raise EndedEarlyError(f"{cause}; {out} is kept, --resume goes on with it", cause.code)
    return 0


def _earlier(out: Path) -> GateDecision:
    """Return what was decided on the model that an earlier process left."""
    from mbrl_ros.learning.learner import GateDecision

    try:
        told = json.loads((out / SUMMARY).read_text(encoding="utf-8"))
        errors = float(told["holdout_error"]), float(told["one_step_error"])
    except (OSError, ValueError, KeyError, TypeError):
        # Killed as it wrote its first model; any model is as good then.
        errors = math.inf, math.nan
    return GateDecision(None, *errors, "an earlier process's")
