"""``mbrl-ros bag``: look into bags, mend them, cut them, exchange them with others' datasets."""

from __future__ import annotations

import argparse
import datetime
import importlib
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table

from mbrl_ros.cli.terminal import Terminal
from mbrl_ros.core.json_text import json_text
from mbrl_ros.core.numbers import shown
from mbrl_ros.core.settings import SettingsError
from mbrl_ros.system.configuration import check_free

if TYPE_CHECKING:
    from mbrl_ros.data.bag_summary import BagSummary
    from mbrl_ros.data.finishing import Part
    from mbrl_ros.data.transitions import Transitions

# Formats to modules that `write` them and, but for the first, `read` them.
_FORMATS = {
    "numpy": "mbrl_ros.data.exchange.numpy_archive",
    "minari": "mbrl_ros.data.exchange.minari_dataset",
    "lerobot": "mbrl_ros.data.exchange.lerobot_dataset",
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="verb")

    def verb(name: str, text: str, run: Callable[[argparse.Namespace], int]) -> Any:
        added = verbs.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        added.set_defaults(run_verb=run)
        return added

    info = verb("info", "say what a bag holds", _info)
    check = verb("check", "read a whole bag and say what is wrong with it", _check)
    for each in (info, check):
        each.add_argument("bag", type=Path, help="folder or file")
        each.add_argument("--json", action="store_true", help="print it as JSON")
    recover = verb("recover", "finish what a killed recorder left, and say what it is", _recover)
    recover.add_argument("bag", type=Path, help="folder")
    merge = verb("merge", "write bags that follow each other as one", _merge)
    merge.add_argument("bags", type=Path, nargs="+", help="folders or files")
    cut = verb("cut", "write a part of a bag, with what was latched when it begins", _cut)
    cut.add_argument("bag", type=Path, help="folder or file")
    cut.add_argument("--episodes", help="first and last, as in 3-7, or one")
    cut.add_argument("--start", type=float, help="seconds after the bag's first message")
    cut.add_argument("--end", type=float, help="the same")
    export = verb("export", "write the transitions of bags for other tools", _export)
    export.add_argument("bags", type=Path, nargs="+", help="folders or files")
    export.add_argument("--format", choices=[*_FORMATS], required=True)
    imported = verb("import", "write a bag to train from, of what others have recorded", _import)
    imported.add_argument("dataset", type=Path, help="a dataset's folder, or a bag of rosbag2")
    imported.add_argument(
        "parameters", nargs="*", metavar="name:=value", help="of the robot, as for launch"
    )
    source = imported.add_mutually_exclusive_group(required=True)
    source.add_argument("--format", choices=[*_FORMATS][1:], help="of another tool's dataset")
    source.add_argument(
        "--robot", metavar="TASK", help="whose own topics the bag holds: its name or its file"
    )
    for each in (export, imported):
        each.add_argument("--period", type=float, help="[s], where the data do not say it")
    for each in (merge, cut, export, imported):
        each.add_argument("-o", "--out", type=Path, required=True, help="new or empty folder")


def run(arguments: argparse.Namespace) -> int:
    """Run the command; return its exit code.

    Raises:
        ValueError: naming the invalid argument, file or dataset.
        OSError: if a file cannot be written.
    """
    if "out" in arguments:
        check_free(arguments.out, "--out")
    return int(arguments.run_verb(arguments))


def _info(arguments: argparse.Namespace) -> int:
    from mbrl_ros.data.bag_summary import summarize

    summary = summarize(arguments.bag)
    if arguments.json:
        print(json_text(_figures(summary)))
    else:
        _print_summary(summary, Terminal())
    return 0


