"""The safety rule that keeps a state within all barriers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mbrl_ros.core.limits import LimitSettings
from mbrl_ros.core.records import Observation
from mbrl_ros.core.spaces import FloatArray, Space
from mbrl_ros.safety.barriers import Barrier, make_barriers
from mbrl_ros.safety.command_latch import ReceivedCommand
from mbrl_ros.safety.effects import effects_of

# How often all barriers are gone through: a command that one of them changes may offend another.
_SWEEPS = 10
# Of a condition, for rounding.
_TOLERANCE = 1e-9
# Points on the way to where a command leads, at which a curved barrier is looked at.
_POINTS = 8
# Halvings of the way, before nothing of it is left.
_HALVINGS = 8


@dataclass(frozen=True)
class _Condition:
    """``n u >= least`` for a command u."""

    barrier: Barrier
    n: FloatArray
    least: float


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
        self._effects = effects_of(settings, observation, action)
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
