"""Transitions with their history."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mbrl_ros.core.records import Transition
from mbrl_ros.core.spaces import FloatArray, Space
from mbrl_ros.data.transitions import checked


@dataclass(frozen=True)
class Row:
    """A transition and its history.

    Attributes:
        observations: newest first, shape ``(history, O)``, SI units.
        actions: the transition's own first, then previous ones, shape ``(W, A)``.
        next_observation: shape ``(O,)``.
        reward: of the step; NaN: none.
        terminated: whether the task ended with it.
        follows: whether it continues the previous row, and that one is whole.
        whole: whether its history is known. After a gap in mid-episode it is unknown until all of
            the history lies after the gap.
    """

    observations: FloatArray
    actions: FloatArray
    next_observation: FloatArray
    reward: float
    terminated: bool
    follows: bool
    whole: bool


class Stacking:
    """Remembers the last observations and actions of an episode.

    Before an episode, the plant is assumed to rest at its start, under the action then in effect.
    """

    def __init__(self, observation: Space, action: Space, history: int, actions: int) -> None:
        """Create an empty history.

        Args:
            observation: O dimensions.
            action: A dimensions.
            history: observations in a row.
            actions: W, actions in a row.
        """
        self._observation, self._action = observation, action
        self._observations = np.zeros((history, observation.dim))
        self._actions = np.zeros((actions, action.dim))
        self._last: tuple[int, int, FloatArray] | None = None
        # Rows until the history is known again.
        self._missing = 0

    def push(self, transition: Transition) -> Row:
        """Add one transition and return it with its history.

        Raises:
            ValueError: for a wrong size or a non-finite number; nothing is changed then.
        """
        t = checked(transition, self._observation, self._action)
        before, after = np.asarray(t.observation), np.asarray(t.next_observation)
        episode, step = t.episode, t.step
        # Comparing observations detects a restarted plant, which counts its episodes from 0 again.
        follows = (
            self._last is not None
            and self._last[:2] == (episode, step - 1)
            and bool((self._last[2] == before).all())
        )
        goes_on = follows and self._missing == 0
        if follows:
            self._observations[1:] = self._observations[:-1]
            self._actions[1:] = self._actions[:-1]
            self._missing = max(0, self._missing - 1)
        else:
            self._observations[:] = before
            known = t.previous_action is not None
            self._actions[:] = t.previous_action if known else self._action.neutral
            self._missing = len(self._actions) - 1 if step else 0
        self._observations[0], self._actions[0] = before, t.action
        self._last = (episode, step, after)
        return Row(
            self._observations.copy(),
            self._actions.copy(),
            after,
            t.reward,
            t.terminated,
            goes_on,
            self._missing == 0,
        )
