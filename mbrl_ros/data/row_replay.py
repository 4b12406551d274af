"""Replay buffer of rows: the newest data, and a uniform sample of all older data."""

from __future__ import annotations

import numpy as np

from mbrl_ros.data.segments import Indices, Segments
from mbrl_ros.data.settings import ReplaySettings
from mbrl_ros.data.stacking import Row


class RowReplay:
    """A ring of recent segments, and a reservoir sample of those evicted from it.

    Each evicted segment is in the reservoir with the same probability (Vitter 1985, algorithm R).

    Attributes:
        rows: the table; the ring comes first.
    """

    def __init__(self, rows: Segments, settings: ReplaySettings, seed: int) -> None:
        """Create an empty buffer.

        Args:
            rows: an empty table.
            settings: of the buffer.
            seed: of the reservoir sampling.
        """
        self.rows = rows
        self._ring = max(1, settings.recent // rows.segment)
        self._reservoir = settings.old // rows.segment
        self._share = settings.recent_share
        self._rng = np.random.default_rng(seed)
        self._added = 0

    def __len__(self) -> int:
        return len(self.rows)

    def append(self, row: Row) -> None:
        """Add a row."""
        number, place = divmod(self._added, self.rows.segment)
        slot = number % self._ring
        if place == 0 and number >= self._ring:
            self._retire(slot, number - self._ring)
        self.rows.write(slot, place, row)
        self._added += 1

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> Indices:
        """Sample rows: recent ones with their share, or more while there are few old ones."""
        recent = min(self._ring * self.rows.segment, len(self))
        old = len(self) - recent
        chosen = rng.integers(recent, size=shape)
        if old:
            others = recent + rng.integers(old, size=shape)
            # The first few old rows must not make up half of every batch.
            share = max(self._share, recent / len(self))
            chosen = np.where(rng.random(shape) < share, chosen, others)
        return chosen

    def spread(self, count: int) -> Indices:
        """Return at most ``count`` rows, evenly spread over all."""
        return np.linspace(0, len(self) - 1, min(len(self), count)).astype(np.int64)

    def _retire(self, slot: int, retired: int) -> None:
        """Evict a ring segment, reservoir-sampling it into old data."""
        place = retired if retired < self._reservoir else int(self._rng.integers(retired + 1))
        if place < self._reservoir:
            self.rows.move(slot, self._ring + place)
