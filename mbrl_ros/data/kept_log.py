"""All transitions of a run by their position: the newest in memory, the others in its bag."""

from __future__ import annotations

import bisect
import contextlib
import math
from array import array
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from mbrl_ros.core.records import Transition
from mbrl_ros.core.spaces import Space
from mbrl_ros.data.bag_records import converted
from mbrl_ros.data.bag_summary import summarize
from mbrl_ros.data.bags import read_messages
from mbrl_ros.data.messages import read_transition
from mbrl_ros.data.streaming import BagError, LostError
from mbrl_ros.data.transitions import Transitions, check_count

_TRANSITION = "mbrl_ros/msg/Transition"
# The newest are kept in memory: at least so many bytes of them, and at most twice as many. There
# are always more of them than fit into a file that is still being written.
_KEPT, _FEWEST = 16 * 2**20, 20_000
# Transitions of a page at most: whoever makes a message of them does nothing else meanwhile.
_PAGE = 2000


class KeptLog:
    """A log that grows without end, in bounded memory if a bag holds it.

    A transition keeps the position with which it was recorded. So positions ascend, but not always
    by one: a bag's oldest files may have made room, and it may not have taken everything.

    Attributes:
        notes: which files could not be read whole, and why, each once; the rest is left out.
    """

    def __init__(self, observation: Space, action: Space, bounded: bool = True) -> None:
        """Begin a log.

        Args:
            observation: O dimensions.
            action: A dimensions.
            bounded: whether its bag's files are there to stay, so that memory need not hold all.
        """
        self.notes: list[str] = []
        self._told: set[Path] = set()
        self._spaces = observation, action
        self._rows = _Rows(Transitions(*self._spaces))
        columns = self.newest.columns.values()
        row = sum(column.itemsize * math.prod(column.shape[1:]) for column in columns)
        self._keep = max(_FEWEST, _KEPT // row) if bounded else math.inf
        # Positions in the log: of the next one, and of the first one in each file.
        self._next = 0
        self._starts: list[int] = []
        self._files: list[Path] = []
        # The file that was asked for last: who was away asks for one page after the other.
        self._page: tuple[Path, _Rows] | None = None

    def __len__(self) -> int:
        return self._next

    @property
    def newest(self) -> Transitions:
        """The transitions in memory; all of them, unless a bag has the others."""
        return self._rows.table

    def resume(self, files: Sequence[Path]) -> None:
        """Go on with what earlier processes recorded.

        Args:
            files: of the bag, in recorded order.

        Raises:
            BagError: naming a file that cannot be read now, or that begins with a transition of
                other spaces.
        """
        kept, count = len(files), 0
        while kept and count < self._keep:
            kept -= 1
            count += self._held(files[kept])
        older, newest = files[:kept], files[kept:]
        starts, end = self._counted(older)
        begins = [self._read(self._rows, file, end) for file in newest]
        if self._rows.first not in (None, end):
            # The older files lack some, too; which, takes longer to find out.
            starts, _ = self._counted(older, look=True)
        for file, start in zip([*older, *newest], [*starts, *begins], strict=True):
            if start is not None:
                self._begin(file, start)
        self._next = self._rows.end(end)

    def add(self, transition: Transition) -> int:
        """Add a transition that a pairer made; return its position."""
        self._rows.add(self._next, transition)
        self._next += 1
        return self._next - 1

    def recorded(self, file: Path, safely: bool) -> None:
        """Take note of where the newest transition was recorded.

        Args:
            file: of the bag.
            safely: whether it is written, with all before it.
        """
        if not self._files or self._files[-1] != file:
            self._begin(file, self._next - 1)
        if safely and len(self._rows) >= 2 * self._keep:
            self._rows.forget(len(self._rows) // 2)

    def page(self, first: int, count: int) -> list[tuple[int, Transition]]:
        """Return transitions with their positions, at least one if there is any from there on.

        Args:
            first: least position.
            count: their number at most, at least 1; more than 2000 are as many.

        Raises:
            BagError: if the file that they are in cannot be read now.
        """
        count = min(count, _PAGE)
        kept = self._next if self._rows.first is None else self._rows.first
        while first < kept and self._files:
            i = max(0, bisect.bisect_right(self._starts, first) - 1)
            if page := self._rows_from(i, first).page(first, count):
                return page
            first = min([*self._starts[i + 1 : i + 2], kept])
        return self._rows.page(first, count)

    def _rows_from(self, i: int, position: int) -> _Rows:
        """Return what a file holds; as it is now, if it lacks all from a position on."""
        file = self._files[i]
        # A disk that has no room for a further file may have some in the last one, which goes on.
        if self._page is None or self._page[0] != file or self._page[1].end(0) <= position:
            rows = _Rows(Transitions(*self._spaces))
            self._read(rows, file, self._starts[i])
            self._page = file, rows
        return self._page[1]

    def _counted(self, files: Sequence[Path], look: bool = False) -> tuple[list[int], int]:
        """Return the position of the first transition in each file, and the one after the last.

        Args:
            files: in recorded order.
            look: into each; otherwise only into the first, and none is missing from there on.
        """
        starts, start = [], 0
        for i, file in enumerate(files):
            if look or not i:
                start = max(start, self._first_in(file))
            starts.append(start)
            start += self._held(file)
        return starts, start

    def _held(self, file: Path) -> int:
        with self._if_readable(file):
            return summarize(file).messages(_TRANSITION)
        return 0

    def _first_in(self, file: Path) -> int:
        with self._if_readable(file):
            for _, _, message in read_messages(file, types=[_TRANSITION]):
                with contextlib.suppress(BagError):
                    return converted(file, message, _position)
        return 0

    def _read(self, rows: _Rows, file: Path, least: int) -> int | None:
        """Add what a file holds; return the position of the first, None if it holds none."""
        before = len(rows)
        with self._if_readable(file):
            for _, _, message in read_messages(file, types=[_TRANSITION]):
                try:
                    converted(file, message, partial(rows.append, least))
                except BagError as error:
                    if not len(rows) and not self._is_of_these_spaces(message):
                        raise
                    self._note(file, error)
        return rows.positions[before] if len(rows) > before else None

    @contextlib.contextmanager
    def _if_readable(self, file: Path) -> Iterator[None]:
        try:
            yield
        except LostError as error:
            self._note(file, error)

    def _note(self, file: Path, error: BagError) -> None:
        if file not in self._told:
            self._told.add(file)
            self.notes.append(f"{error}; the log goes on without what is lost")

    def _is_of_these_spaces(self, message: Any) -> bool:
        seen, acted = self._spaces
        sizes = {"observation": seen.dim, "next_observation": seen.dim, "action": acted.dim}
        return all(len(getattr(message, name, ())) == size for name, size in sizes.items())

    def _begin(self, file: Path, start: int) -> None:
        self._files.append(file)
        self._starts.append(start)


class _Rows:
    """Transitions with their positions, which ascend."""

    def __init__(self, table: Transitions) -> None:
        self.table = table
        self.positions = array("Q")

    def __len__(self) -> int:
        return len(self.positions)

    @property
    def first(self) -> int | None:
        """Position of the first one."""
        return self.positions[0] if self.positions else None

    def end(self, least: int) -> int:
        """Return the position after the last one; without any, the least."""
        return self.positions[-1] + 1 if self.positions else least

    def add(self, position: int, transition: Transition) -> None:
        """Add one that was checked already."""
        self.table.add(transition)
        self.positions.append(position)

    def append(self, least: int, message: Any) -> None:
        """Add a recorded one; positions that do not ascend are those of another log before."""
        position = max(_position(message), self.end(least))
        self.table.append(read_transition(message))
        self.positions.append(position)

    def forget(self, count: int) -> None:
        """Remove the first ones."""
        self.table, self.positions = self.table[count:], self.positions[count:]

    def page(self, first: int, count: int) -> list[tuple[int, Transition]]:
        """Return those from a position on."""
        begin = bisect.bisect_left(self.positions, first)
        chosen = range(len(self))[begin : begin + count]
        return [(self.positions[i], self.table.row(i)) for i in chosen]


def _position(message: Any) -> int:
    return check_count(getattr(message, "index", 0), "index")
