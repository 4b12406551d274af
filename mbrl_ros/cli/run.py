"""A run from start to report: the nodes' processes, the monitor, the console."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import threading
import time
from collections.abc import Iterator

from mbrl_ros import ros
from mbrl_ros.cli.console import Console, make_console
from mbrl_ros.cli.domain import check_unused, claim_domain
from mbrl_ros.cli.node_process import node_command
from mbrl_ros.cli.stop_request import StopRequest
from mbrl_ros.cli.supervisor import NodeCrashesError, NodeRefusedError, Supervisor
from mbrl_ros.core.niceness import yield_thread
from mbrl_ros.nodes.run_monitor import RunMonitor
from mbrl_ros.system.launch_kinds import MARKERS, MONITOR, PAGE, TRAINER
from mbrl_ros.system.launching import System

_POLL = 0.1
# Time for the trainer, which reports its count once a second, to have counted all [s].
_SETTLE = 2.5
# The monitor yields to the control loop.
_NICENESS = 5


class Run:
    """One run of a system."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._stop = StopRequest()
        self._console: Console | None = None

    def run(self) -> int:
        """Run until the duration ends or a signal is received.

        Returns:
            the exit code: 0, also after a signal; 1 if a node keeps crashing, if one crashed and
            never ran, if the duration was over before the plant ran, or if the report cannot be
            written.

        Raises:
            ValueError: if the domain is in use or a node refuses its configuration.
            OSError: if the run folder cannot be written.
        """
        system = self._system
        with self._stop, claim_domain(system.namespace), middleware(system):
            _look_around(system)
            if self._stop.asked:
                return 0
            system.prepare_folder(ros.RUNTIME)
            with _spinning_monitor(system) as monitor:
                self._console = make_console(system, monitor)
                try:
                    code = self._supervise(monitor)
                except NodeRefusedError:
                    if monitor.metrics.env_steps == 0:
                        # Nothing happened: free the folder for the next attempt.
                        shutil.rmtree(system.run_dir, ignore_errors=True)
                    raise
            return max(code, self._finish(self._console))

    def _supervise(self, monitor: RunMonitor) -> int:
        system, console = self._system, self._console
        assert console is not None
        arguments = [*_ros_arguments(system), "--params-file", str(system.parameter_file)]
        supervisor = Supervisor(
            {name: node_command(name, arguments) for name in system.kind.nodes},
            system.run_dir / "logs",
            console.node_line,
            spare=(PAGE, MARKERS),
        )
        end = time.monotonic() + system.duration if system.duration > 0 else float("inf")
        hopeless = ""
        console.start()
        try:
            supervisor.start()
            while not self._stop.asked and time.monotonic() < end:
                supervisor.check()
                console.update()
                self._stop.wait(_POLL)
            console.say("stopping")
            hopeless = self._never_ran(supervisor, monitor)
        except NodeCrashesError as error:
            hopeless = str(error)
        finally:
            self._stop_nodes(supervisor, monitor)
            console.close()
        if hopeless:
            print(f"error: {hopeless}", file=sys.stderr)
        return 1 if hopeless else 0

    def _never_ran(self, supervisor: Supervisor, monitor: RunMonitor) -> str:
        """Return which node never ran, at the end of the time or after a signal; empty: none."""
        heard = monitor.metrics.heard
        # The time may be over before a node has crashed often enough.
        for name, log in supervisor.crashed.items():
            if not heard(name):
                return f"{name} crashed and never ran: see {log}"
        plant = supervisor.processes.get(monitor.settings.plant)
        if plant is not None and not heard(plant.name) and not self._stop.asked:
            return f"{plant.name} told nothing within {self._system.duration:g} s: see {plant.log}"
        return ""

    def _stop_nodes(self, supervisor: Supervisor, monitor: RunMonitor) -> None:
        def hurried() -> bool:
            return self._stop.hurried

        for name in self._system.kind.stopping:
            if name == TRAINER:
                self._settle(supervisor, monitor)
            supervisor.stop([[name]], hurried)

    def _settle(self, supervisor: Supervisor, monitor: RunMonitor) -> None:
        """Wait until the trainer has reported the last transition, so that the bag has it."""
        end = time.monotonic() + _SETTLE
        metrics = monitor.metrics
        while supervisor.processes[TRAINER].running and not self._stop.hurried:
            # The last transition must first have arrived here too.
            time.sleep(2 * _POLL)
            if metrics.trained >= metrics.transitions or time.monotonic() > end:
                return

    def _finish(self, console: Console) -> int:
        """Write the report and show it; return 1 if it cannot be written."""
        # Imported lazily: it draws figures and reads models.
        from mbrl_ros.reports.report import write_report

        try:
            console.show_report(write_report(self._system.run_dir))
        except OSError as error:
            console.show_state()
            what = f"the report cannot be written: {error.strerror}"
            print(f"error: {self._system.run_dir}: {what}", file=sys.stderr)
            return 1
        return 0


@contextlib.contextmanager
def middleware(system: System) -> Iterator[None]:
    """Use the middleware, with a system's namespace and names of topics, until the context ends.

    Raises:
        ValueError: if it cannot be used.
    """
    # So that the nodes use the same runtime.
    os.environ["MBRL_ROS_RUNTIME"] = ros.RUNTIME
    try:
        ros.init(
            args=_ros_arguments(system),
            signal_handler_options=ros.SignalHandlerOptions.NO,
        )
    except ros.RCLError as error:
        raise ValueError(str(error)) from None
    try:
        yield
    finally:
        ros.try_shutdown()


def _ros_arguments(system: System) -> list[str]:
    names = [("__ns", system.namespace), *system.remappings]
    return ["--ros-args", *(word for old, new in names for word in ("-r", f"{old}:={new}"))]


def _look_around(system: System) -> None:
    try:
        node = ros.Node("launch", enable_rosout=False)
    except ros.RCLError as error:
        raise ValueError(str(error)) from None
    try:
        check_unused(node, [*system.kind.nodes, MONITOR])
    finally:
        node.destroy_node()


@contextlib.contextmanager
def _spinning_monitor(system: System) -> Iterator[RunMonitor]:
    parameters = {
        "task": system.configuration.shared.get("task", ""),
        "run_dir": str(system.run_dir),
        "observation.names": system.configuration.shared["observation.names"],
        **system.monitor_parameters,
    }
    monitor = RunMonitor([ros.Parameter(name, value=value) for name, value in parameters.items()])
    over = threading.Event()
    thread = threading.Thread(target=_spin, args=(monitor, over), name="monitor", daemon=True)
    thread.start()
    try:
        yield monitor
    finally:
        over.set()
        thread.join()
        monitor.destroy_node()


def _spin(monitor: RunMonitor, over: threading.Event) -> None:
    yield_thread(_NICENESS)
    executor = ros.SingleThreadedExecutor()
    executor.add_node(monitor)
    while not over.is_set():
        executor.spin_once(timeout_sec=_POLL)
    executor.shutdown()
