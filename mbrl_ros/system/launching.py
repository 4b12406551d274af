"""Description of a system as data, for `mbrl-ros launch` and `ros2 launch`."""

from __future__ import annotations

import difflib
import json
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mbrl_ros.core.settings import SettingsError, build, specs, unknown_parameter
from mbrl_ros.core.task import TaskSettings
from mbrl_ros.system.configuration import (
    Configuration,
    check_free,
    parse_assignments,
    read_task,
    versions_in_use,
)
from mbrl_ros.system.graduation_stamp import require
from mbrl_ros.system.launch_kinds import (
    BRIDGE,
    CONTROLLER,
    GUARD,
    MARKERS,
    PAGE,
    PLANT,
    TELEOP,
    TRAINER,
    LaunchKind,
    LaunchSettings,
)
from mbrl_ros.system.schema import NODES, OBJECTIVE, node_settings
from mbrl_ros.system.task_file import MISSPELT, absolute_namespace

CONFIGURATION = "config.yaml"
RECORD = "launch.json"


@dataclass(frozen=True)
class System:
    """A system ready to start.

    Attributes:
        kind: of system.
        configuration: parameters of its nodes.
        run_dir: absolute.
        duration: wall time until it ends [s]; 0: unlimited.
        view: ``auto``, ``page`` or ``none``.
    """

    kind: LaunchKind
    configuration: Configuration
    run_dir: Path
    duration: float
    view: str

    @property
    def parameter_file(self) -> Path:
        """The resolved configuration, once the folder is prepared."""
        return self.run_dir / CONFIGURATION

    @property
    def namespace(self) -> str:
        """The namespace of its nodes; absolute."""
        return self.configuration.namespace

    @property
    def remappings(self) -> list[tuple[str, str]]:
        """Topics that its nodes call by other names.

        Each simulated plant has its own clock. Without a guard the plant hears what is proposed. A
        fleet's trainer is in a namespace of its own.
        """
        found = [("/clock", "clock")] if PLANT in self.kind.nodes else []
        if GUARD not in self.kind.nodes:
            found.append(("action_proposed", "action"))
        if trainer := self.configuration.shared.get("trainer"):
            found += [(topic, f"{trainer}/{topic}") for topic in ("model", "training_status")]
        return found

    @property
    def monitor_parameters(self) -> dict[str, Any]:
        """Parameters of the run monitor besides those of every node."""
        if BRIDGE in self.kind.nodes:
            return {"plant": BRIDGE}
        simulator = self.configuration.nodes.get(PLANT, {})
        return {"action_repeat": int(simulator.get("action_repeat", 1))}

    def prepare_folder(self, runtime: str, versions: Mapping[str, str] | None = None) -> None:
        """Create the run folder and record what is started.

        Args:
            runtime: ``rclpy`` or ``embedded``.
            versions: of what the nodes run with; None: of what this process does.

        Raises:
            SettingsError: if the folder is occupied, or cannot be written.
        """
        check_free(self.run_dir, "run_dir")
        versions = versions_in_use() if versions is None else versions
        record = {
            "launch": self.kind.name,
            "command": sys.argv,
            "runtime": runtime,
            "started": time.time(),
            "duration": self.duration,
            "versions": dict(versions),
        }
        text = json.dumps(record, indent=2)
        try:
            self.run_dir.mkdir(parents=True, exist_ok=True)
            self.configuration.write(self.parameter_file, versions)
            (self.run_dir / RECORD).write_text(f"{text}\n", encoding="utf-8")
        except OSError as error:
            reason = f"{self.run_dir} cannot be written: {error.strerror}"
            raise SettingsError(f"run_dir: {reason}") from None


