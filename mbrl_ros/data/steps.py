"""Ring buffer of the newest control steps, one numpy array per column."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from typing import Any

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]


class Steps:
    """A ring of rows, each a control step: an observation and the action that led to it.

    Rows are numbered from 0 in order of arrival; those from `first` to `end` (exclusive) are kept.
    The oldest episode is evicted as a whole; one longer than half the capacity in such halves.

    Attributes:
        first: number of the oldest row.
        end: number of the next row.
    """

    def __init__(self, observation: int, action: int, capacity: int) -> None:
        """Create an empty ring.

        Args:
            observation: number of dimensions.
            action: number of dimensions.
            capacity: maximum number of rows.

        Raises:
            ValueError: if ``capacity`` is less than 2.
        """
        if capacity < 2:
            raise ValueError(f"capacity: expected at least 2 control steps, got {capacity}")
        self.first = self.end = 0
        self._capacity = capacity
        self._parts: deque[int] = deque()
        self._columns: dict[str, NDArray] = {
            "observations": np.zeros((capacity, observation), np.float32),
            "actions": np.zeros((capacity, action), np.float32),
            "rewards": np.zeros(capacity, np.float32),
            "terminated": np.zeros(capacity, np.bool_),
            "truncated": np.zeros(capacity, np.bool_),
            "is_first": np.zeros(capacity, np.bool_),
            "linked": np.zeros(capacity, np.bool_),
            "episode": np.zeros(capacity, np.int64),
            "step": np.zeros(capacity, np.int64),
        }

    def __len__(self) -> int:
        return self.end - self.first

    def add(self, row: dict[str, Any]) -> None:
        """Add a row, evicting the oldest episode if necessary.

        Args:
            row: column to value; missing ones are 0. ``linked``: whether a sequence may continue
                from the previous row to this one.
        """
        if self._begins_part(row):
            self._parts.append(self.end)
        if len(self) == self._capacity:
            self._parts.popleft()
            self.first = self._parts[0]
        for name, column in self._columns.items():
            column[self.end % self._capacity] = row.get(name, 0)
        self.end += 1

    def columns(self, rows: Rows) -> dict[str, NDArray]:
        """Return the columns of rows, each of shape ``(*rows.shape, *value.shape)``."""
        return {name: column[rows % self._capacity] for name, column in self._columns.items()}

    def find(self, episode: int, step: int, since: int) -> int | None:
        """Return the row number of a control step; None: not kept.

        Args:
            episode: of the step.
            step: of the step.
            since: a row from which on episodes and steps are increasing.
        """
        rows = range(max(since, self.first), self.end)
        place = bisect_left(rows, (episode, step), key=self._key)
        found = place < len(rows) and self._key(rows[place]) == (episode, step)
        return rows[place] if found else None

    def runs(self, usable: NDArray[np.bool_]) -> tuple[Rows, Rows]:
        """Return where runs of usable, consecutive rows begin and end.

        Args:
            usable: for each row kept, oldest first.

        Returns:
            number of the first row of each run, and of the row after its last, ascending.
        """
        oldest, end = self.first % self._capacity, self.end % self._capacity
        linked = self._columns["linked"]
        parts = (linked[oldest:end],) if oldest < end else (linked[oldest:], linked[:end])
        # For each row, and one after the last: whether a sequence may continue to it.
        follows = np.append(np.concatenate(parts)[: len(self)], False)
        follows &= np.append(False, usable) & np.append(usable, False)
        begins, ends = usable & ~follows[:-1], usable & ~follows[1:]
        return self.first + np.flatnonzero(begins), self.first + np.flatnonzero(ends) + 1

    def _begins_part(self, row: dict[str, Any]) -> bool:
        """Return whether the previous rows can be evicted without this one."""
        if not self._parts or row.get("is_first"):
            return True
        full = self.end - self._parts[-1] >= self._capacity // 2
        return full or row["episode"] != self._key(self.end - 1)[0]

    def _key(self, row: int) -> tuple[int, int]:
        i = row % self._capacity
        return int(self._columns["episode"][i]), int(self._columns["step"][i])
