"""The node data_logger: pairs observations into transitions, serves them, records a bag.

Subscribes ``observation``; publishes ``transition``, and what is wrong with the data on
``/diagnostics``; serves ``~/get_transitions``. With a
``run_dir`` it records to ``run_dir/bag``; if restarted there, it continues the log of the
previous process. A camera's frames go to the bag as they arrive, and nowhere else.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from mbrl_ros.core.niced_call import call_niced
from mbrl_ros.core.task import TaskSettings
from mbrl_ros.data.acting import Acting
from mbrl_ros.data.definitions import Topic
from mbrl_ros.data.finishing import mcap_files
from mbrl_ros.data.kept_log import KeptLog
from mbrl_ros.data.messages import read_observation
from mbrl_ros.data.pairing import TransitionPairer
from mbrl_ros.data.recorder import Recorder
from mbrl_ros.data.settings import LoggerSettings
from mbrl_ros.data.streaming import BagError
from mbrl_ros.data.transitions import Transitions
from mbrl_ros.diagnosis.diagnosis import Diagnosis, find
from mbrl_ros.diagnosis.stream_watch import StreamWatch
from mbrl_ros.nodes.parameters import declare
from mbrl_ros.nodes.qos import EVENTS
from mbrl_ros.nodes.record_messages import findings_message, transition_message
from mbrl_ros.nodes.runner import run_node
from mbrl_ros.nodes.subscribing import ObservationSubscription, subscribe_to_all
from mbrl_ros.nodes.timers import create_steady_timer
from mbrl_ros.ros import (
    DurabilityPolicy,
    Node,
    QoSProfile,
    ReliabilityPolicy,
    deserialize_message,
    serialize_message,
)
from mbrl_ros.ros import interfaces as ri
from mbrl_ros.safety.safe_command import SafeCommand
from mbrl_ros.system.bag_task import metadata_of

# Deep enough for everything small that arrives while the machine has no time for the logger.
_DEPTH = 10_000
_DEEP = QoSProfile(depth=_DEPTH, reliability=ReliabilityPolicy.RELIABLE)
_LATCHED = QoSProfile(
    depth=100,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)
# For unknown publishers: compatible with all of them.
_ANY = QoSProfile(depth=1000, reliability=ReliabilityPolicy.BEST_EFFORT)

# The system's own topics, with `model` left out: checkpoints hold the weights, and
# training_status says when each was published.
_RECORDED = (
    ("objective", "mbrl_ros/msg/Objective", _LATCHED),
    ("controller_status", "mbrl_ros/msg/ControllerStatus", _DEEP),
    ("training_status", "mbrl_ros/msg/TrainingStatus", _DEEP),
    ("guard_status", "mbrl_ros/msg/GuardStatus", _LATCHED),
    ("/diagnostics", "diagnostic_msgs/msg/DiagnosticArray", _DEEP),
)

# From the user, latched or not.
_WISHES = (
    ("goal", "mbrl_ros/msg/Goal"),
    ("goal_sequence", "mbrl_ros/msg/GoalSequence"),
)

# Cameras whose frames are recorded once, at most.
_CAMERAS = 16
# Interval of status messages in the log [s].
_STATUS_PERIOD = 10.0
# Interval of looking at the data, and of /diagnostics [s].
_DIAGNOSIS_PERIOD = 1.0
# An examination of the data rests so many times as long as it has computed.
_REST = 19


class DataLogger(Node):
    """Records transitions and topics."""

    def __init__(self) -> None:
        """Open or continue the log.

        Raises:
            ValueError: naming the invalid parameter, or the invalid file of an earlier log.
            OSError: if the bag cannot be written.
        """
        super().__init__("data_logger")
        task, settings = declare(self, TaskSettings, LoggerSettings)
        observation_space, action_space = task.observation_space(), task.action_space()
        further = [(name, type_name, _ANY) for name, type_name in settings.further_topics()]
        for name, type_name, _ in further:
            _interface(name, type_name)
        self._pairer = TransitionPairer(
            observation_space, action_space, SafeCommand.of(task).resting, task.period
        )
        self._log = KeptLog(
            observation_space, action_space, not (settings.drop_oldest and settings.disk_budget)
        )
        self._diagnosis = Diagnosis(observation_space, task.period, partial(call_niced, find))
        self._examining: threading.Thread | None = None
        self._rested = 0.0
        self._unreadable = ""
        self._recorder: Recorder | None = None
        self._troubled = False
        self._last_frames: deque[int] = deque(maxlen=_CAMERAS)
        if settings.record and task.run_dir:
            self._continue(Path(task.run_dir), task, settings)
        self._publisher = self.create_publisher(ri.Transition, "transition", _DEEP)
        self._transition_topic = _topic(self._publisher.topic_name, "mbrl_ros/msg/Transition")
        self.create_service(ri.GetTransitions, "~/get_transitions", self._on_get_transitions)
        self._diagnostics = self.create_publisher(ri.DiagnosticArray, "/diagnostics", EVENTS)
        create_steady_timer(self, _STATUS_PERIOD, self._report)
        create_steady_timer(self, _DIAGNOSIS_PERIOD, self._diagnose)
        wall = task.period / task.real_time_factor
        self._watch = StreamWatch(action_space.dim, None if task.lock_step else wall)
        observations = ObservationSubscription(self, self._on_observation, True, _DEPTH)
        self._observation_topic = _topic(observations.topic, "mbrl_ros/msg/Observation")
        self._acting = Acting()
        self._subscribe("action", "mbrl_ros/msg/Action", _DEEP, self._on_action)
        self._subscribe("intervention", "mbrl_ros/msg/Intervention", _DEEP, self._on_intervention)
        if self._recorder is not None:
            for name, type_name, qos in [*_RECORDED, *further]:
                self._subscribe(name, type_name, qos, self._record)
            self._subscribe("frame", "mbrl_ros/msg/Frame", EVENTS, self._record_frame)
            for name, type_name in _WISHES:
                self._subscribe_to_all(name, type_name)

    def destroy_node(self) -> None:
        """Finish the bag."""
        if self._recorder is not None:
            if trouble := self._recorder.close():
                self.get_logger().error(trouble)
            self._recorder = None
        super().destroy_node()

    def _continue(self, run: Path, task: TaskSettings, settings: LoggerSettings) -> None:
        """Open the run's bag, and continue the log of an earlier process."""
        folder = run / "bag"
        configuration = {p.name: p.read_text(encoding="utf-8") for p in sorted(run.glob("*.yaml"))}
        self._recorder = Recorder(
            folder,
            configuration,
            metadata_of(task, self.get_namespace()),
            settings.fsync,
            round(1e6 * settings.disk_budget),
            settings.drop_oldest,
        )
        self._log.resume(mcap_files(folder))
        self._tell_notes()
        self._diagnosis.resume(len(self._log))
        earlier = f", {len(self._log)} transitions already in it" if len(self._log) else ""
        self.get_logger().info(f"recording to {folder}{earlier}")

    def _subscribe(
        self,
        name: str,
        type_name: str,
        qos: QoSProfile,
        record: Callable[[Topic, bytes], object],
    ) -> None:
        # The callback's topic is known only once the name is resolved.
        subscription = self.create_subscription(
            _interface(name, type_name),
            name,
            lambda data: record(topic, data),
            qos,
            raw=True,
        )
        topic = _topic(subscription.topic_name, type_name, latched=qos is _LATCHED)

    def _subscribe_to_all(self, name: str, type_name: str) -> None:
        kind = ri.interface(type_name)
        subscription, *_ = subscribe_to_all(
            self, kind, name, lambda data: self._record(topic, data), raw=True
        )
        topic = _topic(subscription.topic_name, type_name, latched=True)

    def _on_observation(self, data: bytes) -> None:
        if (message := self._read(data, ri.Observation)) is None:
            return
        self._record(self._observation_topic, data)
        seen = read_observation(message)
        self._diagnosis.see(seen)
        paired = self._pairer.feed(seen)
        reason, now = self._pairer.reason, time.monotonic()
        if finding := self._watch.feed(seen, paired is not None, reason, now):
            self._diagnosis.note(finding)
        if paired is None:
            return
        transition = serialize_message(transition_message(paired, self._log.add(paired)))
        # First to the bag, so that every published transition is recorded.
        if file := self._record(self._transition_topic, transition):
            self._log.recorded(file, safely=not self._troubled)
        self._publisher.publish(transition)

    def _on_action(self, topic: Topic, data: bytes) -> None:
        self._record(topic, data)
        if (message := self._read(data, ri.Action)) is not None:
            self._pairer.acted(*self._acting.act(message))

    def _on_intervention(self, topic: Topic, data: bytes) -> None:
        self._record(topic, data)
        if (message := self._read(data, ri.Intervention)) is not None:
            self._pairer.acted(*self._acting.intervene(message))

    def _read(self, data: bytes, kind: Any) -> Any:
        """Return a message; None: it is malformed, which is counted."""
        try:
            return deserialize_message(data, kind)
        except Exception:  # each middleware raises its own for malformed bytes
            self._pairer.skipped["malformed"] += 1
            return None

    def _record(self, topic: Topic, data: bytes) -> Path | None:
        """Record a message; return the file that has it, if any."""
        if self._recorder is None:
            return None
        file = self._recorder.write(topic, data)
        trouble = self._recorder.trouble
        if trouble and not self._troubled:
            self.get_logger().error(f"{trouble}; the log continues in memory")
        elif self._troubled and not trouble:
            self.get_logger().info("writing to the disk works again, nothing was lost")
        self._troubled = bool(trouble)
        return file

    def _tell_notes(self) -> None:
        of_files = [] if self._recorder is None else self._recorder.notes
        for notes in (of_files, self._log.notes):
            while notes:
                self.get_logger().warning(notes.pop(0))

    def _record_frame(self, topic: Topic, data: bytes) -> None:
        # A waiting plant repeats its frames with its observation, twice a second.
        if (digest := hash(data)) not in self._last_frames:
            self._last_frames.append(digest)
            self._record(topic, data)

    def _on_get_transitions(self, request: Any, response: Any) -> Any:
        response.total = len(self._log)
        try:
            page = self._log.page(request.first, request.count)
        except (BagError, OSError) as error:
            if str(error) != self._unreadable:
                self._unreadable = str(error)
                self.get_logger().error(f"earlier transitions cannot be read: {error}")
            return response
        self._tell_notes()
        response.transitions = [transition_message(row, index) for index, row in page]
        return response

    def _diagnose(self) -> None:
        """Say what was found in the data; have it examined, which takes a second."""
        if self._examining is not None and not self._examining.is_alive():
            self._examining = None
        rested = self._examining is None and time.monotonic() >= self._rested
        if rested and self._diagnosis.is_due(len(self._log)):
            # Its columns keep their length while the table grows.
            work, log = self._examine, (self._log.newest[:], len(self._log))
            self._examining = threading.Thread(target=work, args=log, daemon=True)
            self._examining.start()
        for finding in self._diagnosis.news():
            self.get_logger().warning(finding.text)
        name = f"{self.get_fully_qualified_name().lstrip('/')}: data"
        stamp = self.get_clock().now().to_msg()
        message = findings_message(name, self._diagnosis.findings, stamp)
        if self._recorder is not None:
            message.status.append(self._state_of(self._recorder))
        self._diagnostics.publish(message)

    def _state_of(self, recorder: Recorder) -> Any:
        """Return how recording goes, for the diagnostics."""
        status, trouble, slow = ri.DiagnosticStatus, recorder.trouble, recorder.slow
        return status(
            level=status.ERROR if trouble else status.WARN if slow else status.OK,
            name=f"{self.get_fully_qualified_name().lstrip('/')}: bag",
            message=trouble or slow or f"recording to {recorder.folder}",
            hardware_id="",
            values=[ri.KeyValue(key="bytes", value=str(recorder.size))],
        )

    def _examine(self, newest: Transitions, transitions: int) -> None:
        began = _time_of_processes()
        try:
            self._diagnosis.examine(newest, transitions)
        except OSError as error:
            self.get_logger().warning(f"the data were not examined: {error}")
        self._rested = time.monotonic() + _REST * (_time_of_processes() - began)

    def _report(self) -> None:
        text = f"{len(self._log)} transitions"
        if reasons := self._pairer.reasons:
            text += f", skipped: {reasons}"
        if self._pairer.unpaid:
            text += f", infinite rewards left out: {self._pairer.unpaid}"
        if self._recorder is not None:
            self._recorder.retry()
            self._tell_notes()
            text += f", {self._recorder.size} bytes recorded"
            if trouble := self._recorder.trouble:
                self.get_logger().error(trouble)
            if slow := self._recorder.slow:
                self.get_logger().warning(slow)
        self.get_logger().info(text)


def _interface(name: str, type_name: str) -> Any:
    try:
        return ri.interface(type_name)
    except LookupError as error:
        raise ValueError(f"topics: '{name}': {error}") from None


def _time_of_processes() -> float:
    """Return for how long the processes that this one started, and that are over, computed [s]."""
    times = os.times()
    return times.children_user + times.children_system


def _topic(name: str, type_name: str, latched: bool = False) -> Topic:
    return Topic(name, type_name, ri.definition(type_name), ri.type_hash(type_name), latched)


def main(args: list[str] | None = None) -> int:
    """Run the node until it is stopped; return the process's exit code."""
    return run_node(DataLogger, args)