def plan(kind: LaunchKind, given: Mapping[str, str], parent: str = "") -> System:
    """Determine what to start, without writing anything.

    Args:
        kind: of system.
        given: arguments, and parameters of the nodes, as text; an empty one counts as not given.
        parent: namespace below which it starts, absolute; empty: none is prescribed.

    Raises:
        SettingsError: naming what is unknown, of the wrong type or out of bounds, or an occupied
            run folder.
    """
    given = {name: text for name, text in given.items() if text != ""}
    for argument in kind.arguments:
        if argument.default is None and argument.name not in given:
            raise SettingsError(f"{argument.name}:= is missing: {argument.description}")
    own = {spec.name: spec for spec in specs(LaunchSettings)}
    defaults = {a.name: a.default for a in kind.arguments if a.name in own and a.default}
    launch = build(
        LaunchSettings,
        {
            name: text if own[name].kind is str else _value(name, text)
            for name, text in {**defaults, **given}.items()
            if name in own
        },
    )
    kind = kind if launch.guard else kind.without(GUARD)
    if launch.model and CONTROLLER not in kind.nodes:
        raise SettingsError(f"model: expected none, since nothing here acts, got '{launch.model}'")
    kind = kind.without(TRAINER) if launch.model else kind
    parameters = {name: _value(name, text) for name, text in given.items() if name not in own}
    _check_spelling(parameters, [*own, *(a.name for a in kind.arguments)])
    # A run folder in a file is that of the run that wrote it.
    named = launch.namespace or parent
    namespace = absolute_namespace(launch.namespace, parent) if named else ""
    configuration = read_task(launch.task, {**parameters, "run_dir": ""}, namespace)
    shared = dict(configuration.shared)
    run_dir = Path(launch.run_dir).expanduser().absolute() if launch.run_dir else None
    if run_dir is None:
        words = [str(shared.get("task") or Path(launch.task).stem)]
        words += [token for token in configuration.namespace.split("/") if token]
        run_dir = Path.cwd() / "runs" / "-".join([*words, time.strftime("%Y%m%d-%H%M%S")])
    own["run_dir"].check(str(run_dir))
    check_free(run_dir, "run_dir")
    # A fleet's trainer and its robots may have one file, which says this to the robots.
    trainer = shared.pop("trainer", "")
    if CONTROLLER in kind.nodes:
        kind = _with_person(_bridged(kind, configuration), configuration)
        if trainer:
            shared["trainer"] = absolute_namespace(trainer, what="trainer")
            kind = kind.without(TRAINER)
    for viewer, wanted in ((PAGE, launch.view == "page"), (MARKERS, launch.rviz)):
        if wanted:
            kind = kind.with_person(viewer)
    nodes = {
        node: values
        for node, values in configuration.nodes.items()
        if node == "**" or node in kind.nodes
    }
    nodes["**"] = {**shared, "seed": shared.get("seed", 0), "run_dir": str(run_dir)}
    for node, values in kind.defaults.items():
        if node in kind.nodes:
            nodes[node] = {**values, **nodes.get(node, {})}
    if chosen := _chosen(launch, configuration):
        nodes["mpc_controller"] = {**nodes.get("mpc_controller", {}), **chosen}
    ros: dict[str, dict[str, Any]] = {"**": {"use_sim_time": PLANT in kind.nodes}}
    for node, own_ros in configuration.ros.items():
        ros[node] = {**ros.get(node, {}), **own_ros}
    if "use_sim_time" in given:
        for values in ros.values():
            values.pop("use_sim_time", None)
        ros["**"]["use_sim_time"] = launch.use_sim_time
    configuration = replace(configuration, nodes=nodes, ros=ros)
    return System(kind, configuration, run_dir, launch.duration, launch.view)


def _bridged(kind: LaunchKind, configuration: Configuration) -> LaunchKind:
    """Return the kind of system with the bridge as its plant, where a robot has one."""
    if PLANT in kind.nodes or not configuration.nodes.get(BRIDGE):
        return kind
    return kind.with_plant(BRIDGE)


def _with_person(kind: LaunchKind, configuration: Configuration) -> LaunchKind:
    """Return the kind of system with teleop, where the task says how a person commands."""
    if not configuration.nodes.get(TELEOP):
        return kind
    if GUARD not in kind.nodes:
        raise SettingsError(f"guard: expected true with a section {TELEOP}, which it takes over by")
    return kind.with_person(TELEOP)


def _chosen(launch: LaunchSettings, configuration: Configuration) -> dict[str, str]:
    """Return the controller's parameters for the model that it shall act with; none: any.

    Raises:
        SettingsError: if there is no such file, or it has not graduated and must.
    """
    if not launch.model:
        for name in ("require_graduation", "graduation_key"):
            if getattr(launch, name):
                raise SettingsError(f"{name}: expected model:=FILE too: what is learned has not")
        return {}
    model = Path(launch.model).expanduser().absolute()
    if not model.is_file():
        raise SettingsError(f"model: expected a checkpoint (.safetensors), got '{launch.model}'")
    chosen = {"model_file": str(model)}
    if launch.graduation_key and not launch.require_graduation:
        raise SettingsError("graduation_key: expected require_graduation:=FILE too")
    if launch.require_graduation:
        if not launch.guard:
            raise SettingsError("guard: expected true with require_graduation, got false")
        path, key = (
            Path(text).expanduser() for text in (launch.require_graduation, launch.graduation_key)
        )
        known = require(path, configuration, model, key if launch.graduation_key else None)
        chosen["model_sha256"] = known
    return chosen


def _value(name: str, text: str) -> Any:
    return parse_assignments([f"{name}:={text}"])[name]


def is_meant(name: str) -> bool:
    """Return whether a name, among those of other launch files, is meant for the nodes of a system.

    So is a misspelt one, to be refused.
    """
    known = _known([spec.name for spec in specs(LaunchSettings)])
    heads = {each.partition(".")[0] for each in known if "." in each} | {*NODES, OBJECTIVE[:-1]}
    head, dot, _ = name.partition(".")
    if name in known or (dot and head in heads):
        return True
    return bool(difflib.get_close_matches(name, known, 1, MISSPELT))


def _check_spelling(parameters: Mapping[str, Any], arguments: list[str]) -> None:
    """Reject a misspelt argument of the launch; which parameters there are says the task."""
    known = _known(arguments)
    for name in parameters:
        close = difflib.get_close_matches(name, known, 1)
        if name not in known and close and close[0] in arguments:
            raise SettingsError(unknown_parameter(name, known))


def _known(arguments: list[str]) -> list[str]:
    known = [*arguments, *(spec.name for spec in specs(TaskSettings))]
    for settings in node_settings({}).values():
        known += [spec.name for spec in specs(settings)]
    return known
