"""A run's history, read from its folder alone."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from mbrl_ros.core.settings import build, for_node
from mbrl_ros.core.task import TaskSettings
from mbrl_ros.data.bag_records import converted
from mbrl_ros.data.bags import read_messages
from mbrl_ros.data.finishing import mcap_files, recover
from mbrl_ros.data.messages import read_observation, read_transition
from mbrl_ros.data.streaming import BagError
from mbrl_ros.data.transitions import Transitions
from mbrl_ros.diagnosis.diagnosis import Diagnosis
from mbrl_ros.diagnosis.finding import Finding
from mbrl_ros.reports.metrics import SOURCES, RunMetrics
from mbrl_ros.system.launch_kinds import BRIDGE
from mbrl_ros.system.launching import CONFIGURATION, RECORD
from mbrl_ros.system.task_file import read_task_file

#: Episodes of `mbrl-ros learn`.
CURVE = "curve.csv"
_KINDS = (
    "Intervention",
    "Observation",
    "Action",
    "Transition",
    "ControllerStatus",
    "TrainingStatus",
)
# As in rcl_interfaces/msg/Log.
_WARN = 30
_DIAGNOSTICS = "diagnostic_msgs/msg/DiagnosticArray"
_REUSED, _OVERRIDE = SOURCES.index("REUSED"), len(SOURCES)


@dataclass(frozen=True)
class Confidence:
    """How far the controller trusted its model at a time.

    Attributes:
        time: since the start [s].
        trust: in words, as in ``msg/ControllerStatus``.
        one_step_z: recent error, as a multiple of the expected one; NaN: unknown.
        open_loop_z: the same over several steps.
        correction: online correction of the last layer, relative to the layer.
    """

    time: float
    trust: str
    one_step_z: float
    open_loop_z: float
    correction: float


class NoRunError(ValueError):
    """A folder is no run folder; the message is one line."""


@dataclass
class History:
    """The history of a run.

    Attributes:
        run_dir: the run's folder.
        parameters: node name, or ``**``, to flat parameters.
        task: the parameters shared by all nodes.
        record: written by the launcher; empty: not launched by this package.
        metrics: fed with all messages of the bag.
        started: since 1970 [s]; NaN: unknown.
        ended: since 1970 [s]; NaN if there are no messages.
        plan_ms: planning time of each planned action [ms].
        errors: time since the start [s], model epoch and hold-out error, once per model.
        by_a_person: commands that a person gave.
        confidence: in each model that was in use, about twice a second.
        transitions: as logged.
        diagnosis: of what was observed.
        interventions: of the guard: since 1970 [s], and why.
        complaints: warnings and errors of the nodes: since 1970 [s], the node, and its words.
        bridge: what the names of the bridge's diagnostics begin with.
        notes: one sentence per problem.
    """

    run_dir: Path
    parameters: Mapping[str, Mapping[str, Any]]
    task: TaskSettings
    record: dict[str, Any]
    metrics: RunMetrics
    transitions: Transitions | None
    diagnosis: Diagnosis | None = None
    bridge: str = f"{BRIDGE}: "
    started: float = math.nan
    ended: float = math.nan
    plan_ms: list[float] = field(default_factory=list)
    by_a_person: int = 0
    errors: list[tuple[float, int, float]] = field(default_factory=list)
    confidence: list[Confidence] = field(default_factory=list)
    interventions: list[tuple[float, str]] = field(default_factory=list)
    complaints: list[tuple[float, str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def wall_seconds(self) -> float:
        """Time from the start to the last message; 0: no messages [s]."""
        return self.ended - self.started if math.isfinite(self.ended) else 0.0

    def feed(self, kind: str, message: Any, now: float) -> None:
        """Add a message of the bag."""
        if kind == "Intervention":
            self.interventions.append((now, str(message.reason)))
            return
        if kind == "Log":
            if message.level >= _WARN:
                self.complaints.append((now, str(message.name), str(message.msg)))
            return
        self.metrics.feed(kind, message, now)
        if not math.isfinite(self.started):
            self.started = now
        self.ended = now
        if kind == "Action" and message.source <= _REUSED and message.plan_time > 0:
            self.plan_ms.append(1e3 * message.plan_time)
        elif kind == "Action" and message.source == _OVERRIDE:
            self.by_a_person += 1
        elif kind == "TrainingStatus" and math.isfinite(message.holdout_error):
            point = (now - self.started, int(message.epoch), float(message.holdout_error))
            if not self.errors or self.errors[-1][1:] != point[1:]:
                self.errors.append(point)
        elif kind == "ControllerStatus" and message.model_sequence > 0:
            errors = message.one_step_z, message.open_loop_z, message.correction
            self.confidence.append(Confidence(now - self.started, message.trust, *errors))
        elif kind == "DiagnosticArray" and self.diagnosis is not None:
            self._note_sources(message.status, self.diagnosis)
        elif kind == "Observation" and self.diagnosis is not None:
            self.diagnosis.see(read_observation(message))
        elif kind == "Transition" and self.transitions is not None:
            self.transitions.append(read_transition(message))

    def _note_sources(self, entries: Iterable[Any], diagnosis: Diagnosis) -> None:
        """Note which sources the bridge has told to come at another rate than they should."""
        for entry in entries:
            if entry.name.startswith(self.bridge) and " Hz, expected " in entry.message:
                source = entry.name.removeprefix(self.bridge)
                diagnosis.note(Finding("rate", source, entry.message))


def is_learned(run_dir: Path) -> bool:
    """Return whether a folder is of `mbrl-ros learn`, which writes a report of its own."""
    return (run_dir / CURVE).is_file()


def read_history(run_dir: Path, learned: bool = False) -> History:
    """Read a run, also one that failed.

    A bag left by a killed logger is finished first.

    Args:
        run_dir: the run's folder.
        learned: whether it may be of `mbrl-ros learn`.

    Raises:
        NoRunError: if it is not a run folder.
        SettingsError: if its configuration cannot be read.
    """
    file = run_dir / CONFIGURATION
    if not file.is_file():
        raise NoRunError(f"{run_dir}: not a run folder: no {CONFIGURATION} in it")
    ours = (run_dir / RECORD).is_file() or (run_dir / "bag").is_dir()
    if not ours or (is_learned(run_dir) and not learned):
        raise NoRunError(f"{run_dir}: not the folder of a launch: no {RECORD} in it")
    task_file = read_task_file(file)
    parameters = task_file.nodes
    task = build(TaskSettings, parameters["**"], str(file))
    simulator = for_node(parameters, "mujoco_sim")
    record = _read_record(run_dir / RECORD)
    history = History(
        run_dir,
        parameters,
        task,
        record,
        RunMetrics(int(simulator.get("action_repeat", 1)), len(task.observation.names)),
        _table(task),
        bridge=f"{task_file.namespace.strip('/')}/{BRIDGE}: ".lstrip("/"),
        started=float(record.get("started", math.nan)),
    )
    for path in checkpoints(run_dir):
        _, epoch, sequence = path.stem.split("-")
        history.metrics.count_models(int(epoch), int(sequence))
    if history.transitions is not None:
        space = history.transitions.observation_space
        history.diagnosis = Diagnosis(space, task.period)
    _read_bag(history, run_dir / "bag")
    if history.diagnosis is not None and history.transitions is not None:
        history.diagnosis.examine(history.transitions)
    return history


def checkpoints(run_dir: Path) -> list[Path]:
    """Return the checkpoints, from the oldest to the newest."""
    return sorted((run_dir / "checkpoints").glob("model-*-*.safetensors"))


def _table(task: TaskSettings) -> Transitions | None:
    try:
        return Transitions(task.observation_space(), task.action_space())
    except ValueError:
        return None


def _read_record(path: Path) -> dict[str, Any]:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def _read_bag(history: History, bag: Path) -> None:
    if not bag.is_dir():
        history.notes.append("there is no bag: nothing was recorded")
        return
    try:
        history.notes += recover(bag)
    except OSError as error:
        history.notes.append(f"{bag}: could not be finished: {error.strerror}")
    names = {f"mbrl_ros/msg/{kind}": kind for kind in _KINDS}
    names["rcl_interfaces/msg/Log"] = "Log"
    names[_DIAGNOSTICS] = "DiagnosticArray"
    unread: dict[str, str] = {}
    for path in mcap_files(bag):
        try:
            for _, time, message in read_messages(path, types=names):
                kind, now = names[message.__msgtype__], time * 1e-9
                try:
                    converted(path, message, partial(history.feed, kind, now=now))
                except BagError as error:
                    # Such as of another version; the others count.
                    unread.setdefault(kind, str(error))
        except ValueError as error:
            # Messages before the corruption count, and so do the other files.
            history.notes.append(str(error))
    history.notes += unread.values()


def percentile(values: list[float], share: float) -> float:
    """Return a percentile; NaN of nothing."""
    return float(np.percentile(values, share)) if values else math.nan
