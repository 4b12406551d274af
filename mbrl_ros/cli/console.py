"""What a user sees of a run: a live view, lines, or next to nothing."""

from __future__ import annotations

import contextlib
import os
import sys
import termios
import threading
import time
from collections.abc import Iterator

from rich.console import Console as Terminal
from rich.live import Live

from mbrl_ros.nodes.run_monitor import RunMonitor
from mbrl_ros.reports.lines import one_line
from mbrl_ros.reports.report import Report
from mbrl_ros.reports.table import print_report
from mbrl_ros.reports.view import View
from mbrl_ros.system.launching import System

_LINE_PERIOD = 5.0
_VIEW_PERIOD = 0.5
_NICENESS = 10


class _Terminal(Terminal):
    def on_broken_pipe(self) -> None:
        """Pass it on; rich would exit, with the nodes still running."""
        raise BrokenPipeError


class Console:
    """Shows the start and the end; the base of those that show more.

    Nothing that happens to the terminal may harm the run: what cannot be shown is dropped.
    """

    def __init__(self, system: System, monitor: RunMonitor) -> None:
        self.system = system
        self.monitor = monitor
        self.terminal = _Terminal(highlight=False, soft_wrap=True)

    def start(self) -> None:
        """Say what is started."""
        system = self.system
        until = f"for {system.duration:g} s" if system.duration else "until Ctrl-C"
        self.say(
            f"{system.configuration.shared.get('task', '')}, "
            f"seed {system.configuration.shared['seed']}, {until}, in {system.run_dir}"
        )

    def node_line(self, node: str, line: str) -> None:
        """Show a line of a node if it tells of something wrong."""
        if "[WARN]" in line or "[ERROR]" in line or "[FATAL]" in line:
            self.say(f"[{node}] {line}")

    def update(self) -> None:
        """Show how the run is doing, if it is time for that."""

    def say(self, text: str) -> None:
        """Show a line about the run as a whole."""
        with self._guarded():
            self.terminal.print(text, markup=False)

    def close(self) -> None:
        """Show no more of the nodes."""

    def show_state(self) -> None:
        """Show in a line how the run stands."""
        now = time.time()
        self.say(one_line(self.monitor.metrics, now, now - self.monitor.started))

    def show_report(self, report: Report) -> None:
        """Show the main figures and what was written."""
        with self._guarded():
            print_report(report, self.terminal)

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except OSError:
            # The terminal or the reader of a pipe is gone.
            with contextlib.suppress(OSError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class LineConsole(Console):
    """Shows the nodes' output, and now and then a line with the state."""

    def __init__(self, system: System, monitor: RunMonitor) -> None:
        super().__init__(system, monitor)
        self._due = time.monotonic() + _LINE_PERIOD

    def node_line(self, node: str, line: str) -> None:
        """Show a line with the node's name before it."""
        # What is wrong with a configuration is told once, as the launch's own error.
        if not line.startswith("error: "):
            self.say(f"[{node}] {line}")

    def update(self) -> None:
        """Show the state in a line."""
        if time.monotonic() < self._due:
            return
        self._due += _LINE_PERIOD
        self.show_state()


class LiveConsole(Console):
    """Shows a view that is drawn anew twice a second, with warnings of the nodes above it."""

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
        """Begin to draw."""
        super().start()
        _echo(False)
        with self._guarded():
            self._live.start()
        self._thread.start()

    def say(self, text: str) -> None:
        """Show a line above the view, and that an end has begun within it."""
        if text == "stopping":
            self._view.stopping = True
            return
        super().say(text)

    def close(self) -> None:
        """Take the view away."""
        if self._thread.is_alive():
            self._over.set()
            self._thread.join()
        with self._guarded():
            self._live.stop()
        _echo(True)

    def _draw(self) -> None:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
        while True:
            with self._guarded():
                self._live.update(self._view, refresh=True)
            if self._over.wait(_VIEW_PERIOD):
                return


def _echo(on: bool) -> None:
    """Have the terminal show what is typed, or not: a ^C would tear the view."""
    with contextlib.suppress(OSError, ValueError, termios.error):
        terminal = sys.stdin.fileno()
        if os.tcgetpgrp(terminal) != os.getpgrp():
            return  # in the background, the terminal is not ours to change
        attributes = termios.tcgetattr(terminal)
        attributes[3] = attributes[3] | termios.ECHO if on else attributes[3] & ~termios.ECHO
        termios.tcsetattr(terminal, termios.TCSADRAIN, attributes)


def make_console(system: System, monitor: RunMonitor) -> Console:
    """Return what the user's wish and the terminal allow for."""
    if system.view == "none":
        return Console(system, monitor)
    if sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb":
        return LiveConsole(system, monitor)
    return LineConsole(system, monitor)
