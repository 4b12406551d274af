"""Resident memory of a process's children, from Linux's ``/proc``."""

from __future__ import annotations

import os
import threading
from collections import defaultdict
from pathlib import Path
from statistics import median

from mbrl_ros.cli.node_process import node_of

_PERIOD = 1.0  # [s]
_MIB = 2.0**20


class MemoryWatch:
    """Samples the resident memory of a process's children, by node, once a second.

    Attributes:
        samples: node to resident memory [MiB].
    """

    def __init__(self, pid: int) -> None:
        self.samples: dict[str, list[float]] = defaultdict(list)
        self._pid = pid
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="memory", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop watching."""
        self._stopped.set()
        self._thread.join()

    def growth(self) -> dict[str, tuple[float, float]]:
        """Return by how much each node grew from the second tenth of the time to the last.

        The first tenth is the start, when libraries load and buffers are made.

        Returns:
            node to [MiB] and to the share of what it held.
        """
        grown = {}
        for node, samples in self.samples.items():
            tenth = len(samples) // 10
            if tenth:
                before, after = median(samples[tenth : 2 * tenth]), median(samples[-tenth:])
                grown[node] = after - before, after / before - 1.0
        return grown

    def _run(self) -> None:
        while not self._stopped.wait(_PERIOD):
            for process in Path("/proc").glob("[0-9]*"):
                try:
                    words = (process / "cmdline").read_text().split("\0")
                    parent = int((process / "stat").read_text().rpartition(")")[2].split()[1])
                    pages = int((process / "statm").read_text().split()[1])
                except (OSError, ValueError, IndexError):
                    continue  # it has just ended
                if parent == self._pid and (node := node_of(words)):
                    self.samples[node].append(pages * os.sysconf("SC_PAGE_SIZE") / _MIB)
