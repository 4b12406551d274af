"""Findings about cause and effect: undeclared angles, hidden states, late and dead actuators."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mbrl_ros.core.spaces import FloatArray, Space
from mbrl_ros.data.transitions import Transitions
from mbrl_ros.diagnosis.finding import Finding
from mbrl_ros.diagnosis.regression import deviations, errors
from mbrl_ros.diagnosis.signals import DEGREES, TURN, not_radians

# Rows that are looked at, and the fewest that tell anything; of an effect that is not there, more.
_ROWS, _FEWEST, _FEWEST_DEAD = 900, 450, 1800
# Steps by which an action may come late, and with them the past that is looked at.
_LATEST = 3
# Errors below count as none [deviations of a change].
_NEGLIGIBLE = 0.05
# What the past must leave of the error to say that a state is hidden; on the shipped tasks it
# leaves at least half. docs/experiments/diagnosis.md has the figures.
_HIDDEN = 0.3
_LATE = 0.4
# What another angle must leave, on average, of the error that those before it leave.
_HELPS = 0.8
# An action has an effect where the error grows by so much without it [deviations of a change], in
# more rows than chance would have, by so many deviations.
_EFFECT, _BEYOND_CHANCE = 0.005, 2.5
# The same where it acts later, which is tried more often.
_BEYOND_CHANCE_LATER = 3.5
# Actions that vary by less of their range tell nothing.
_VARIES = 0.01


def find(log: Transitions) -> list[Finding]:
    """Return what the log says about causes and effects; in about a second."""
    # Kernels compare distances, and the numbers of places have none.
    if log.observation_space.discrete:
        return []
    starts = log.windows(_LATEST + 1)
    if len(starts) < _FEWEST:
        return []
    rows = starts[np.linspace(0, len(starts) - 1, min(_ROWS, len(starts))).astype(int)] + _LATEST
    evidence = _Evidence(log, rows)
    # An angle that is none hides all else, an effect that comes late is none at once, and one on a
    # hidden state is not seen.
    if found := evidence.turning() or evidence.late() or evidence.hidden():
        return found
    dead = evidence.without_effect() if len(starts) >= _FEWEST_DEAD else set()
    if dead:
        # A controller's action can be told from its observation: exploration, at the start, says
        # more.
        dead &= _Evidence(log, starts[:_ROWS] + _LATEST).without_effect()
    return _dead(dead, len(starts))


def _dead(names: set[str], count: int) -> list[Finding]:
    return [
        Finding(
            "dead actuator",
            name,
            f"action '{name}': no effect on any observation in {count} transitions; check that the "
            "actuator is switched on, or observe what it moves",
        )
        for name in sorted(names)
    ]


class _Evidence:
    """What some rows of a log say; each with the steps before it."""

    def __init__(self, log: Transitions, rows: NDArray[np.int64]) -> None:
        self._space, self._actions = log.observation_space, log.action_space
        self._log, self._rows = log, rows
        change = log.next_observation[rows] - log.observation[rows]
        self._change = deviations(_wrapped(change, self._space))
        self._seen = _encoded(log.observation[rows], self._space)
        self._errors = self._judge(log.action[rows])
        self._error = np.median(self._errors, axis=0)
        self._unexplained = self._error > _NEGLIGIBLE

    def _judge(self, *further: FloatArray) -> FloatArray:
        return errors(np.column_stack([self._seen, *further]), self._change)

    def _left(self, error: FloatArray) -> FloatArray:
        """Return the share of the error that is left, of what is badly explained."""
        share: FloatArray = np.median(error, axis=0)[self._unexplained]
        share = share / self._error[self._unexplained]
        return share

    def turning(self) -> list[Finding]:
        """Return which readings beyond a whole turn say most as angles, and are not declared."""
        if not self._unexplained.any():
            return []
        seen, names = self._log.observation[self._rows], self._space.names
        candidates = [
            (i, turn)
            for i, name in enumerate(names)
            for turn in (TURN, DEGREES)
            if name not in self._space.angles and np.ptp(seen[:, i]) > turn
        ]
        turns: dict[int, float] = {}
        shares = np.ones(1)
        while candidates:
            trials = [self._left(self._as_angles({**turns, i: t})) for i, t in candidates]
            best = int(np.argmin([trial.mean() for trial in trials]))
            if trials[best].mean() > _HELPS * shares.mean():
                break
            (i, turn), shares = candidates[best], trials[best]
            turns[i] = turn
            candidates = [candidate for candidate in candidates if candidate[0] != i]
        if shares.min() > _HIDDEN:
            return []
        left = f"as an angle it leaves {100 * shares.min():.0f} % of the error of predictions"
        return [
            not_radians(
                names[i], turn, f"it covers {np.ptp(seen[:, i]) / turn:.3g} turns, and {left}"
            )
            for i, turn in turns.items()
        ]

    def _as_angles(self, turns: Mapping[int, float]) -> FloatArray:
        """Return the errors where some dimensions are angles, with what a turn is in each."""
        seen = self._log.observation[self._rows]
        for i, turn in turns.items():
            seen[:, i] *= TURN / turn
        angles = [self._space.names[i] for i in turns]
        space = replace(self._space, angles=(*self._space.angles, *angles))
        inputs = np.column_stack([_encoded(seen, space), self._log.action[self._rows]])
        return errors(inputs, self._change)

    def late(self) -> list[Finding]:
        """Return whether earlier actions explain better what happened than those of the step."""
        if not self._unexplained.any():
            return []
        action = self._log.action
        shares = [
            float(np.median(self._left(self._judge(action[self._rows - delay]))))
            for delay in range(1, _LATEST + 1)
        ]
        delay = int(np.argmin(shares)) + 1
        if shares[delay - 1] > _LATE:
            return []
        what = "1 step" if delay == 1 else f"{delay} steps"
        return [
            Finding(
                "late action",
                "action",
                f"actions take effect {what} later than reported: what was sent then leaves "
                f"{100 * shares[delay - 1]:.0f} % of the error; set model.delay: {delay} (or -1: "
                "estimated), unless that is done",
            )
        ]

    def hidden(self) -> list[Finding]:
        """Return whether the step before says what this one's observation does not."""
        if not self._unexplained.any():
            return []
        before = self._rows - 1
        log = self._log
        change = _wrapped(log.next_observation[before] - log.observation[before], self._space)
        shares = np.ones(self._space.dim)
        with_past = self._judge(log.action[self._rows], log.action[before], change)
        shares[self._unexplained] = self._left(with_past)
        worst = int(np.argmin(shares))
        if shares[worst] > _HIDDEN:
            return []
        name = self._space.names[worst]
        return [
            Finding(
                "hidden state",
                "observation",
                "the observation lacks a state, such as a velocity or an actuator's: with the step "
                f"before known, '{name}' is predicted with {100 * shares[worst]:.0f} % of the "
                "error; observe it, or set model.history: 2, unless that is done",
            )
        ]

    def without_effect(self) -> set[str]:
        """Return the actions that vary and that no change depends on, at once or later."""
        taken = self._log.action[self._rows]
        ranges = self._actions.upper - self._actions.lower
        dead = set()
        for j, name in enumerate(self._actions.names):
            if taken[:, j].std() < _VARIES * ranges[j]:
                continue
            without = self._judge(np.delete(taken, j, axis=1))
            later = (self._judge(action) for action in self._later(j))
            if not self._worse(without, self._errors, _BEYOND_CHANCE) and not any(
                self._worse(without, error, _BEYOND_CHANCE_LATER) for error in later
            ):
                dead.add(name)
        return dead

    def _later(self, dimension: int) -> Iterator[FloatArray]:
        """Yield the actions as they act where one dimension comes late."""
        for delay in range(1, _LATEST + 1):
            action = self._log.action[self._rows]
            action[:, dimension] = self._log.action[self._rows - delay, dimension]
            yield action

    def _worse(self, without: FloatArray, errors: FloatArray, beyond: float) -> bool:
        """Return whether errors grow anywhere by more than by chance."""
        worse = (without > errors).mean(axis=0)
        sure = (worse - 0.5) * 2 * np.sqrt(len(without)) > beyond
        grows = np.median(without, axis=0) - np.median(errors, axis=0) > _EFFECT
        return bool((sure & grows).any())


def _wrapped(change: FloatArray, space: Space) -> FloatArray:
    change = change.copy()
    angles = list(space.angle_indices)
    change[:, angles] = (change[:, angles] + np.pi) % (2 * np.pi) - np.pi
    return change


def _encoded(values: FloatArray, space: Space) -> FloatArray:
    angles = list(space.angle_indices)
    others = np.delete(values, angles, axis=1)
    return np.column_stack([others, np.cos(values[:, angles]), np.sin(values[:, angles])])
