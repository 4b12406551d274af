"""Recorded decisions, each with what it is now."""

from __future__ import annotations

import array
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mbrl_ros.control.command import CommandSource
from mbrl_ros.core.spaces import FloatArray


@dataclass(frozen=True)
class Decision:
    """One recorded decision, and what it is now.

    Attributes:
        episode: of the observation that it answers.
        step: of the same.
        source: of the recorded command.
        model: sequence number of the model it was made with; 0: none.
        recorded: the command, shape ``(A,)``, SI units.
        replayed: the same now.
    """

    episode: int
    step: int
    source: CommandSource
    model: int
    recorded: FloatArray
    replayed: FloatArray


# Numbers of a decision besides its commands.
_NUMBERS = 4


class Decisions:
    """All decisions of a run in recorded order, in columns: a long run has a million."""

    def __init__(self, dim: int) -> None:
        """Begin with none.

        Args:
            dim: of an action, A.
        """
        self._numbers = array.array("Q")
        self._commands = array.array("d")
        self._dim = dim

    def append(self, decision: Decision) -> None:
        """Add one, whose commands have A dimensions."""
        d = decision
        self._numbers.extend((d.episode, d.step, d.source, d.model))
        self._commands.extend((*d.recorded.tolist(), *d.replayed.tolist()))

    def __len__(self) -> int:
        return len(self._numbers) // _NUMBERS

    def __getitem__(self, index: int) -> Decision:
        episode, step, source, model = self._numbers[_NUMBERS * index : _NUMBERS * (index + 1)]
        both = 2 * self._dim
        commands = np.array(self._commands[both * index : both * (index + 1)])
        recorded, replayed = commands.reshape(2, self._dim)
        return Decision(episode, step, CommandSource(source), model, recorded, replayed)

    def __iter__(self) -> Iterator[Decision]:
        return (self[i] for i in range(len(self)))

    @property
    def episode(self) -> NDArray[np.uint64]:
        """Episode of each, shape ``(N,)``."""
        return np.array(self._numbers)[::_NUMBERS]

    @property
    def recorded(self) -> FloatArray:
        """Commands as they were, shape ``(N, A)``, SI units."""
        return np.array(self._commands).reshape(-1, 2, self._dim)[:, 0]

    @property
    def replayed(self) -> FloatArray:
        """Commands as they are now, shape ``(N, A)``, SI units."""
        return np.array(self._commands).reshape(-1, 2, self._dim)[:, 1]

    @property
    def different(self) -> NDArray[np.intp]:
        """Places of those that are not equal to the last bit, in order."""
        return np.flatnonzero((self.recorded != self.replayed).any(axis=1))
