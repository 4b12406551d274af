"""A task's parameter file, with overrides from the command line."""

from __future__ import annotations

import importlib.metadata
import json
import platform
import re
import subprocess
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mbrl_ros import __version__
from mbrl_ros.core.extensions import anchored
from mbrl_ros.core.rcl_yaml import check_value, read_yaml, write_yaml
from mbrl_ros.core.resources import resource_directory
from mbrl_ros.core.settings import (
    SettingsError,
    build,
    for_node,
    specs,
    unknown_parameter,
)
from mbrl_ros.core.task import TaskSettings
from mbrl_ros.system.environment_task import is_environment, parameter_text, unknown_task
from mbrl_ros.system.schema import (
    EXPLORE,
    NODES,
    OBJECTIVE,
    check_learned,
    checked_nodes,
    node_settings,
)
from mbrl_ros.system.task_file import parse_task, read_task_file

_PACKAGES = ("torch", "numpy", "gymnasium", "mujoco", "dm_control", "cyclonedds", "rosbags")
# Parameters that may name code of a user's own, after the node's name if there is one.
_REFERENCE = re.compile(
    r"(\w+\.)?(environment|task_module|learner|safe_command|prior\.(model|environment|task_module)|"
    r"planner\.(type|proposals)|objective\..*\.type)"
)


@dataclass(frozen=True)
class Configuration:
    """The parameters of every node of a system.

    Attributes:
        nodes: node name, or ``**`` for all, to flat parameters in their declared types.
        ros: the same, of parameters that ROS 2 itself declares, such as ``use_sim_time``.
        namespace: of the nodes; absolute.
        notes: what to tell the user about the file they are from, one line each.
    """

    nodes: Mapping[str, Mapping[str, Any]]
    ros: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    namespace: str = "/"
    notes: tuple[str, ...] = ()

    def node(self, name: str) -> dict[str, Any]:
        """Return all parameters of one node, those shared by all nodes included."""
        return for_node(self.nodes, name)

    def own(self, name: str) -> dict[str, Any]:
        """Return a node's own parameters, without the objective."""
        task = {spec.name for spec in specs(TaskSettings)}
        values = self.node(name)
        return {n: v for n, v in values.items() if n not in task and not n.startswith(OBJECTIVE)}

    def build(self, name: str) -> Any:
        """Return the settings of a node, without the objective.

        Raises:
            SettingsError: naming the invalid parameter.
        """
        return build(node_settings(self.nodes)[name], self.own(name))

    @property
    def shared(self) -> Mapping[str, Any]:
        """The parameters shared by all nodes."""
        return self.nodes.get("**", {})

    def write(self, path: Path, versions: Mapping[str, str] | None = None) -> None:
        """Write a ROS 2 parameter file that reproduces the system, in any namespace.

        Args:
            path: of the file.
            versions: of what the nodes run with; None: of what this process does.
        """
        path.write_text(self.text(versions), encoding="utf-8")

    def text(self, versions: Mapping[str, str] | None = None) -> str:
        """Return the text of that file; see `write`."""
        tree = {
            "/**" if node == "**" else f"/**/{node}": {
                "ros__parameters": {**self.ros.get(node, {}), **values}
            }
            for node, values in self.nodes.items()
        }
        text = write_yaml(tree, sort_keys=False, default_flow_style=None, width=100)
        versions = versions_in_use() if versions is None else versions
        lines = "".join(f"# {name} {version}\n" for name, version in versions.items())
        return f"# Written by mbrl_ros.\n{lines}{text}"


