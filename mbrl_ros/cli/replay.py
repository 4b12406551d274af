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
    from mbrl_ros.system.decisions import Decisions

# Decisions that differ, shown at most.
_SHOWN = 10
# Name of an objective that a file tells.
_INSTEAD = "what_if"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("bag", type=Path, help="bag of a run's folder")
    parser.add_argument(
        "--what-if", nargs="+", default=[], metavar="NAME=VALUE",
        help="what would be otherwise: objective=FILE|NAME, planner=TYPE, model=CHECKPOINT, "
        "or any parameter",
    )  # fmt: skip
    parser.add_argument(
        "--out", type=Path,
        help="folder for replay.csv and replay.png (default with --what-if: what_if, beside BAG)",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Replay and compare.

    Returns:
        1 if decisions differ although nothing was to be otherwise.

    Raises:
        ValueError: naming the invalid argument, parameter or file.
        OSError: if a file cannot be written.
    """
    from mbrl_ros.data.bag_records import by_name
    from mbrl_ros.models import checkpoint
    from mbrl_ros.reports import decisions as report
    from mbrl_ros.system.configuration import read_task
    from mbrl_ros.system.decision_replay import DecisionReplay
    from mbrl_ros.system.launching import CONFIGURATION

    folder = arguments.bag.absolute().parent
    if not (folder / CONFIGURATION).is_file():
        raise SettingsError(f"{arguments.bag}: expected the bag of a run, beside {CONFIGURATION}")
    otherwise, path = _what_if(arguments.what_if)
    configuration = read_task(str(folder / CONFIGURATION), otherwise)
    objective = not any(name.startswith("objective.") for name in otherwise)
    model = checkpoint.load(path) if path else None
    out = arguments.out or (folder / "what_if" if arguments.what_if else None)
    with by_name(arguments.bag):
        replay = DecisionReplay(arguments.bag, configuration, model, objective)
    with by_name(arguments.bag), progress_bar() as progress:
        task = progress.add_task("replaying", total=None, note="")
        replayed = replay.run(lambda: progress.advance(task))
    if not replayed.decisions and not replayed.passed_over:
        raise SettingsError(
            f"{arguments.bag}: expected decisions, as a launch records them, found none (learn "
            "records transitions only)"
        )
    action = replay.action
    figures = report.figures(replayed.decisions, action)
    figures["passed_over"] = dict(replayed.passed_over)
    written = []
    if out and replayed.decisions:
        out.mkdir(parents=True, exist_ok=True)
        written = [out / "replay.csv", out / "replay.png"]
        report.write_table(replayed.decisions, action, written[0])
        report.draw(replayed.decisions, action, written[1])
    if arguments.json:
        print(json_text(figures))
    else:
        _print(replayed.decisions, figures, written, Terminal())
    return int(bool(figures["different"] and not arguments.what_if))


def _what_if(words: list[str]) -> tuple[dict[str, Any], Path | None]:
    """Return parameters and a checkpoint that take the place of the recorded ones."""
    from mbrl_ros.objectives.document import read_objective
    from mbrl_ros.system.configuration import parse_assignments

    found: dict[str, Any] = {}
    model: Path | None = None
    for word in words:
        name, _, value = word.partition("=")
        if not value or name.endswith(":"):
            raise SettingsError(f"--what-if {word}: expected NAME=VALUE")
        if name == "model":
            model = Path(value)
        elif name == "objective" and value.endswith((".yaml", ".yml")):
            try:
                told = read_objective(Path(value).read_text(encoding="utf-8"))
            except UnicodeDecodeError:
                raise SettingsError(f"{value}: not a text file") from None
            except ValueError as error:
                raise SettingsError(f"{value}: {error}") from None
            own = {n.removeprefix("objective."): v for n, v in told.items()}
            found |= {f"objective.variants.{_INSTEAD}.{n}": v for n, v in own.items()}
            found["objective.active"] = _INSTEAD
        else:
            name = {"objective": "objective.active", "planner": "planner.type"}.get(name, name)
            found |= parse_assignments([f"{name}:={value}"], {"run_dir": "BAG"})
    return found, model


def _print(
    decisions: Decisions, figures: dict[str, Any], written: list[Path], terminal: Terminal
) -> None:
    for reason, count in figures["passed_over"].items():
        terminal.print(f"{count} decisions were not made again: {reason}")
    equal = len(decisions) - figures["different"]
    terminal.print(f"{equal} of {len(decisions)} decisions are equal to the last bit")
    if figures["different"]:
        _print_different(decisions, figures, terminal)
    for path in written:
        terminal.print(f"  {path}")


def _print_different(decisions: Decisions, figures: dict[str, Any], terminal: Terminal) -> None:
    terminal.print(f"the first other one is at {figures['first']}")
    for name, largest in figures["largest"].items():
        mean = figures["mean"][name]
        terminal.print(
            f"{name}: apart by {mean:.2%} of its range on average, at most {largest:.2%}"
        )
    table = Table("episode", "step", "source", "recorded", "instead", box=None, pad_edge=False)
    different = decisions.different
    for d in map(decisions.__getitem__, different[:_SHOWN]):
        values = (", ".join(shown(v) for v in each.tolist()) for each in (d.recorded, d.replayed))
        table.add_row(str(d.episode), str(d.step), d.source.name.lower(), *values)
    terminal.print(table)
    if len(different) > _SHOWN:
        terminal.print(f"and {len(different) - _SHOWN} more; all of them in replay.csv (--out)")
