"""Episodes of a graduation with the real processes, in real time: are they punctual?"""

from __future__ import annotations

import argparse
import contextlib
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from mbrl_ros import ros
from mbrl_ros.cli.domain import check_unused, claim_domain
from mbrl_ros.cli.node_process import node_command
from mbrl_ros.cli.run import middleware
from mbrl_ros.cli.supervisor import NodeCrashesError, NodeRefusedError, Supervisor
from mbrl_ros.core.rcl_yaml import write_yaml
from mbrl_ros.core.records import Observation
from mbrl_ros.core.settings import flat
from mbrl_ros.data.messages import read_observation
from mbrl_ros.evaluation.graduation.conditions import Conditions
from mbrl_ros.evaluation.graduation.course import AS_THE_MODEL, Course
from mbrl_ros.evaluation.graduation.judging import Outcome
from mbrl_ros.evaluation.graduation.settings import GraduationSettings
from mbrl_ros.evaluation.graduation.stage import Stage
from mbrl_ros.nodes.qos import EVENTS
from mbrl_ros.ros import interfaces as ri
from mbrl_ros.system.launch_kinds import BRIDGE, PLANT, ROBOT, SIM
from mbrl_ros.system.launching import System, plan
from mbrl_ros.system.rehearsal import Record, objective_of, record_of, task_of
from mbrl_ros.system.rehearsed_plants import standin_of

#: Here, so that nothing reaches a robot on the same network.
NAMESPACE = "/graduation"
_STANDIN = "robot_standin"
# Puts a stand-in back that has no such service.
_HOME = "standin_home"
# Time for all to work, autotune included, and from the end of one episode to the next [s].
_START, _BETWEEN = 120.0, 30.0
_POLL = 0.02
# What must hold in each episode, by the beginning of what is told.
_ALWAYS = ("violations", "fallback", "late ticks")
# Of the state of the controller, which comes twice a second [s].
_STATUS = 0.6


def rehearse_processes(
    stage: Stage,
    arguments: argparse.Namespace,
    digest: str,
    settings: GraduationSettings,
    course: Course,
    tell: Callable[[Outcome], None],
) -> None:
    """Play episodes with the processes that will command the robot; add them to the course.

    The first one is unperturbed, the others are draws of the course, with other processes that keep
    the machine busy. A task without a stand-in is perturbed in its physics only.

    Args:
        stage: of the course.
        arguments: of the command line.
        digest: SHA-256 of the model; another one is not played with.
        settings: of the graduation.
        course: that has passed so far.
        tell: called after each episode.

    Raises:
        ValueError: if the domain is in use or a node refuses its configuration.
    """
    stage, jury = course.stage or stage, course.jury
    assert jury is not None  # something was played
    drawn = [outcome.conditions for outcome in course.of("draw")]
    conditions = [AS_THE_MODEL, *drawn][: settings.processes]
    most = settings.thresholds.deadline_misses
    with tempfile.TemporaryDirectory(prefix="mbrl_graduation_") as text, claim_domain(NAMESPACE):
        folder = Path(text)
        for number, each in enumerate(conditions):
            system = planned(stage, arguments, digest, each, folder / f"run{number}")
            with _busy(settings.cpu_load if number else 0), middleware(system):
                try:
                    record, missed = _play(stage, system, each)
                except NodeCrashesError as error:
                    course.failed.append(f"processes: {error}")
                    return
            if record is None:
                course.failed.append(f"processes: {missed}")
                return
            outcome = jury.judge("processes", each, record)
            late = float(missed)
            reasons = outcome.failed
            if late > most:
                reasons += (f"late ticks {late:.3g}, expected at most {most:g}",)
            outcome = replace(outcome, deadline_misses=late, failed=reasons)
            course.outcomes.append(outcome)
            # One draw is no rate: it must be safe and in time, and more only in the draws' rate.
            must = [each for each in reasons if not number or each.startswith(_ALWAYS)]
            if outcome.share < settings.thresholds.worst_share:
                must.append(f"share of the return {outcome.share:.2f}")
            course.failed += [f"processes: {reason}" for reason in must]
            tell(outcome)


