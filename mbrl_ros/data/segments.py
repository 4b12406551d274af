"""A bounded table of rows, in segments of consecutive ones."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mbrl_ros.core.spaces import FloatArray
from mbrl_ros.data.stacking import Row, Stacking
from mbrl_ros.data.transitions import Transitions

# Allocated at once: a lack of memory shows at the start, not after an hour.
_FIRST_MEMORY = 2 * 2**20

Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Batch:
    """Rows for training or evaluation.

    Attributes:
        state: shape ``(..., S)``.
        action: in effect, shape ``(..., A)``.
        next_observation: shape ``(..., O)``.
        reward: shape ``(...)``; NaN: none.
        terminated: whether the task ended, shape ``(...)``.
        before: the action in effect before, shape ``(..., A)``; None: not kept.
        foreseen: the next observation as a prior predicts it, shape ``(..., O)``; None: unknown.
    """

    state: Tensor
    action: Tensor
    next_observation: Tensor
    reward: Tensor
    terminated: Tensor
    before: Tensor | None = None
    foreseen: Tensor | None = None


class Segments:
    """Rows in slots of ``segment`` rows each; a slot is written from its start to its end.

    It grows up to its capacity; afterwards only the contents of slots change.

    Attributes:
        segment: rows per slot.
    """

    def __init__(
        self,
        history: int,
        dims: tuple[int, int, int],
        segment: int,
        foresee: Callable[[FloatArray, FloatArray], FloatArray] | None = None,
    ) -> None:
        """Create an empty table.

        Args:
            history: observations in a row.
            dims: O, A and the number of actions in a row.
            segment: rows per slot.
            foresee: a prior's next observations of observations and actions, once for each row;
                None: there is none.
        """
        o, a, actions = dims
        self.segment = segment
        self._history = history
        self._rows = 0
        self._columns: dict[str, NDArray] = {
            "observations": np.empty((0, history, o)),
            "actions": np.empty((0, actions, a), dtype=np.float32),
            "next_observation": np.empty((0, o)),
            "reward": np.empty(0, dtype=np.float32),
            "terminated": np.empty(0, dtype=bool),
            # Of the unbroken stretch within the slot that ends with each row; 0: history
            # incomplete.
            "length": np.empty(0, dtype=np.int64),
        }
        self._foresee = foresee
        if foresee is not None:
            self._columns["foreseen"] = np.empty((0, o))
            # The delay at which that was foreseen; -1: not yet.
            self._columns["foreseen_at"] = np.empty(0, dtype=np.int64)

    def __len__(self) -> int:
        return self._rows

    def write(self, slot: int, place: int, row: Row) -> None:
        """Write a row.

        Args:
            slot: at most one after the last.
            place: in the slot; previous places have been written.
            row: to write.
        """
        index = slot * self.segment + place
        if index == self._rows:
            self._rows += 1
            if self._rows > len(self._columns["length"]):
                self._grow()
        columns = self._columns
        if place == 0:
            # Old rows of the slot that are not overwritten yet are no longer consecutive.
            columns["length"][index : min(index + self.segment, self._rows)] = 1
        before = columns["length"][index - 1] if place and row.follows else 0
        columns["length"][index] = before + 1 if row.whole else 0
        for name in ("observations", "actions", "next_observation", "reward", "terminated"):
            columns[name][index] = getattr(row, name)
        if self._foresee is not None:
            columns["foreseen_at"][index] = -1

    def move(self, slot: int, to: int) -> None:
        """Copy a full slot over another, or after the last."""
        source = slice(slot * self.segment, (slot + 1) * self.segment)
        target = slice(to * self.segment, (to + 1) * self.segment)
        if target.start == self._rows:
            self._rows += self.segment
            if self._rows > len(self._columns["length"]):
                self._grow()
        for column in self._columns.values():
            column[target] = column[source]

    def observed(self, rows: Indices) -> FloatArray:
        """Return the newest observation of rows, shape ``(*rows.shape, O)``."""
        newest: FloatArray = self._columns["observations"][rows][..., 0, :]
        return newest

    def batch(self, rows: Indices, delay: int, origin: Tensor | None = None) -> Batch:
        """Return rows as tensors.

        Args:
            rows: indices, any shape.
            delay: of actions [control steps].
            origin: that observations are told from, shape ``(O,)``, float64; None: 0.
        """
        start = 0.0 if origin is None else origin.numpy()
        observations = (self._columns["observations"][rows] - start).astype(np.float32)
        after = (self._columns["next_observation"][rows] - start).astype(np.float32)
        actions = self._columns["actions"][rows]
        kept = actions.shape[-2]
        past = actions[..., delay + 1 : delay + self._history, :]
        state = [observations.reshape(*rows.shape, -1), past.reshape(*rows.shape, -1)]
        foreseen = self._foreseen(rows, delay)
        return Batch(
            torch.from_numpy(np.concatenate(state, axis=-1)),
            torch.from_numpy(actions[..., delay, :]),
            torch.from_numpy(after),
            torch.from_numpy(self._columns["reward"][rows]),
            torch.from_numpy(self._columns["terminated"][rows]),
            torch.from_numpy(actions[..., delay + 1, :]) if kept > delay + 1 else None,
            None if foreseen is None else torch.from_numpy((foreseen - start).astype(np.float32)),
        )

    def _foreseen(self, rows: Indices, delay: int) -> FloatArray | None:
        """Return what the prior foresees of rows, shape ``(*rows.shape, O)``."""
        if self._foresee is None:
            return None
        foreseen, at = self._columns["foreseen"], self._columns["foreseen_at"]
        new = np.unique(rows[at[rows] != delay])
        if len(new):
            acted = self._columns["actions"][new, delay]
            foreseen[new] = self._foresee(self.observed(new), acted)
            at[new] = delay
        found: FloatArray = foreseen[rows]
        return found

    def commands(self, rows: Indices) -> Tensor:
        """Return the actions of rows, the row's own first, then previous ones: ``(..., W, A)``."""
        return torch.from_numpy(self._columns["actions"][rows])

    def unbroken(self, rows: Indices, steps: int) -> NDArray[np.bool_]:
        """Return which rows are followed by ``steps`` consecutive rows.

        Args:
            rows: indices, any shape.
            steps: from 0 on.
        """
        last = rows + steps
        within = last < self._rows
        length = self._columns["length"][np.minimum(last, self._rows - 1)]
        return within & (length > steps)

    def ends(self, length: int) -> Indices:
        """Return the rows that end an unbroken stretch of ``length`` rows."""
        return np.flatnonzero(self._columns["length"][: self._rows] >= length)

    def _grow(self) -> None:
        row = sum(old.itemsize * math.prod(old.shape[1:]) for old in self._columns.values())
        capacity = max(_FIRST_MEMORY // row, 2 * len(self._columns["length"]), self._rows)
        for name, old in self._columns.items():
            # Written to, so that the memory is committed; zeros() would defer that.
            new = np.full((capacity, *old.shape[1:]), 0, dtype=old.dtype)
            new[: len(old)] = old
            self._columns[name] = new


def one_segment(log: Transitions, history: int, delay: int) -> Segments:
    """Return a log as rows, in one segment.

    Args:
        log: N transitions.
        history: observations in a row.
        delay: maximum delay of actions [control steps].
    """
    observation, action = log.observation_space, log.action_space
    stacking = Stacking(observation, action, history, history + delay)
    rows = Segments(history, (observation.dim, action.dim, history + delay), max(1, len(log)))
    for i, transition in enumerate(log):
        rows.write(0, i, stacking.push(transition))
    return rows