def versions_in_use() -> dict[str, str]:
    """Return the versions of this package, Python and the main dependencies."""
    found = {"mbrl_ros": __version__, "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def versions_in(python: str) -> dict[str, str]:
    """Return the same of another interpreter; of this one, if that cannot run us.

    Args:
        python: command that runs it.
    """
    code = (
        "import json; from mbrl_ros.system.configuration import versions_in_use as versions; "
        "print(json.dumps(versions()))"
    )
    try:
        done = subprocess.run([python, "-c", code], check=True, capture_output=True, text=True)
        return dict(json.loads(done.stdout))
    except (OSError, ValueError, subprocess.CalledProcessError):
        return versions_in_use()


def task_names() -> list[str]:
    """Return the names of the shipped tasks, those of robots included."""
    return sorted(_shipped())


def _shipped() -> dict[str, Path]:
    folder = resource_directory("config")
    return {path.stem: path for part in (folder, folder / "robots") for path in part.glob("*.yaml")}


def read_task(
    task: str, overrides: Mapping[str, Any] | None = None, namespace: str = ""
) -> Configuration:
    """Read a task's parameters.

    Args:
        task: name of a shipped task, path of a parameter file, or an environment (see
            `is_environment`); files that a parameter file names relative to itself, such as
            ``robot.xml``, ``mine.py:MyTask`` or ``mine:MyTask``, are resolved.
        overrides: dotted names to values; a name applies to every node that has it, ``node.name``
            to one node only. Files are relative to the working folder, or else as the task's.
        namespace: of the nodes, absolute; empty: the one in which the file names them.

    Raises:
        SettingsError: naming the parameter that is unknown, of the wrong type or out of bounds.
    """
    path, folder = Path(task), Path.cwd()
    overrides = overrides or {}
    if path.suffix in (".yaml", ".yml"):
        folder = path.parent
        file = read_task_file(path, namespace)
    elif task in (shipped := _shipped()):
        folder = shipped[task].parent
        file = read_task_file(shipped[task], namespace)
    elif is_environment(task):
        file = parse_task(parameter_text(task, overrides), task, namespace)
        if file.nodes["mpc_controller"].get("objective.name") == EXPLORE:
            told = f"{task} pays no reward: it explores, until it is given an objective"
            file = replace(file, notes=(*file.notes, told))
    else:
        raise SettingsError(unknown_task(task, sorted(shipped)))
    read = {node: anchor(own, [folder]) for node, own in file.nodes.items()}
    nodes = checked_nodes(read, task)
    overrides = anchor(overrides, [Path.cwd(), folder])
    learner = {n: overrides[n] for n in ("learner",) if n in overrides}
    settings = node_settings({**nodes, "**": {**nodes["**"], **learner}})
    # The learner determines the trainer's other parameters.
    for name, value in sorted(overrides.items(), key=lambda item: item[0] != "learner"):
        for node, parameter in _places(name, settings):
            nodes[node] = {**nodes[node], parameter: value}
    nodes = checked_nodes(nodes, "command line")
    check_learned(nodes, task)
    return Configuration(nodes, file.ros, file.namespace, file.notes)


def anchor(values: Mapping[str, Any], folders: Sequence[Path]) -> dict[str, Any]:
    """Return parameters with the files and modules that lie in some folders as absolute paths.

    Args:
        values: dotted names to values.
        folders: the first that has it counts.
    """

    def absolute(name: str, value: Any) -> Any:
        if isinstance(value, list):
            return [absolute(name, element) for element in value]
        if not isinstance(value, str):
            return value
        if name.endswith("demonstrations"):
            there = (folder.absolute() / value for folder in folders)
            return next((str(path) for path in there if path.exists()), value)
        # Any text may name a file, but `imu:Reading` may mean other things than a module.
        is_file = value.partition(":")[0].endswith((".xml", ".urdf", ".py"))
        return anchored(value, folders) if is_file or _REFERENCE.fullmatch(name) else value

    return {name: absolute(name, value) for name, value in values.items()}


def parse_assignments(
    words: Iterable[str], options: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Parse ``name:=value`` words; values are read as YAML, as ROS 2 does.

    Args:
        words: to parse.
        options: parameters for which the command has a separate option, and that option.

    Raises:
        SettingsError: for a malformed word, or a parameter with a separate option.
    """
    values: dict[str, Any] = {}
    for word in words:
        name, separator, text = word.partition(":=")
        if not separator or not name:
            raise SettingsError(f"argument '{word}': expected name:=value")
        if option := (options or {}).get(name):
            raise SettingsError(f"argument '{word}': expected {option} {text}")
        try:
            value = read_yaml(text, keep_words=True) if text else ""
        except ValueError:
            raise SettingsError(f"argument '{word}': the value is not YAML") from None
        try:
            values[name] = check_value(name, value)
        except ValueError as error:
            raise SettingsError(f"argument '{word}': {error}") from None
    return values


def _places(name: str, settings: Mapping[str, type]) -> list[tuple[str, str]]:
    """Return the nodes, and their parameter, that an override's name refers to."""
    node, _, rest = name.partition(".")
    if node in NODES and rest:
        return [(node, rest)]
    if name in {spec.name for spec in specs(TaskSettings)}:
        return [("**", name)]
    if name.startswith(OBJECTIVE):
        return [("mpc_controller", name)]
    found = [
        (node, name) for node, own in settings.items() if name in {spec.name for spec in specs(own)}
    ]
    if not found:
        known = [spec.name for own in (TaskSettings, *settings.values()) for spec in specs(own)]
        raise SettingsError(unknown_parameter(name, known))
    return found


def check_resumable(folder: Path, what: str, configuration: Configuration) -> bool:
    """Return whether a folder holds an earlier run to go on with; False: it is new or empty.

    Raises:
        SettingsError: naming ``what`` requested it, if it holds something else, or a run with other
            parameters.
    """
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return False
    file = folder / "config.yaml"
    if not file.is_file():
        raise SettingsError(f"{what}: {folder} is not the folder of a run: no config.yaml in it")
    with tempfile.TemporaryDirectory() as written:
        # As a file has them: numbers and text as they are after being written.
        now = Path(written) / file.name
        configuration.write(now)
        before, given = read_task_file(file).nodes, read_task_file(now).nodes
    for node in {**before, **given}:
        old, new = before.get(node, {}), given.get(node, {})
        for name in {**old, **new}:
            if (was := old.get(name)) != (value := new.get(name)):
                raise SettingsError(f"{what}: {folder}: {name} was {was!r}, got {value!r}")
    return True


def check_free(folder: Path, what: str) -> None:
    """Check that a run may write to a folder.

    Raises:
        SettingsError: naming ``what`` requested it, if the folder is occupied.
    """
    if folder.exists() and not folder.is_dir():
        raise SettingsError(f"{what}: {folder} is not a folder")
    if folder.is_dir() and any(folder.iterdir()):
        raise SettingsError(f"{what}: {folder} is occupied: expected a new or an empty folder")
