"""``mbrl-ros replay BAG``: make a run's decisions again, as they were or as they would be."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table

from mbrl_ros.cli.progress import progress_bar
from mbrl_ros.cli.terminal import Terminal
from mbrl_ros.core.json_text import json_text
from mbrl_ros.core.numbers import shown
from mbrl_ros.core.settings import SettingsError

if TYPE_CHECKING:
    from mbrl_ros.system.decision_replay import Decision

# Decisions that differ, shown at most.
_SHOWN = 10


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("bag", type=Path, help="bag of a run's folder")
    parser.add_argument("--model", type=Path, help="a checkpoint to decide with throughout")
    parser.add_argument("--out", type=Path, help="folder for replay.csv and replay.png")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument(
        "parameters", nargs="*",
        help="what would be otherwise, name:=value: the planner, the agent, the objective",
    )  # fmt: skip


def run(arguments: argparse.Namespace) -> int:
    """Replay and compare.

    Returns:
        1 if decisions differ although nothing was to be otherwise.

    Raises:
        ValueError: naming the invalid argument, parameter or file.
        OSError: if a file cannot be written.
    """
    from mbrl_ros.data.bags import by_name
    from mbrl_ros.models import checkpoint
    from mbrl_ros.reports import decisions as report
    from mbrl_ros.system.configuration import parse_assignments, read_task
    from mbrl_ros.system.decision_replay import DecisionReplay
    from mbrl_ros.system.launching import CONFIGURATION

    folder = arguments.bag.absolute().parent
    if not (folder / CONFIGURATION).is_file():
        raise SettingsError(f"{arguments.bag}: expected the bag of a run, beside {CONFIGURATION}")
    words = parse_assignments(arguments.parameters, {"run_dir": "BAG"})
    configuration = read_task(str(folder / CONFIGURATION), words)
    objective = not any(name.partition(".")[0] == "objective" for name in words)
    model = checkpoint.load(arguments.model) if arguments.model else None
    with by_name(arguments.bag), progress_bar() as progress:
        replay = DecisionReplay(arguments.bag, configuration, model, objective)
        task = progress.add_task("replaying", total=None, note="")
        replayed = replay.run(lambda: progress.advance(task))
    action = replay.action
    figures = report.figures(replayed.decisions, action)
    figures["passed_over"] = dict(replayed.passed_over)
    if arguments.out and replayed.decisions:
        arguments.out.mkdir(parents=True, exist_ok=True)
        report.write_table(replayed.decisions, action, arguments.out / "replay.csv")
        report.draw(replayed.decisions, action, arguments.out / "replay.png")
    if arguments.json:
        print(json_text(figures))
    else:
        _print(replayed.decisions, figures, Terminal())
    return int(bool(figures["different"] and not words and model is None))


def _print(decisions: list[Decision], figures: dict[str, Any], terminal: Terminal) -> None:
    different = [d for d in decisions if not d.same]
    for reason, count in figures["passed_over"].items():
        terminal.print(f"{count} decisions were not made again: {reason}")
    equal = len(decisions) - len(different)
    terminal.print(f"{equal} of {len(decisions)} decisions are equal to the last bit")
    if not different:
        return
    terminal.print(f"the first other one is at {figures['first']}")
    for name, largest in figures["largest"].items():
        mean = figures["mean"][name]
        terminal.print(
            f"{name}: apart by {mean:.2%} of its range on average, at most {largest:.2%}"
        )
    table = Table("episode", "step", "source", "recorded", "replayed", box=None, pad_edge=False)
    for d in different[:_SHOWN]:
        values = (", ".join(shown(v) for v in each.tolist()) for each in (d.recorded, d.replayed))
        table.add_row(str(d.episode), str(d.step), d.source.name.lower(), *values)
    terminal.print(table)
    if len(different) > _SHOWN:
        terminal.print(f"and {len(different) - _SHOWN} more; all of them with --out")
