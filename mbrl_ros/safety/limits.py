"""Safety rules for what a command makes of the state: barriers, rates, distances of targets."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from mbrl_ros.core.limits import (
    EFFORT,
    OTHER,
    POSITION,
    VELOCITY,
    LimitSettings,
    index,
    per_name,
)
from mbrl_ros.core.records import Observation
from mbrl_ros.core.spaces import FloatArray, Space
from mbrl_ros.safety.barriers import Barrier, make_barriers
from mbrl_ros.safety.command_latch import ReceivedCommand

# How often all barriers are gone through: a command that one of them changes may offend another.
_SWEEPS = 10
# Of a condition, for rounding.
_TOLERANCE = 1e-9
# Points on the way to where a command leads, at which a curved barrier is looked at.
_POINTS = 8
# Halvings of the way, before nothing of it is left.
_HALVINGS = 8


class Sent:
    """What was sent, one command for each control step.

    Attributes:
        newest: (step, values) of an episode, oldest first.
    """

    def __init__(self) -> None:
        self.newest: deque[tuple[int, FloatArray]] = deque(maxlen=3)

    def begin(self, values: FloatArray) -> None:
        """Begin an episode with what acts then."""
        self.newest.clear()
        self.newest.append((-1, values))

    def note(self, step: int, values: FloatArray) -> None:
        """Take in what was sent in answer to a step, in place of an earlier answer to it."""
        while self.newest and self.newest[-1][0] >= step:
            self.newest.pop()
        self.newest.append((step, values))

    def before(self, step: int) -> list[tuple[int, FloatArray]]:
        """Return what was sent in answer to earlier steps, oldest first."""
        return [(k, values) for k, values in self.newest if k < step]


class ChangesSlowly:
    """Limits how fast a command changes, and how fast that changes."""

    def __init__(
        self, action: Space, rate: Sequence[float], jerk: Sequence[float], period: float, sent: Sent
    ) -> None:
        """Make a rule.

        Args:
            action: A dimensions.
            rate: of each [its unit / s]; infinity: any.
            jerk: of each [its unit / s^2]; infinity: any.
            period: of control, in plant time [s].
            sent: what was sent.
        """
        self._action, self._sent = action, sent
        self._rate = period * np.asarray(rate)
        self._jerk = period * period * np.asarray(jerk)

    def apply(
        self, command: ReceivedCommand | None, observation: Observation, now: float
    ) -> tuple[ReceivedCommand | None, str]:
        """See `SafetyRule.apply`."""
        if command is None or command.safe:
            return command, ""
        earlier = self._sent.before(command.step)
        if not earlier:
            return command, ""
        last, base = earlier[-1]
        steps = command.step - last
        low, high = base - steps * self._rate, base + steps * self._rate
        if len(earlier) > 1:
            change = steps * (base - earlier[-2][1]) / (last - earlier[-2][0])
            most = steps * steps * self._jerk
            # A rate that was broken, as by a safe command, is come back to as fast as it goes.
            low = np.clip(base + change - most, low, high)
            high = np.clip(base + change + most, low, high)
        return _changed(
            command, np.clip(command.values, low, high), self._action, "changed too fast"
        )


class StaysNear:
    """Keeps the target of a servo near to where it is."""

    def __init__(self, action: Space, reach: Sequence[float], moves: Sequence[int | None]) -> None:
        """Make a rule.

        Args:
            action: A dimensions.
            reach: most distance of each [its unit]; infinity: any.
            moves: the observation dimension of which each is the target; None: of none.
        """
        self._action = action
        self._capped = [
            (i, dim, most)
            for i, (dim, most) in enumerate(zip(moves, reach, strict=True))
            if dim is not None and most < math.inf
        ]

    def apply(
        self, command: ReceivedCommand | None, observation: Observation, now: float
    ) -> tuple[ReceivedCommand | None, str]:
        """See `SafetyRule.apply`."""
        if command is None or command.safe:
            return command, ""
        values = command.values.copy()
        for i, dim, most in self._capped:
            measured = observation.values[dim]
            values[i] = np.clip(values[i], measured - most, measured + most)
        return _changed(command, values, self._action, "target too far")


@dataclass(frozen=True)
class _Condition:
    """``n u >= least`` for a command u."""

    barrier: Barrier
    n: FloatArray
    least: float


@dataclass
class _Effects:
    """What actions do to dimensions: (action, dimension)."""

    targets: list[tuple[int, int]] = field(default_factory=list)
    rates: list[tuple[int, int]] = field(default_factory=list)
    pushes: list[tuple[int, int]] = field(default_factory=list)
    coasting: list[tuple[int, int]] = field(default_factory=list)


class KeepsWithin:
    """Changes a command as little as possible so that the state stays within all barriers.

    A barrier h(x) >= 0 becomes a condition on the command u, of the kind of a discrete-time
    control barrier function (Agrawal and Sreenath 2017), to first order:

    - a target u of x: h(u) >= 0, also on the way there;
    - a velocity u of x, at a period T: h(x + T u) >= (1 - approach) h(x);
    - an effort u that accelerates x: n u >= -braking psi, with psi = h(x + foresight v), for a
      curved h the least on the way there, and n its derivative by the velocity v. That is the
      soft joint limit of ros_control (``EffortJointSoftLimitsHandle``), for any h; what an effort
      makes of a velocity need not be known.

    The command is projected onto these half-spaces in turn. Where no action moves what a barrier
    reads, nothing passes if h, changing as it does, will be negative within ``foresight``. In a
    state beyond a barrier only what leads back passes.
    """

    def __init__(
        self, settings: LimitSettings, observation: Space, action: Space, period: float
    ) -> None:
        """Make a rule.

        Raises:
            ValueError: naming the parameter that does not fit.
        """
        self.barriers = make_barriers(settings, observation)
        self._settings, self._action, self._period = settings, action, period
        self._effects = _effects(settings, observation, action)
        self._before: Observation | None = None
        self._newest: Observation | None = None

    def apply(
        self, command: ReceivedCommand | None, observation: Observation, now: float
    ) -> tuple[ReceivedCommand | None, str]:
        """See `SafetyRule.apply`."""
        self._notice(observation)
        if command is None or command.safe:
            return command, ""
        x = observation.values
        conditions: list[_Condition] = []
        for barrier in self.barriers:
            h = barrier.h(x)
            if not math.isfinite(h):
                return None, f"not known: {barrier.text}"
            found = self._conditions(barrier, x, h)
            if not all(np.isfinite(each.n).all() and each.least < math.inf for each in found):
                return None, f"not known: {barrier.text}"
            if not found and self._drifts(barrier, h):
                return None, f"not kept: {barrier.text}"
            conditions += found
        values, touched = _projected(command.values, conditions, self._action)
        if values is None:
            return None, f"contradict each other: {'; '.join(touched)}"
        for barrier in self.barriers:
            if barrier.straight or not self._moves(barrier):
                continue
            shortened = self._shortened(barrier, x, values)
            if shortened is None:
                return None, f"not kept: {barrier.text}"
            if shortened is not values:
                values = shortened
                touched[barrier.text] = None
        if not touched:
            return command, ""
        return replace(command, values=values), f"kept: {'; '.join(touched)}"

    def _notice(self, observation: Observation) -> None:
        """Remember the observation before, to see what drifts."""
        newest = self._newest
        if newest is not None and (newest.episode, newest.step) == (
            observation.episode,
            observation.step,
        ):
            return
        follows = newest is not None and (
            newest.episode == observation.episode and newest.step < observation.step
        )
        self._before, self._newest = newest if follows else None, observation

    def _drifts(self, barrier: Barrier, h: float) -> bool:
        before, newest = self._before, self._newest
        if h < 0.0 or before is None or newest is None:
            return h < 0.0
        change = (h - barrier.h(before.values)) / ((newest.step - before.step) * self._period)
        return not h + self._settings.foresight * min(change, 0.0) >= 0.0

    def _conditions(self, barrier: Barrier, x: FloatArray, h: float) -> list[_Condition]:
        settings, effects = self._settings, self._effects
        slope = barrier.slope(x)
        found: list[_Condition] = []

        def add(n: FloatArray, least: float) -> None:
            if n.any():
                found.append(_Condition(barrier, n, least))

        if effects.targets:
            n, stay = np.zeros(self._action.dim), 0.0
            for i, dim in effects.targets:
                n[i] += slope[dim]
                stay += slope[dim] * x[dim]
            add(n, stay - h)
        if effects.rates:
            n = np.zeros(self._action.dim)
            for i, dim in effects.rates:
                n[i] += slope[dim] * self._period
            add(n, -settings.approach * h)
        if effects.pushes:
            ahead, coasted, psi = self._coasted(barrier, x)
            slope = barrier.slope(coasted)
            through = {velocity: position for position, velocity in effects.coasting}
            n = np.zeros(self._action.dim)
            for i, velocity in effects.pushes:
                n[i] += slope[velocity]
                if velocity in through:
                    n[i] += ahead * slope[through[velocity]]
            if settings.braking > 0.0 or psi < 0.0:
                add(n, -settings.braking * psi)
            elif n.any():
                found.append(_Condition(barrier, n, -math.inf))
        return found

    def _coasted(self, barrier: Barrier, x: FloatArray) -> tuple[float, FloatArray, float]:
        """Return the time in which, as it moves now, it comes closest to a barrier; where; h there.

        A straight barrier is looked at from the end, so that what an effort may be is continuous.
        """
        # Densely where it will be soon.
        times = [1.0] if barrier.straight else (np.arange(1, 13) / 12) ** 2
        found: list[tuple[float, FloatArray, float]] = []
        for share in times:
            ahead = float(share) * self._settings.foresight
            coasted = x.copy()
            for position, velocity in self._effects.coasting:
                coasted[position] += ahead * x[velocity]
            found.append((ahead, coasted, barrier.h(coasted)))
        # Among equals the latest; one that is not known first.
        return min(reversed(found), key=lambda each: -math.inf if each[2] != each[2] else each[2])

    def _moves(self, barrier: Barrier) -> bool:
        effects = self._effects
        return any(dim in barrier.reads for _, dim in [*effects.targets, *effects.rates])

    def _shortened(self, barrier: Barrier, x: FloatArray, values: FloatArray) -> FloatArray | None:
        """Return a command that leads nowhere beyond a curved barrier; None: there is none."""
        h = barrier.h(x)
        share = 1.0
        for _ in range(_HALVINGS):
            if self._leads_well(barrier, x, h, values, share):
                return values if share == 1.0 else self._part(x, values, share)
            share *= 0.5
        return self._part(x, values, 0.0) if h >= 0.0 else None

    def _leads_well(
        self, barrier: Barrier, x: FloatArray, h: float, values: FloatArray, share: float
    ) -> bool:
        if h < 0.0:
            return barrier.h(self._there(x, values, share)) > h
        rates = any(dim in barrier.reads for _, dim in self._effects.rates)
        least = (1.0 - self._settings.approach) * h if rates else 0.0
        ways = np.linspace(0.0, share, _POINTS + 1)[1:]
        return all(
            barrier.h(self._there(x, values, way)) >= least - _TOLERANCE for way in ways.tolist()
        )

    def _there(self, x: FloatArray, values: FloatArray, share: float) -> FloatArray:
        """Return the state on the way to where a command leads, a share of it."""
        there = x.copy()
        for i, dim in self._effects.targets:
            there[dim] += share * (values[i] - x[dim])
        for i, dim in self._effects.rates:
            there[dim] += share * self._period * values[i]
        return there

    def _part(self, x: FloatArray, values: FloatArray, share: float) -> FloatArray:
        """Return the command that leads a share of the way."""
        part = values.copy()
        for i, _ in self._effects.rates:
            part[i] = share * values[i]
        rates = {i for i, _ in self._effects.rates}
        for i, dim in self._effects.targets:
            if i not in rates:
                part[i] = x[dim] + share * (values[i] - x[dim])
        return part


def _effects(settings: LimitSettings, observation: Space, action: Space) -> _Effects:
    """Return what actions do to dimensions.

    Raises:
        ValueError: naming the parameter that does not fit.
    """
    effects = _Effects()
    kinds, moves = command_kinds(settings, action), moved(settings, observation, action)
    velocities = _named("limits.velocities", settings.velocities, observation, action)
    for i, (kind, dim, velocity) in enumerate(zip(kinds, moves, velocities, strict=True)):
        if kind == OTHER:
            continue
        if dim is None and velocity is None:
            raise ValueError(
                f"limits.moves: expected the observation dimension that '{action.names[i]}' moves, "
                f"since limits.command is {kind}"
            )
        if kind == POSITION and dim is not None:
            effects.targets.append((i, dim))
        if kind == VELOCITY:
            effects.rates += [(i, dim)] if dim is not None else []
            effects.targets += [(i, velocity)] if velocity is not None else []
        if kind == EFFORT:
            if velocity is None:
                raise ValueError(
                    f"limits.velocities: expected the velocity of what '{action.names[i]}' moves, "
                    "since limits.command is effort"
                )
            effects.pushes.append((i, velocity))
            effects.coasting += [(dim, velocity)] if dim is not None else []
    return effects


def command_kinds(settings: LimitSettings, action: Space) -> list[str]:
    """Return what each action is.

    Raises:
        ValueError: if there are too few or too many words.
    """
    words = settings.command or [OTHER]
    words = words * action.dim if len(words) == 1 else words
    if len(words) != action.dim:
        raise ValueError(
            f"limits.command: expected one word, or one for each of {', '.join(action.names)}, "
            f"got {len(words)}"
        )
    return words


def moved(settings: LimitSettings, observation: Space, action: Space) -> list[int | None]:
    """Return the dimension whose position each action moves.

    Raises:
        ValueError: if there are too few or too many, or one is unknown.
    """
    return _named("limits.moves", settings.moves, observation, action)


def _named(field: str, names: Sequence[str], observation: Space, action: Space) -> list[int | None]:
    if names and len(names) != action.dim:
        raise ValueError(
            f"{field}: expected one name for each of {', '.join(action.names)}, got {len(names)}"
        )
    return [index(observation, n, field) if n else None for n in names or [""] * action.dim]


def limit_rules(
    settings: LimitSettings, observation: Space, action: Space, period: float, sent: Sent
) -> list[StaysNear | ChangesSlowly | KeepsWithin]:
    """Return the rules of the settings; those that let everything pass are left out.

    Barriers come last: to keep to them a command may change faster than it should otherwise.

    Raises:
        ValueError: naming the parameter that does not fit.
    """
    rules: list[StaysNear | ChangesSlowly | KeepsWithin] = []
    kinds, moves = command_kinds(settings, action), moved(settings, observation, action)
    within = KeepsWithin(settings, observation, action, period)
    if settings.reach:
        reach = per_name("limits.reach", settings.reach, action.names, math.inf)
        if POSITION not in kinds:
            raise ValueError("limits.reach: expected limits.command: position, got none")
        targets = [d if k == POSITION else None for k, d in zip(kinds, moves, strict=True)]
        rules.append(StaysNear(action, reach, targets))
    if settings.rate or settings.jerk:
        if action.discrete:
            raise ValueError(
                f"limits.rate and limits.jerk: expected none, since '{action.discrete[0]}' takes "
                "integers only"
            )
        rate = per_name("limits.rate", settings.rate, action.names, math.inf)
        jerk = per_name("limits.jerk", settings.jerk, action.names, math.inf)
        rules.append(ChangesSlowly(action, rate, jerk, period, sent))
    if within.barriers:
        rules.append(within)
    return rules


def _projected(
    values: FloatArray, conditions: Sequence[_Condition], action: Space
) -> tuple[FloatArray | None, dict[str, None]]:
    """Return the command within its range that meets all conditions, and which changed it.

    Where they ask for more than the range has, it is the most; None: they contradict each other.
    """
    touched: dict[str, None] = {}
    for within in (action.clip, lambda free: free):
        changed = values
        for _ in range(_SWEEPS):
            met = True
            for each in conditions:
                lack = each.least - float(each.n @ changed)
                if lack > _TOLERANCE * (1.0 + abs(each.least)):
                    changed = within(changed + each.n * (lack / float(each.n @ each.n)))
                    touched[each.barrier.text] = None
                    met = False
            if met:
                return (action.clip(changed) if touched else changed), touched
    return None, touched


def _changed(
    command: ReceivedCommand, values: FloatArray, action: Space, what: str
) -> tuple[ReceivedCommand, str]:
    """Return a command with other values, and why."""
    different = values != command.values
    if not different.any():
        return command, ""
    names = ", ".join(np.array(action.names)[different])
    return replace(command, values=values), f"{what}: {names}"