def _check(arguments: argparse.Namespace) -> int:
    from mbrl_ros.data.bag_check import check_bag
    from mbrl_ros.diagnosis.diagnosis import Diagnosis
    from mbrl_ros.system.bag_task import task_of

    task, terminal = task_of(arguments.bag), Terminal()
    spaces = None if task is None else (task.observation_space(), task.action_space())
    found: dict[tuple[str, str], str] = {}

    def examine(part: Transitions) -> None:
        if task is not None:
            diagnosis = Diagnosis(task.observation_space(), task.period)
            diagnosis.examine(part)
            found.update((finding.key, finding.text) for finding in diagnosis.findings)

    check = check_bag(arguments.bag, spaces, examine)
    findings = [*found.values()]
    if arguments.json:
        figures = _figures(check.summary)
        figures |= {n: getattr(check, n) for n in ("episodes", "missing", "repeated", "broken")}
        figures |= {n: getattr(check, n) for n in ("lost", "frames", "frames_alone", "problems")}
        figures["transitions"] = check.transitions
        print(json_text({**figures, "findings": findings}))
    else:
        for problem in check.problems:
            terminal.print(f"problem: {problem}")
        for finding in findings:
            terminal.print(f"warning: {finding}")
        frames = f", {check.frames} frames" if check.frames else ""
        verdict = "sound" if not check.problems else f"{len(check.problems)} problems"
        terminal.print(
            f"{arguments.bag}: {check.transitions} transitions of {check.episodes} episodes{frames}"
            f": {verdict}"
        )
    return 1 if check.problems else 0


def _recover(arguments: argparse.Namespace) -> int:
    from mbrl_ros.data.bag_summary import bag_files
    from mbrl_ros.data.finishing import locked, recover_locked

    bag = arguments.bag
    if not bag.is_dir():
        raise SettingsError(f"{bag}: expected the folder of a bag")
    bag_files(bag)
    with locked(bag) as mine:
        if not mine:
            raise SettingsError(f"{bag}: is being recorded")
        notes = recover_locked(bag)
    print("\n".join(notes) or f"{bag}: nothing to recover")
    return 0


def _merge(arguments: argparse.Namespace) -> int:
    from mbrl_ros.data.editing import merge

    count = merge(arguments.bags, arguments.out)
    print(f"{arguments.out}: {count} messages of {len(arguments.bags)} bags")
    return 0


def _cut(arguments: argparse.Namespace) -> int:
    from mbrl_ros.data.editing import cut

    count = cut(arguments.bag, arguments.out, _part(arguments))
    print(f"{arguments.out}: {count} messages")
    return 0


def _part(arguments: argparse.Namespace) -> Part:
    from mbrl_ros.data.bag_summary import summarize
    from mbrl_ros.data.editing import episodes_part
    from mbrl_ros.data.finishing import Part

    times = arguments.start, arguments.end
    if (arguments.episodes is None) == (times == (None, None)):
        raise SettingsError("expected either --episodes, or --start, --end or both")
    if arguments.episodes is not None:
        first, _, last = arguments.episodes.partition("-")
        try:
            numbers = int(first), int(last or first)
        except ValueError:
            got = arguments.episodes
            raise SettingsError(f"--episodes: expected 3-7 or 3, got '{got}'") from None
        return episodes_part(arguments.bag, *numbers)
    begin, whole = summarize(arguments.bag).start, Part()
    start, end = (None if t is None else begin + round(1e9 * t) for t in times)
    return Part(whole.start if start is None else start, whole.end if end is None else end)


def _export(arguments: argparse.Namespace) -> int:
    from mbrl_ros.data.bag_records import read_frames, read_transitions
    from mbrl_ros.data.exchange.dataset import Dataset
    from mbrl_ros.system.bag_task import task_of

    task = task_of(arguments.bags[0])
    spaces = () if task is None else (task.observation_space(), task.action_space())
    log = read_transitions(arguments.bags, *spaces)
    if not len(log):
        raise SettingsError(f"{arguments.bags[0]}: no transitions")
    dataset = Dataset(
        task.task if task is not None and task.task else arguments.bags[0].name,
        _period(arguments, arguments.bags[0], 0.0 if task is None else task.period),
        log,
        lambda: read_frames(arguments.bags),
    )
    arguments.out.mkdir(parents=True, exist_ok=True)
    written = importlib.import_module(_FORMATS[arguments.format]).write(dataset, arguments.out)
    print(f"{written}: {len(log)} transitions of {len(log.episodes())} episodes")
    return 0


