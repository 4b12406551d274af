"""Supervision of a system's nodes: start, restart after crashes, stop."""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from mbrl_ros.cli.node_process import NodeProcess
from mbrl_ros.system.launch_kinds import REFUSED

# A node that runs this long has started successfully [s].
_WELL = 10.0
# Pause before a restart: the first, and the longest [s].
_FIRST_PAUSE, _LONGEST_PAUSE = 0.3, 10.0
# Consecutive crashes soon after the start, after which the system gives up.
_HOPELESS = 6
# Time allowed to a node after SIGINT, and after SIGTERM [s]. The logger finishes a bag.
_GRACE, _SECOND_GRACE = 15.0, 3.0
_HURRIED_GRACE = 1.5
_POLL = 0.02


class NodeRefusedError(ValueError):
    """A node rejected its configuration; the message is one line."""


class NodeCrashesError(RuntimeError):
    """A node crashes repeatedly."""


class _Kept:
    """A node's process with the state for restarting it."""

    def __init__(self, process: NodeProcess) -> None:
        self.process = process
        self.crashes = 0
        self.due: float | None = None
        self.error = ""


class Supervisor:
    """The processes of a system.

    All methods are for the main thread.

    Attributes:
        restarts: number of restarts of each node.
    """

    def __init__(
        self,
        commands: Mapping[str, Sequence[str]],
        logs: Path,
        tell: Callable[[str, str], None],
        spare: Collection[str] = (),
    ) -> None:
        """Create the processes, without starting them.

        Args:
            commands: of the nodes by name, in the order of starting.
            logs: folder for a file with each node's output.
            tell: called with a node's name and a line: its output, or a change of its state.
            spare: nodes without which the system goes on.
        """
        logs.mkdir(parents=True, exist_ok=True)
        self._kept = {
            name: _Kept(NodeProcess(name, command, logs / f"{name}.log"))
            for name, command in commands.items()
        }
        self._tell, self._spare = tell, frozenset(spare)
        self.restarts = dict.fromkeys(commands, 0)

    @property
    def processes(self) -> Mapping[str, NodeProcess]:
        """The nodes' processes by name."""
        return {name: kept.process for name, kept in self._kept.items()}

    @property
    def crashed(self) -> Mapping[str, Path]:
        """The nodes whose last process did not end well soon after its start, and their logs.

        Spare ones are not among them.
        """
        return {
            name: kept.process.log
            for name, kept in self._kept.items()
            if kept.crashes and name not in self._spare
        }

    def start(self) -> None:
        """Start all nodes."""
        for kept in self._kept.values():
            kept.process.start()

    def check(self) -> None:
        """Pass on output and restart crashed nodes; to be called continuously.

        Raises:
            NodeRefusedError: if a node rejected its configuration.
            NodeCrashesError: if a node crashes repeatedly.
        """
        for kept in self._kept.values():
            # In this order: once it has ended, its last output can be read.
            ended = not kept.process.running
            self._listen(kept)
            if ended:
                self._revive(kept, time.monotonic())

    def stop(self, order: Sequence[Sequence[str]], hurried: Callable[[], bool]) -> None:
        """Stop all nodes, one group after the other; none is left when this returns.

        Args:
            order: groups of names.
            hurried: whether to stop all at once instead, soon by force.
        """
        for group in order:
            self._stop_group([self._kept[name] for name in group], hurried)
        for kept in self._kept.values():
            self._listen(kept)

    def _stop_group(self, group: Sequence[_Kept], hurried: Callable[[], bool]) -> None:
        began, hurry = time.monotonic(), hurried()
        steps = _escalation(began, hurry)
        while any(kept.process.running for kept in group):
            now = time.monotonic()
            if hurried() and not hurry:
                hurry, steps = True, _escalation(now, True)
                group = list(self._kept.values())
            while steps and steps[0][0] <= now:
                _, number = steps.pop(0)
                for kept in group:
                    if kept.process.running and number != signal.SIGINT:
                        self._tell(kept.process.name, f"does not stop: {number.name}")
                    kept.process.send(number)
            for kept in group:
                self._listen(kept)
            time.sleep(_POLL)

    def _listen(self, kept: _Kept) -> None:
        for line in kept.process.output():
            if line.startswith("error: "):
                kept.error = line.removeprefix("error: ")
            self._tell(kept.process.name, line)

    def _revive(self, kept: _Kept, now: float) -> None:
        process = kept.process
        if kept.due is None:
            if process.exit_code == REFUSED:
                raise NodeRefusedError(f"{process.name}: {kept.error or f'see {process.log}'}")
            kept.crashes = kept.crashes + 1 if now - process.started < _WELL else 1
            if kept.crashes >= _HOPELESS:
                reason = f"crashes again and again ({process.ending}): see {process.log}"
                if process.name not in self._spare:
                    raise NodeCrashesError(f"{process.name} {reason}")
                kept.due = math.inf
                self._tell(process.name, f"[WARN] {reason}")
                return
            pause = min(_FIRST_PAUSE * 2 ** (kept.crashes - 1), _LONGEST_PAUSE)
            kept.due = now + pause
            self._tell(
                process.name, f"[WARN] ended ({process.ending}), starts again in {pause:g} s"
            )
        if now >= kept.due:
            kept.due = None
            self.restarts[process.name] += 1
            process.start()


def _escalation(now: float, hurry: bool) -> list[tuple[float, signal.Signals]]:
    """Return when to send which signal."""
    grace = _HURRIED_GRACE if hurry else _GRACE
    second = _HURRIED_GRACE if hurry else _SECOND_GRACE
    return [
        (now, signal.SIGINT),
        (now + grace, signal.SIGTERM),
        (now + grace + second, signal.SIGKILL),
    ]
