"""``mbrl-ros init``: the parameter file of an environment, to edit."""

from __future__ import annotations

import argparse
from pathlib import Path

from mbrl_ros.core.settings import SettingsError, unknown_parameter
from mbrl_ros.system.configuration import parse_assignments
from mbrl_ros.system.environment_task import TELLING, is_environment, parameter_text


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("environment", help="Gymnasium id, such as Hopper-v5, or MJCF file (.xml)")
    parser.add_argument("-o", "--output", type=Path, help="new file to write to; none: print it")
    known = ", ".join(name for names in TELLING.values() for name in names)
    parser.add_argument(
        "parameters", nargs="*", help=f"what is known of it, name:=value, of {known}"
    )


def run(arguments: argparse.Namespace) -> int:
    """Write the parameter file with which `learn` and `launch` take the environment's bare name.

    Raises:
        SettingsError: for an invalid argument, or one that the environment leaves open.
        OSError: if the file cannot be written.
    """
    if not is_environment(arguments.environment):
        raise SettingsError(
            f"expected an environment's id, such as Hopper-v5, or an MJCF file (.xml), got "
            f"'{arguments.environment}'"
        )
    words = parse_assignments(arguments.parameters)
    known = [name for names in TELLING.values() for name in names]
    for name in words:
        if name not in known:
            raise SettingsError(unknown_parameter(name, known))
    output = arguments.output
    if output is not None and output.exists():
        raise SettingsError(f"--output: {output} exists")
    text = parameter_text(arguments.environment, words)
    if output is None:
        print(text, end="")
        return 0
    output.write_text(text, encoding="utf-8")
    print(f"{output} is written: mbrl-ros learn {output} --out {output.stem}")
    return 0