def _import(arguments: argparse.Namespace) -> int:
    log, name, text = (_of_robot if arguments.robot else _of_dataset)(arguments)
    from mbrl_ros.nodes.transition_bag import TransitionBag
    from mbrl_ros.system.launching import CONFIGURATION

    bag = TransitionBag(arguments.out, {CONFIGURATION: text}, {"task": name})
    for index, transition in enumerate(log):
        bag.append(transition, index)
    if trouble := bag.close():
        raise OSError(trouble)
    print(f"{arguments.out}: {len(log)} transitions of {len(log.episodes())} episodes")
    return 0


def _of_dataset(arguments: argparse.Namespace) -> tuple[Transitions, str, str]:
    """Return transitions, the name of their task, and its parameter file."""
    from mbrl_ros.system.bag_task import text_for

    if arguments.parameters:
        raise SettingsError(f"argument '{arguments.parameters[0]}': expected --robot with it")
    dataset = importlib.import_module(_FORMATS[arguments.format]).read(arguments.dataset)
    period = _period(arguments, arguments.dataset, dataset.period)
    return dataset.log, dataset.task, text_for(dataset.task, period, dataset.log)


def _of_robot(arguments: argparse.Namespace) -> tuple[Transitions, str, str]:
    """Return the same of what was recorded on a robot's own topics."""
    from mbrl_ros.ros import interfaces
    from mbrl_ros.system.configuration import parse_assignments, read_task
    from mbrl_ros.system.robot_bag import read_robot_bag

    words = parse_assignments(arguments.parameters)
    if arguments.period is not None:
        words["period"] = arguments.period
    configuration = read_task(arguments.robot, words)
    made = read_robot_bag(arguments.dataset, configuration, interfaces.interface)
    for reason, count in made.without.items():
        print(f"{reason}: {count} times")
    for reason, count in made.skipped.items():
        print(f"{count} observations without a transition: {reason}")
    if not len(made.log):
        raise SettingsError(f"{arguments.dataset}: no transition can be made of it")
    return made.log, str(configuration.shared["task"]), configuration.text()


def _period(arguments: argparse.Namespace, data: Path, told: float) -> float:
    period = float(told if arguments.period is None else arguments.period)
    if not 0.0 < period < math.inf:
        why = "" if arguments.period is not None else f": {data} does not say them"
        raise SettingsError(f"--period: expected seconds above 0{why}")
    return period


def _figures(summary: BagSummary) -> dict[str, Any]:
    return {
        "files": [str(file) for file in summary.files],
        "unfinished": [str(file) for file in summary.unfinished],
        "damaged": {str(file): lost for file, lost in summary.damaged.items()},
        "size": summary.size,
        "start": summary.start,
        "end": summary.end,
        "topics": {
            name: {
                "type": summary.types[name],
                "encoding": summary.encodings[name],
                "count": count,
            }
            for name, count in sorted(summary.counts.items())
        },
        "metadata": summary.metadata,
        "attachments": sorted(summary.attachments),
    }


def _print_summary(summary: BagSummary, terminal: Terminal) -> None:
    unfinished = f", {len(summary.unfinished)} unfinished" if summary.unfinished else ""
    terminal.print(f"{len(summary.files)} files, {summary.size / 1e6:.1f} MB{unfinished}")
    if summary.counts:
        began = datetime.datetime.fromtimestamp(summary.start / 1e9).astimezone()
        seconds = shown(round((summary.end - summary.start) / 1e9, 1))
        terminal.print(f"from {began:%Y-%m-%d %H:%M:%S %z}, {seconds} s")
    for name, value in sorted(summary.metadata.items()):
        terminal.print(f"{name}: {value}")
    if summary.attachments:
        terminal.print(f"attached: {', '.join(sorted(summary.attachments))}")
    table = Table("topic", "type", "messages", box=None, pad_edge=False)
    for name, count in sorted(summary.counts.items()):
        table.add_row(name, summary.types[name], str(count))
    terminal.print(table)
