"""``mbrl-ros launch sim|robot|trainer [name:=value ...]``."""

from __future__ import annotations

import argparse

from mbrl_ros.core.settings import SettingsError
from mbrl_ros.system.launch_kinds import KINDS, LaunchKind
from mbrl_ros.system.launching import plan


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "kind", choices=KINDS, help="with a simulated plant, for a robot, or a fleet's trainer"
    )
    parser.add_argument(
        "assignments",
        nargs="*",
        metavar="name:=value",
        help="an argument below, or a parameter of a node, such as planner.horizon:=30",
    )
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = "\n\n".join(_described(kind) for kind in KINDS.values())


def run(arguments: argparse.Namespace) -> int:
    """Run a system until its duration ends or a signal is received; return the exit code."""
    kind = KINDS[arguments.kind]
    system = plan(kind, _split(arguments.assignments))
    for note in system.configuration.notes:
        print(note)
    # Imported lazily: errors above are reported without waiting for the middleware.
    from mbrl_ros.cli.run import Run

    return Run(system).run()


def _split(words: list[str]) -> dict[str, str]:
    values = {}
    for word in words:
        name, separator, text = word.partition(":=")
        if not separator or not name:
            raise SettingsError(f"argument '{word}': expected name:=value")
        values[name] = text
    return values


def _described(kind: LaunchKind) -> str:
    lines = [f"arguments of {kind.name}:"]
    for argument in kind.arguments:
        default = "must be given" if argument.default is None else f"default {argument.default}"
        ending = f" ({default})" if argument.default != "" else ""
        lines.append(f"  {argument.name + ':=':19}{argument.description}{ending}")
    return "\n".join(lines)
