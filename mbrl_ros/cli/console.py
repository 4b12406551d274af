"""Terminal output of a run: a live view, lines, or almost nothing."""

from __future__ import annotations

import contextlib
import os
import sys
import termios
import threading
import time
from collections.abc import Iterator

from rich.live import Live

from mbrl_ros.cli.streams import drop_output
from mbrl_ros.cli.terminal import Terminal
from mbrl_ros.core.niceness import yield_thread
from mbrl_ros.core.resources import resource_directory
from mbrl_ros.nodes.run_monitor import RunMonitor
from mbrl_ros.reports.lines import one_line
from mbrl_ros.reports.report import Report
from mbrl_ros.reports.table import print_report
from mbrl_ros.reports.view import View
from mbrl_ros.system.launch_kinds import MARKERS, PAGE
from mbrl_ros.system.launching import System

_LINE_PERIOD = 5.0
_VIEW_PERIOD = 0.5


class Console:
    """Shows the start and the end; base class of those that show more.

    Terminal errors must not affect the run: output that cannot be shown is dropped.
    """

    def __init__(self, system: System, monitor: RunMonitor) -> None:
        self.system = system
        self.monitor = monitor
        self.terminal = Terminal()

    def start(self) -> None:
        """Show what is started."""
        system = self.system
        until = f"for {system.duration:g} s" if system.duration else "until Ctrl-C"
        self.say(
            f"{system.configuration.shared.get('task', '')}, "
            f"seed {system.configuration.shared['seed']}, {until}, in {system.run_dir}"
        )
        if MARKERS in system.kind.nodes:
            layout = resource_directory("config") / "layouts" / "mbrl_ros.rviz"
            self.say(f"for RViz, where ROS 2 is: rviz2 -d {layout}")

    def node_line(self, node: str, line: str) -> None:
        """Show a node's output line if it reports a problem, or where the page is."""
        if node == PAGE or "[WARN]" in line or "[ERROR]" in line or "[FATAL]" in line:
            self.say(f"[{node}] {line}")

    def update(self) -> None:
        """Show the state of the run, if it is due."""

    def say(self, text: str) -> None:
        """Show a line about the run as a whole."""
        with self._guarded():
            self.terminal.print(text)

    def close(self) -> None:
        """Stop showing node output."""

    def show_state(self) -> None:
        """Show the state of the run in one line."""
        now = time.time()
        self.say(one_line(self.monitor.metrics, now, now - self.monitor.started))

    def show_report(self, report: Report) -> None:
        """Show the main figures and the outputs."""
        with self._guarded():
            print_report(report, self.terminal)

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except OSError:
            # The terminal or the reader of a pipe was closed.
            drop_output()


class LineConsole(Console):
    """Shows the nodes' output, and occasionally a line with the state."""

    def __init__(self, system: System, monitor: RunMonitor) -> None:
        super().__init__(system, monitor)
        self._due = time.monotonic() + _LINE_PERIOD

    def node_line(self, node: str, line: str) -> None:
        """Show a line with the node's name before it."""
        # A configuration error is reported once, as the launch's own error.
        if not line.startswith("error: "):
            self.say(f"[{node}] {line}")

    def update(self) -> None:
        """Show the state in a line."""
        if time.monotonic() < self._due:
            return
        self._due += _LINE_PERIOD
        self.show_state()


class LiveConsole(Console):
    """Shows a view that is redrawn twice a second, with warnings of the nodes above it."""

    def __init__(self, system: System, monitor: RunMonitor) -> None:
        super().__init__(system, monitor)
        self._view = View(
            monitor.metrics,
            system.configuration.shared,
            system.kind.nodes,
            monitor.started,
            system.duration,
        )
        self._live = Live(
            console=self.terminal, auto_refresh=False, transient=True, vertical_overflow="crop"
        )
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._draw, name="view", daemon=True)

    def start(self) -> None:
        """Start drawing."""
        super().start()
        _echo(False)
        with self._guarded():
            self._live.start()
        self._thread.start()

    def say(self, text: str) -> None:
        """Show a line above the view, and that the run is stopping within it."""
        if text == "stopping":
            self._view.stopping = True
            return
        super().say(text)

    def close(self) -> None:
        """Remove the view."""
        if self._thread.is_alive():
            self._over.set()
            self._thread.join()
        with self._guarded():
            self._live.stop()
        _echo(True)

    def _draw(self) -> None:
        yield_thread()
        while True:
            with self._guarded():
                self._live.update(self._view, refresh=True)
            if self._over.wait(_VIEW_PERIOD):
                return


def _echo(on: bool) -> None:
    """Switch the terminal's echo on or off: a ^C would disturb the view."""
    with contextlib.suppress(OSError, ValueError, termios.error):
        terminal = sys.stdin.fileno()
        if os.tcgetpgrp(terminal) != os.getpgrp():
            return  # in the background, terminal settings must not be changed
        attributes = termios.tcgetattr(terminal)
        attributes[3] = attributes[3] | termios.ECHO if on else attributes[3] & ~termios.ECHO
        termios.tcsetattr(terminal, termios.TCSADRAIN, attributes)


def make_console(system: System, monitor: RunMonitor) -> Console:
    """Return the console for the user's setting and the terminal."""
    if system.view == "none":
        return Console(system, monitor)
    if sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb":
        return LiveConsole(system, monitor)
    return LineConsole(system, monitor)