def _play(
    stage: Stage, system: System, conditions: Conditions
) -> tuple[Record | None, float | str]:
    """Play the second episode of a system: in the first it finds out what it has the time for.

    Returns:
        the record and the share of late ticks; or None and what is missing.
    """
    system.prepare_folder(ros.RUNTIME)
    witness = _Witness()
    try:
        check_unused(witness, [*system.kind.nodes, _STANDIN])
        running = _running(system, stage, conditions, witness.note)
        with _spinning(witness), running as supervisor:
            found = _witnessed(stage, witness, supervisor)
            again = restarted(supervisor)
            return (None, again) if again else found
    except NodeRefusedError as error:
        raise ValueError(f"processes: {error}") from None
    finally:
        witness.destroy_node()


def restarted(supervisor: Supervisor) -> str:
    """Return which nodes ended and were started again, in words; empty: none."""
    return ", ".join(
        f"{name} ended and was started again, {count} times in all"
        for name, count in supervisor.restarts.items()
        if count
    )


def _witnessed(
    stage: Stage, witness: _Witness, supervisor: Supervisor
) -> tuple[Record | None, float | str]:
    def until(condition: Callable[[], Any], timeout: float) -> bool:
        end = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > end:
                return False
            supervisor.check()
            time.sleep(_POLL)
        return True

    if not until(lambda: witness.missing() == "", _START):
        return None, witness.missing()
    length = stage.steps * task_of(stage.configuration).period
    number = witness.episode
    until(lambda: witness.episode > number, length + _BETWEEN)
    begun = witness.begin()
    until(lambda: witness.over(stage.steps), length + _BETWEEN)
    until(lambda: witness.status is not begun, _STATUS)
    time.sleep(_STATUS)
    record = witness.record(stage)
    return record, "nothing was observed" if record is None else witness.late_since(begun)


class _Witness(ros.Node):
    """Hears what is observed, what the guard changes, and how the controller is."""

    def __init__(self) -> None:
        super().__init__("graduation", enable_rosout=False)
        self.status: Any = None
        self.episode = -1
        self._seen: list[Observation] = []
        self._changed = self._counted = 0
        self._said = ""
        for topic, kind, heard in (
            ("observation", ri.Observation, self._on_observation),
            ("controller_status", ri.ControllerStatus, self._on_status),
            ("intervention", ri.Intervention, self._on_intervention),
        ):
            self.create_subscription(kind, topic, heard, EVENTS)

    def missing(self) -> str:
        """Return what does not work yet; empty: it all does."""
        if self.episode < 0:
            return "nothing was observed"
        if self.status is None:
            return "nothing from the controller"
        if self.status.state != "active" or not self.status.model_sequence:
            return self._said or f"the controller: {self.status.state}, {self.status.reason}"
        return ""

    def note(self, node: str, line: str) -> None:
        """Remember what a node complains of."""
        if "[WARN]" in line or "[ERROR]" in line:
            self._said = f"{node}: {line.rpartition(']: ')[2]}"

    def begin(self) -> Any:
        """Begin to count, with the episode that has just begun; return the state before."""
        newest = self.episode
        self._seen = [each for each in self._seen if each.episode == newest]
        self._counted = self._changed
        return self.status

    def over(self, steps: int) -> bool:
        """Return whether the episode is over, or long enough."""
        first, last = (self._seen[0], self._seen[-1]) if self._seen else (None, None)
        return (
            first is not None
            and last is not None
            and (last.ended or last.episode != first.episode or last.step - first.step >= steps)
        )

    def late_since(self, begun: Any) -> float:
        """Return the share of late ticks since a state."""
        ticks = int(self.status.ticks - begun.ticks)
        return int(self.status.ticks_late - begun.ticks_late) / max(1, ticks)

    def record(self, stage: Stage) -> Record | None:
        """Return the episode."""
        seen = [each for each in self._seen if each.episode == self._seen[0].episode]
        if len(seen) < 2:
            return None
        task = task_of(stage.configuration)
        record = record_of(seen, objective_of(stage.configuration, task), task.period)
        record.sources, record.changed = [len(seen)], self._changed - self._counted
        record.delay = int(self.status.delay_steps)
        return record

    def _on_observation(self, message: Any) -> None:
        seen = read_observation(message, time.monotonic())
        self._seen.append(seen)
        self.episode = seen.episode

    def _on_status(self, message: Any) -> None:
        self.status = message

    def _on_intervention(self, message: Any) -> None:
        self._changed += 1


