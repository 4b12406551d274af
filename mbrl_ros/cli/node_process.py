"""One node's process: start, state, signals and output."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from mbrl_ros.nodes.runner import dying_with_this_process

# Unlike with `-m`, it does not matter what lies in the working folder. At the end of the
# path, that may still be a checkout.
_RUN = """import sys
if "" in sys.path[:1]: sys.path.append(sys.path.pop(0))
from {module} import main
sys.exit(main())"""
_NODES = "mbrl_ros.nodes.__main__"


def python_command(module: str, *arguments: str) -> list[str]:
    """Return the command that runs the function ``main`` of one of our modules."""
    return [sys.executable, "-c", _RUN.format(module=module), *arguments]


def node_command(node: str, arguments: Sequence[str]) -> list[str]:
    """Return the command that runs a node, at most until this process ends."""
    ending = dying_with_this_process()
    return python_command(_NODES, node, *ending, *arguments)


def node_of(command: Sequence[str]) -> str | None:
    """Return the node that a command of `node_command` runs; None: it runs something else."""
    start = python_command(_NODES)[1:]
    return command[3] if list(command[1:3]) == start and len(command) > 3 else None


class LogTail:
    """Reads the lines added to a growing file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._position = path.stat().st_size if path.exists() else 0
        self._partial = b""

    def lines(self) -> list[str]:
        """Return the complete lines added since the last call."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._position)
                data = file.read()
        except FileNotFoundError:
            return []
        self._position += len(data)
        *whole, self._partial = (self._partial + data).split(b"\n")
        return [line.decode(errors="replace") for line in whole]


class NodeProcess:
    """A restartable node; its output goes to one file.

    The node writes to the file itself, so it cannot block on a full pipe.

    Attributes:
        name: name of the node.
        log: path of the file.
        started: start time on ``time.monotonic`` [s].
    """

    def __init__(self, name: str, command: Sequence[str], log: Path) -> None:
        self.name = name
        self.log = log
        self.started = 0.0
        self._command = list(command)
        self._process: subprocess.Popen[bytes] | None = None
        self._tail = LogTail(log)

    def start(self) -> None:
        """Start the process in its own session, which the terminal's Ctrl-C does not reach.

        To be called on the main thread only: the kernel kills the process with the thread that
        started it.
        """
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
        self.started = time.monotonic()

    @property
    def pid(self) -> int | None:
        """PID of the process; None before the first start."""
        return self._process.pid if self._process else None

    @property
    def running(self) -> bool:
        """Whether it is running."""
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """Exit code of the last process; negative for a signal; None while it runs."""
        return self._process.poll() if self._process else None

    @property
    def ending(self) -> str:
        """Description of how it ended."""
        code = self.exit_code
        if code is None:
            return "running"
        if code < 0:
            with contextlib.suppress(ValueError):
                return f"killed by {signal.Signals(-code).name}"
        return f"exit code {code}"

    def send(self, number: signal.Signals) -> None:
        """Send a signal; SIGKILL also to its child processes."""
        if self._process is None or self._process.poll() is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            if number == signal.SIGKILL:
                os.killpg(self._process.pid, number)
            else:
                self._process.send_signal(number)

    def output(self) -> list[str]:
        """Return the output lines since the last call."""
        return self._tail.lines()
