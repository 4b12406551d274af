"""A growing table of transitions, one numpy array per column."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mbrl_ros.core.records import Actor, Transition, finite_reward
from mbrl_ros.core.spaces import FloatArray, Space

# Allocated at once: a lack of memory shows at the start, not after an hour. For cart-pole it is
# 69,000 transitions, 23 minutes at 50 Hz.
_FIRST_MEMORY = 8 * 2**20


class Transitions:
    """All transitions of a run, in log order.

    The columns are views of the rows in use: they stay valid, and keep their length,
    while the table grows.

    Attributes:
        observation_space: names and size of the observations.
        action_space: names and size of the actions.
    """

    def __init__(self, observation_space: Space, action_space: Space) -> None:
        self.observation_space = observation_space
        self.action_space = action_space
        self._size = 0
        o, a = observation_space.dim, action_space.dim
        self._columns: dict[str, NDArray] = {
            "observation": np.empty((0, o)),
            "action": np.empty((0, a)),
            "next_observation": np.empty((0, o)),
            "reward": np.empty(0),
            "terminated": np.empty(0, dtype=bool),
            "truncated": np.empty(0, dtype=bool),
            "episode": np.empty(0, dtype=np.int64),
            "step": np.empty(0, dtype=np.int64),
            "stamp": np.empty(0, dtype=np.int64),
            # NaN: unknown.
            "previous_action": np.empty((0, a)),
            "source": np.empty(0, dtype=np.uint8),
        }

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, rows: slice) -> Transitions:
        """Return some rows, without copying if the slice has no negative step."""
        part = Transitions(self.observation_space, self.action_space)
        part._columns = {name: self._column(name)[rows] for name in self._columns}
        part._size = len(part._columns["step"])
        return part

    def append(self, transition: Transition) -> None:
        """Add one transition.

        Raises:
            ValueError: for a wrong size, a non-finite number or a negative count.
        """
        self.add(checked(transition, self.observation_space, self.action_space))

    def add(self, transition: Transition) -> None:
        """Add one that was checked already, as `checked` does and a pairer."""
        if self._size == len(self._columns["step"]):
            self._grow()
        for name, value in vars(transition).items():
            self._columns[name][self._size] = np.nan if value is None else value
        self._size += 1

    def windows(self, length: int) -> NDArray[np.int64]:
        """Return where unbroken stretches of ``length`` rows start, overlapping ones included.

        Rows follow each other if they are consecutive steps of one episode and one starts at the
        exact observation the other ended at. The latter detects a restarted plant, which counts its
        episodes from 0 again.

        Args:
            length: number of rows, at least 1.

        Returns:
            start indices, ascending, shape ``(W,)``.

        Raises:
            ValueError: if ``length`` is less than 1.
        """
        if length < 1:
            raise ValueError(f"window length: expected at least 1, got {length}")
        if self._size < length:
            return np.empty(0, dtype=np.int64)
        links = np.concatenate(([0], np.cumsum(self._follows())))
        starts = np.arange(self._size - length + 1)
        return starts[links[starts + length - 1] - links[starts] == length - 1]

    def episodes(self) -> list[slice]:
        """Return the rows of each unbroken stretch, in log order; see `windows`."""
        if not self._size:
            return []
        cuts = [0, *(np.flatnonzero(~self._follows()) + 1).tolist(), self._size]
        return [slice(*both) for both in itertools.pairwise(cuts)]

    def _follows(self) -> NDArray[np.bool_]:
        """Return whether each row but the first goes on where the one before ended."""
        return (
            (self.episode[1:] == self.episode[:-1])
            & (self.step[1:] == self.step[:-1] + 1)
            & (self.observation[1:] == self.next_observation[:-1]).all(axis=1)
        )

    @property
    def columns(self) -> dict[str, NDArray]:
        """All columns by name."""
        return {name: self._column(name) for name in self._columns}

    def __iter__(self) -> Iterator[Transition]:
        return (self.row(i) for i in range(self._size))

    def row(self, index: int) -> Transition:
        """Return one transition; its arrays are views."""
        previous = self._column("previous_action")[index]
        return Transition(
            self.observation[index],
            self.action[index],
            self.next_observation[index],
            int(self.episode[index]),
            int(self.step[index]),
            float(self.reward[index]),
            bool(self.terminated[index]),
            bool(self.truncated[index]),
            int(self.stamp[index]),
            None if np.isnan(previous).any() else previous,
            Actor(int(self._column("source")[index])),
        )

    @property
    def observation(self) -> FloatArray:
        """Observations at the start of each step, shape ``(N, O)``, SI units."""
        return self._column("observation")

    @property
    def action(self) -> FloatArray:
        """Actions applied, shape ``(N, A)``, SI units."""
        return self._column("action")

    @property
    def next_observation(self) -> FloatArray:
        """Observations at the end of each step, shape ``(N, O)``, SI units."""
        return self._column("next_observation")

    @property
    def reward(self) -> FloatArray:
        """Rewards, shape ``(N,)``; NaN where the environment has none."""
        return self._column("reward")

    @property
    def terminated(self) -> NDArray[np.bool_]:
        """Whether the task ended at the end of each step, shape ``(N,)``."""
        return self._column("terminated")

    @property
    def truncated(self) -> NDArray[np.bool_]:
        """Whether the episode was cut off at the end of each step, shape ``(N,)``."""
        return self._column("truncated")

    @property
    def episode(self) -> NDArray[np.int64]:
        """Episode of each transition, shape ``(N,)``."""
        return self._column("episode")

    @property
    def step(self) -> NDArray[np.int64]:
        """Step of each transition's first observation in its episode, shape ``(N,)``."""
        return self._column("step")

    @property
    def stamp(self) -> NDArray[np.int64]:
        """When each ``next_observation`` was read, shape ``(N,)`` [ns]; 0: unknown."""
        return self._column("stamp")

    def _column(self, name: str) -> NDArray:
        return self._columns[name][: self._size]

    def _grow(self) -> None:
        # Doubling makes the amortised cost of a row constant. Old arrays are not modified, so that
        # views of them stay valid.
        row = sum(old.itemsize * math.prod(old.shape[1:]) for old in self._columns.values())
        capacity = max(_FIRST_MEMORY // row, 2 * self._size, 1)
        for name, old in self._columns.items():
            # Written to, so that the memory is committed; zeros() would defer that.
            new = np.full((capacity, *old.shape[1:]), 0, dtype=old.dtype)
            new[: self._size] = old[: self._size]
            self._columns[name] = new


def checked(transition: Transition, observation: Space, action: Space) -> Transition:
    """Return a transition whose arrays fit the spaces and are finite.

    A reward that is not finite becomes NaN: the transition says all the same what happened.

    Raises:
        ValueError: for a wrong size, a non-finite number or a negative count.
    """
    previous = transition.previous_action
    return replace(
        transition,
        observation=observation.check(transition.observation, "observation"),
        action=action.check(transition.action, "action"),
        next_observation=observation.check(transition.next_observation, "next_observation"),
        episode=check_count(transition.episode, "episode"),
        step=check_count(transition.step, "step"),
        reward=finite_reward(transition.reward),
        previous_action=None if previous is None else action.check(previous, "previous_action"),
        source=Actor(transition.source),
    )


def goes_on(before: Transition, after: Transition) -> bool:
    """Return whether a checked transition is the next step of the same episode; see `windows`."""
    return (after.episode, after.step) == (before.episode, before.step + 1) and np.array_equal(
        after.observation, before.next_observation
    )


def check_count(value: int, what: str) -> int:
    """Return a count that a column can hold.

    Raises:
        ValueError: naming ``what`` if it is negative or too large.
    """
    if not 0 <= value < 2**63:
        raise ValueError(f"{what}: expected a count from 0, got {value}")
    return int(value)
