"""All transitions of a run by their position: the newest in memory, the others in its bag."""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from pathlib import Path

from mbrl_ros.core.records import Transition
from mbrl_ros.core.spaces import Space
from mbrl_ros.data.bag_summary import summarize
from mbrl_ros.data.bags import read_transitions
from mbrl_ros.data.transitions import Transitions

_TRANSITION = "mbrl_ros/msg/Transition"
# The newest are kept in memory: at least so many bytes of them, and at most twice as many. There
# are always more of them than fit into a file that is still being written.
_KEPT, _FEWEST = 16 * 2**20, 20_000


class KeptLog:
    """A log that grows without end, in bounded memory if a bag holds it.

    Attributes:
        newest: the transitions in memory; all of them, unless a bag has the others.
    """

    def __init__(self, observation: Space, action: Space, bounded: bool = True) -> None:
        """Begin a log.

        Args:
            observation: O dimensions.
            action: A dimensions.
            bounded: whether its bag's files are there to stay, so that memory need not hold all.
        """
        self.newest = Transitions(observation, action)
        row = sum(
            column.itemsize * math.prod(column.shape[1:]) for column in self.newest.columns.values()
        )
        self._keep = max(_FEWEST, _KEPT // row) if bounded else math.inf
        # Positions in the log: of the first one in memory, and of the first one in each file.
        self._first = 0
        self._starts: list[int] = []
        self._files: list[Path] = []
        # The file that was asked for last: who was away asks for one page after the other.
        self._page: tuple[Path, Transitions] | None = None

    def __len__(self) -> int:
        return self._first + len(self.newest)

    def resume(self, files: Sequence[Path]) -> None:
        """Go on with what earlier processes recorded.

        Args:
            files: of the bag, in recorded order.

        Raises:
            BagError: naming a file that cannot be read, or whose transitions do not fit the spaces.
        """
        spaces = self.newest.observation_space, self.newest.action_space
        kept = len(files)
        count = 0
        while kept and count < self._keep:
            kept -= 1
            count += summarize(files[kept]).messages(_TRANSITION)
        for file in files[:kept]:
            self._begin(file, self._first)
            self._first += summarize(file).messages(_TRANSITION)
        for file in files[kept:]:
            self._begin(file, len(self))
            for transition in read_transitions([file], *spaces):
                self.newest.add(transition)

    def add(self, transition: Transition) -> int:
        """Add a transition that a pairer made; return its position."""
        self.newest.add(transition)
        return len(self) - 1

    def recorded(self, file: Path, safely: bool) -> None:
        """Take note of where the newest transition was recorded.

        Args:
            file: of the bag.
            safely: whether it is written, with all before it.
        """
        if not self._files or self._files[-1] != file:
            self._begin(file, len(self) - 1)
        if safely and len(self.newest) >= 2 * self._keep:
            leave = len(self.newest) // 2
            self._first += leave
            self.newest = self.newest[leave:]

    def page(self, first: int, count: int) -> list[tuple[int, Transition]]:
        """Return transitions with their positions, at least one if there is any from there on.

        Args:
            first: position of the first.
            count: their number at most, at least 1.

        Raises:
            BagError: if the file that they are in cannot be read.
        """
        rows, start = self.newest, self._first
        if first < self._first:
            i = bisect.bisect_right(self._starts, first) - 1
            start = self._starts[i]
            rows = self._read(self._files[i], first - start)
        chosen = range(len(rows))[max(0, first - start) : first - start + count]
        return [(start + i, rows.row(i)) for i in chosen]

    def _read(self, file: Path, row: int) -> Transitions:
        # A disk that has no room for a further file may have some in the last one, which goes on.
        if self._page is None or self._page[0] != file or row >= len(self._page[1]):
            spaces = self.newest.observation_space, self.newest.action_space
            self._page = file, read_transitions([file], *spaces)
        return self._page[1]

    def _begin(self, file: Path, start: int) -> None:
        self._files.append(file)
        self._starts.append(start)
