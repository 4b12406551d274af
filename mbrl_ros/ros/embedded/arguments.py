"""ROS command-line arguments: ``--ros-args -r -p --params-file --log-level``."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mbrl_ros.core.parameter_files import Section, matching, read_sections
from mbrl_ros.core.rcl_yaml import check_value, read_yaml
from mbrl_ros.ros.embedded.exceptions import RCLError
from mbrl_ros.ros.embedded.names import Remap, parse_remap


class UnknownROSArgsError(RuntimeError):
    """The command line contains unknown ROS arguments."""


@dataclass
class Arguments:
    """The parsed command line."""

    remaps: list[Remap] = field(default_factory=list)
    #: In order.
    file_parameters: list[Section] = field(default_factory=list)
    parameters: list[Section] = field(default_factory=list)
    log_levels: dict[str, str] = field(default_factory=dict)  # "" for the default
    enclave: str = "/"
    console: bool = True
    rosout: bool = True
    #: Arguments left for the program.
    others: list[str] = field(default_factory=list)

    def parameters_of(self, node: str) -> dict[str, Any]:
        """Return the parameter overrides for a node, given its full name.

        Later ones take precedence, whether they name the node or match it, and ``-p`` over files.
        """
        return matching([*self.file_parameters, *self.parameters], node)


_SWITCHES = {
    "--enable-stdout-logs": ("console", True),
    "--disable-stdout-logs": ("console", False),
    "--enable-rosout-logs": ("rosout", True),
    "--disable-rosout-logs": ("rosout", False),
    # There are no log files, so there is nothing to switch.
    "--enable-external-lib-logs": (None, True),
    "--disable-external-lib-logs": (None, False),
}
_WITH_VALUE = {
    "-r": "remap",
    "--remap": "remap",
    "-p": "param",
    "--param": "param",
    "--params-file": "params-file",
    "--log-level": "log-level",
    "-e": "enclave",
    "--enclave": "enclave",
}


def parse(arguments: Iterable[str]) -> Arguments:
    """Parse a command line.

    Raises:
        UnknownROSArgsError: if a ROS argument is unknown.
        RCLError: if one is malformed or a file cannot be read.
    """
    result = Arguments()
    ours = False
    remaining = iter(list(arguments))
    for argument in remaining:
        if argument == "--ros-args":
            ours = True
        elif not ours:
            result.others.append(argument)
        elif argument == "--":
            ours = False
        elif argument in _SWITCHES:
            attribute, value = _SWITCHES[argument]
            if attribute:
                setattr(result, attribute, value)
        elif argument in _WITH_VALUE or ":=" in argument:
            # A rule without -r is the old remapping syntax, which ROS 2 still accepts.
            kind = _WITH_VALUE.get(argument, "remap")
            text = next(remaining, None) if argument in _WITH_VALUE else argument
            if text is None:
                raise RCLError(f"argument {argument} needs a value")
            try:
                _apply(result, kind, text)
            except (ValueError, OSError) as error:
                raise RCLError(f"argument {argument} {text}: {error}") from None
        else:
            raise UnknownROSArgsError(f"Found unknown ROS arguments: '{argument}'")
    return result


def _apply(result: Arguments, kind: str, text: str) -> None:
    if kind == "remap":
        result.remaps.append(parse_remap(text))
    elif kind == "param":
        name, found, value = text.partition(":=")
        if not found or not name:
            raise ValueError("must have the form name:=value")
        node, colon, rest = name.partition(":")
        pattern = f"/{node.lstrip('/')}" if colon else "/**"
        if not value:
            raise ValueError("expected a value, such as '' for an empty text")
        given = check_value(value, read_yaml(value))
        result.parameters.append(Section(pattern, {rest if colon else name: given}))
    elif kind == "params-file":
        result.file_parameters.extend(read_sections(Path(text).read_text(encoding="utf-8")))
    elif kind == "log-level":
        logger, found, level = text.rpartition(":=")
        result.log_levels[logger if found else ""] = level
    else:
        result.enclave = text
