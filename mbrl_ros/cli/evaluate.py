"""``mbrl-ros evaluate CHECKPOINT``: a model's accuracy on recorded data, or returns on its task."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table

from mbrl_ros.cli.terminal import Terminal
from mbrl_ros.core.json_text import json_text
from mbrl_ros.core.settings import SettingsError, build, specs
from mbrl_ros.core.task import TaskSettings
from mbrl_ros.system.launching import CONFIGURATION

if TYPE_CHECKING:
    from mbrl_ros.core.spaces import FloatArray
    from mbrl_ros.evaluation.accuracy import Accuracy
    from mbrl_ros.evaluation.episodes import Played
    from mbrl_ros.models.dynamics_model import DynamicsModel
    from mbrl_ros.models.update import ModelUpdate


# Maximum number of steps and of episodes.
_MOST = 1_000_000


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("checkpoint", type=Path, help="a model, as written by the trainer")
    parser.add_argument("--bag", type=Path, nargs="+", help="recorded data to compare it with")
    parser.add_argument("--horizon", type=int, default=25, help="steps of open-loop predictions")
    parser.add_argument("--task", help="shipped task or parameter file to run it on")
    parser.add_argument("--episodes", type=int, default=10, help="episodes of the task")
    parser.add_argument("--seed", type=int, default=0, help="seed, of which they have the starts")
    parser.add_argument("--plot", type=Path, help="PNG to plot the accuracy on recorded data to")
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    parser.add_argument("parameters", nargs="*", help="parameters of the task, name:=value")


def run(arguments: argparse.Namespace) -> int:
    """Measure and print.

    Raises:
        ValueError: for an invalid argument, checkpoint or bag.
        OSError: if a file cannot be written.
    """
    if not arguments.bag and not arguments.task:
        raise SettingsError("expected --bag, --task or both")
    for name in ("horizon", "episodes"):
        value = getattr(arguments, name)
        if not 1 <= value <= _MOST:
            raise SettingsError(f"--{name}: expected an integer from 1 to {_MOST}, got {value}")
    if arguments.plot and not arguments.bag:
        raise SettingsError("--plot: expected --bag as well")
    from mbrl_ros.models.checkpoint import load

    update, console = load(arguments.checkpoint), Terminal()
    figures: dict[str, Any] = {}
    if arguments.bag:
        from mbrl_ros.data.bag_records import read_transitions
        from mbrl_ros.evaluation.accuracy import measure

        model = _opened(update, arguments)
        log = read_transitions(arguments.bag, model.observation, model.action)
        accuracy = measure(model, log, arguments.horizon)
        console.print(_table(accuracy))
        if accuracy.backward is not None and accuracy.action is not None:
            console.print(_inverses(accuracy.names, accuracy.backward))
            told = zip(model.action.names, accuracy.action, strict=True)
            errors = ", ".join(f"{name} {error:.3f}" for name, error in told)
            console.print(f"RMS error of the actions predicted by the inverse model: {errors}")
        figures["bag"] = _figures(accuracy)
        if arguments.plot:
            from mbrl_ros.reports.accuracy_figure import draw_accuracy

            draw_accuracy(accuracy, arguments.plot)
    if arguments.task:
        played = _play(update, arguments)
        figures["task"] = {"returns": played.returns, "mean": played.mean}
        console.print(f"{arguments.task}: mean return {played}")
        for note in played.notes:
            console.print(note)
    if arguments.json:
        arguments.json.write_text(json_text(figures), encoding="utf-8")
    return 0


def _opened(update: ModelUpdate, arguments: argparse.Namespace) -> DynamicsModel:
    """Return the model, with the prior of the task or else of the run that it lies in."""
    from mbrl_ros.models.packing import unpack
    from mbrl_ros.models.prior import prior_of
    from mbrl_ros.system.configuration import parse_assignments, read_task

    path: Path = arguments.checkpoint
    beside = path.absolute().parent.parent / CONFIGURATION
    task = arguments.task or (str(beside) if beside.is_file() else None)
    prior = None
    if task is not None:
        given = parse_assignments(arguments.parameters, {"seed": "--seed"})
        prior = prior_of(build(TaskSettings, read_task(task, given).shared))
    try:
        return unpack(update, prior=prior)
    except ValueError as error:
        raise SettingsError(f"{path}: {error}") from None


def _play(update: ModelUpdate, arguments: argparse.Namespace) -> Played:
    from mbrl_ros.evaluation.episodes import Evaluation, ModelRefusedError
    from mbrl_ros.system.configuration import parse_assignments, read_task
    from mbrl_ros.system.schema import node_settings

    given = parse_assignments(arguments.parameters, {"seed": "--seed"})
    shared = read_task(arguments.task, given).shared
    # The task must use the parts that this model has, whatever a model learned there would have.
    known = {spec.name for spec in specs(node_settings({"**": shared})["model_trainer"])}
    parts = {f"model.{part}": part in update.parts for part in ("reward_model", "inverses")}
    learned = {name: value for name, value in parts.items() if name in known}
    configuration = read_task(arguments.task, {**given, **learned, "seed": arguments.seed})
    try:
        return Evaluation(configuration, arguments.episodes).model(update)
    except ModelRefusedError as error:
        raise SettingsError(f"{arguments.checkpoint}: {error}") from None


def _figures(accuracy: Accuracy) -> dict[str, Any]:
    from mbrl_ros.evaluation.accuracy import LEVELS

    backward = accuracy.backward
    return {
        "windows": accuracy.windows,
        "dimensions": {
            name: {
                "one_step": accuracy.open_loop[0, i],
                "open_loop": accuracy.open_loop[:, i].tolist(),
                "unmoved": accuracy.unmoved[:, i].tolist(),
                "spread": accuracy.spread[:, i].tolist(),
                "z_score": accuracy.z_scores[i],
                "coverage": dict(zip(map(str, LEVELS), accuracy.coverage[:, i], strict=True)),
                **({} if backward is None else {"backward": backward[:, i].tolist()}),
            }
            for i, name in enumerate(accuracy.names)
        },
        **({} if accuracy.action is None else {"action": accuracy.action.tolist()}),
    }


def _table(accuracy: Accuracy) -> Table:
    from mbrl_ros.evaluation.accuracy import LEVELS

    horizon, ninety = len(accuracy.open_loop), LEVELS.index(0.9)
    table = Table(
        "dimension", "1 step", f"{horizon} steps", "unmoved", "spread", "z", "in 90 %",
        title=f"RMS errors over {accuracy.windows} windows [SI units]", title_style="",
        caption="unmoved: error of 'nothing changes'; spread: between the members; z: one-step "
        "error in predicted standard deviations; in 90 %: share within that interval",
    )  # fmt: skip
    for i, name in enumerate(accuracy.names):
        table.add_row(
            name,
            f"{accuracy.open_loop[0, i]:.4f}",
            f"{accuracy.open_loop[-1, i]:.3f}",
            f"{accuracy.unmoved[-1, i]:.3f}",
            f"{accuracy.spread[-1, i]:.3f}",
            f"{accuracy.z_scores[i]:.2f}",
            f"{100 * accuracy.coverage[ninety, i]:.0f} %",
        )
    return table


def _inverses(names: tuple[str, ...], backward: FloatArray) -> Table:
    table = Table(
        "dimension", "1 step", f"{len(backward)} steps",
        title="RMS errors of the backward model [SI units]", title_style="",
    )  # fmt: skip
    for i, name in enumerate(names):
        table.add_row(name, f"{backward[0, i]:.4f}", f"{backward[-1, i]:.3f}")
    return table