def planned(
    stage: Stage,
    arguments: argparse.Namespace,
    digest: str,
    conditions: Conditions,
    run_dir: Path,
) -> System:
    """Return the system of an episode; each one ends, and puts the robot back to its start.

    Args:
        stage: of the course.
        arguments: of the command line.
        digest: SHA-256 of the model.
        conditions: of the episode.
        run_dir: of the system.

    Raises:
        ValueError: naming the parameter that does not fit.
    """
    given = dict(word.split(":=", 1) for word in arguments.parameters)
    given |= {
        "task": arguments.task,
        "model": str(arguments.model.absolute()),
        "mpc_controller.model_sha256": f"'{digest}'",
        "namespace": NAMESPACE,
        "run_dir": str(run_dir),
        "duration": "0",
        "view": "none",
    }
    if stage.standin is not None:
        # Where its episodes do not end it would be where it is to go when the second one begins.
        bridge, length = (
            stage.configuration.build(BRIDGE),
            stage.steps * task_of(stage.configuration).period,
        )
        given |= {} if bridge.time_limit else {f"{BRIDGE}.time_limit": str(length)}
        given |= {} if bridge.reset_service else {f"{BRIDGE}.reset_service": _HOME}
        return plan(ROBOT, given)
    physics = {f"{PLANT}.physics.{n}": str(v) for n, v in flat(conditions.physics()).items()}
    return plan(SIM, {**given, **physics})


@contextlib.contextmanager
def _running(
    system: System, stage: Stage, conditions: Conditions, tell: Callable[[str, str], None]
) -> Iterator[Supervisor]:
    """Run the processes until the context ends; what they say is told."""
    arguments = ["--ros-args", "--params-file", str(system.parameter_file)]
    renamed = [("__ns", NAMESPACE), *system.remappings, *_kept_here(system, stage)]
    for old, new in renamed:
        arguments += ["-r", f"{old}:={new}"]
    commands = {name: node_command(name, arguments) for name in system.kind.nodes}
    if stage.standin is not None:
        made = standin_of(
            {**stage.standin},
            conditions.physics(),
            conditions.disturbance([*stage.scale], stage.push_time),
        )
        # A list without elements has no type in a parameter file.
        values = {name: value for name, value in flat(made).items() if value != []}
        values["reset_service"] = made.reset_service or _HOME
        file = system.run_dir / "standin.yaml"
        file.write_text(write_yaml({f"/**/{_STANDIN}": {"ros__parameters": values}}))
        own = ["--ros-args", "--params-file", str(file)]
        for old, new in renamed:
            own += ["-r", f"{old}:={new}"]
        commands[_STANDIN] = node_command(_STANDIN, own)
    supervisor = Supervisor(commands, system.run_dir / "logs", tell)
    supervisor.start()
    try:
        yield supervisor
    finally:
        others = [[name] for name in commands if name not in system.kind.stopping]
        supervisor.stop([[name] for name in system.kind.stopping] + others, lambda: True)


def _kept_here(system: System, stage: Stage) -> list[tuple[str, str]]:
    """Return new names of topics and services that are absolute, as those of a robot may be."""
    if stage.standin is None:
        return []
    bridge = system.configuration.build("robot_bridge")
    every = {**flat(bridge), **stage.standin}
    names = {
        str(value)
        for name, value in every.items()
        if name.endswith(".topic") or name == "reset_service"
    }
    return [(name, f"{NAMESPACE}{name}") for name in sorted(names) if name.startswith("/")]


@contextlib.contextmanager
def _spinning(node: ros.Node) -> Iterator[None]:
    over = threading.Event()

    def spin() -> None:
        executor = ros.SingleThreadedExecutor()
        executor.add_node(node)
        while not over.is_set():
            executor.spin_once(timeout_sec=0.1)
        executor.shutdown()

    thread = threading.Thread(target=spin, name="witness", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@contextlib.contextmanager
def _busy(many: int) -> Iterator[None]:
    """Keep the machine busy with processes of its own until the context ends."""
    idlers = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(many)]
    try:
        yield
    finally:
        for idler in idlers:
            idler.kill()
            idler.wait()
