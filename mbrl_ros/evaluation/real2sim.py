"""A simulation's physics from recorded data: masses, friction, motors and their delay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.optimize import least_squares
from scipy.stats import t as student

from mbrl_ros.core.spaces import FloatArray
from mbrl_ros.data.segments import Indices, one_segment
from mbrl_ros.data.transitions import Transitions
from mbrl_ros.models.encoding import Encoding
from mbrl_ros.simulation.mujoco_steps import MujocoSteps
from mbrl_ros.simulation.settings import PhysicsSettings

#: What can be fitted beside the delay: a word for it, and the parameter.
SCALES = {"mass": "mass_scale", "friction": "friction_scale", "gain": "gain_scale"}
DELAY = "delay"
# Windows of the fit, and of the search for the delay, which a fit of each is needed for.
_MOST, _FEW = 150, 40
# Factors are looked for from 1/30 to 30.
_BOUND = np.log(30.0)
# Steps of finite differences, of logarithms of factors and shares of how far a dimension moves.
_STEP = 1e-4
# An interval is no narrower than this share of the value: simulations round and stop iterating.
_NARROWEST = 1e-3
# Sensitivity of the least certain combination, relative to the most certain one, below which the
# data do not tell it.
_INDISTINCT = 1e-3
# Error that stands for a simulation that diverges, in units of how far dimensions move.
_LOST = 10.0
# Fits, each with starts moved by the one before: what noise did to them is not quite linear.
_ROUNDS = 3
# The next best delay's error, relative to the best one's, from which on that is clear.
_CLEARLY = 1.2


class TooLittleError(ValueError):
    """There are too few data yet."""


@dataclass(frozen=True)
class Estimate:
    """A fitted factor.

    Attributes:
        name: of the parameter in ``physics.*``.
        value: relative to the simulation as it is.
        low: lower end of the interval of 95 %; 0 where the data do not tell it.
        high: upper end; infinite where they do not.
    """

    name: str
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Identified:
    """What was found.

    Attributes:
        names: of the observation's dimensions, O of them.
        physics: with the factors.
        estimates: the same, each with its interval.
        delay: of the actions, beyond what the plant reported [control steps].
        delay_errors: RMS error with each delay from 0 on, relative to how far dimensions move;
            empty: the delay was not looked for.
        before: RMS open-loop error of the simulation as it is after 1 to H steps, shape ``(H, O)``.
        after: the same of the fitted one.
        windows: number of stretches compared.
        notes: what the data do not tell, one line each.
    """

    names: tuple[str, ...]
    physics: PhysicsSettings
    estimates: tuple[Estimate, ...]
    delay: int
    delay_errors: tuple[float, ...]
    before: FloatArray
    after: FloatArray
    windows: int
    notes: tuple[str, ...]

    @property
    def delay_clear(self) -> bool:
        """Whether another delay fits clearly worse."""
        return not _doubts(self.delay_errors)


def identify(
    steps: MujocoSteps,
    log: Transitions,
    fitted: Sequence[str],
    bodies: Sequence[str] = (),
    *,
    horizon: int = 12,
    max_delay: int = 5,
) -> Identified:
    """Fit a simulation to data, by least squares of its open-loop errors.

    Each window starts at a measured observation, whose error is fitted with it, so that noise does
    not pull the factors. Intervals are from the Jacobian, with windows as clusters
    (a sandwich, White 1980; errors within a window go together), and Student's t.

    Args:
        steps: the simulation, as it is.
        log: of the same spaces, with unbroken stretches of ``horizon + max_delay`` steps.
        fitted: some of `SCALES` and `DELAY`.
        bodies: whose masses are scaled; empty: all.
        horizon: steps of a window.
        max_delay: longest delay considered [control steps].

    Raises:
        TooLittleError: if there are too few such stretches.
        ValueError: if the model does not have these bodies or motors.
    """
    names = [SCALES[word] for word in SCALES if word in fitted]
    looked = range(max_delay + 1 if DELAY in fitted else 1)
    windows = _Windows(steps, log, names, bodies, horizon, looked[-1])
    start = np.zeros(len(names))
    delay, delay_errors = 0, []
    if DELAY in fitted:
        few = windows.some(_FEW)
        for each in looked:
            error = few.errors(few.solve(start, each, 1.0), each)
            delay_errors.append(float(np.sqrt(np.mean(error**2))))
        delay = int(np.argmin(delay_errors))
    rows, whole = windows.some(_MOST), windows.some(_MOST)
    found = rows.solve(start, delay, 1.0)
    # Dimensions count by how well they are told.
    told = np.sqrt(np.mean(rows.errors(found, delay) ** 2, axis=(0, 1)))
    weight = 1.0 / np.maximum(told, _NARROWEST)
    for _ in range(_ROUNDS):
        found = rows.solve(found, delay, weight, corrected=True)
        rows.move_starts(found, delay, weight)
    estimates, notes = _estimates(rows, found, delay, weight)
    notes += _doubts(delay_errors)
    return Identified(
        log.observation_space.names,
        rows.physics(found),
        tuple(estimates),
        delay,
        tuple(delay_errors),
        whole.gap(start, 0),
        whole.gap(found, delay),
        len(whole.start),
        tuple(notes),
    )


class _Windows:
    """Stretches of a log, and what a simulation makes of their starts and actions.

    Attributes:
        names: of the factors.
        start: row at which each begins, shape ``(W,)``.
    """

    def __init__(
        self,
        steps: MujocoSteps,
        log: Transitions,
        names: Sequence[str],
        bodies: Sequence[str],
        horizon: int,
        longest: int,
    ) -> None:
        self._steps, self._log = steps, log
        self.names, self._bodies = list(names), list(bodies)
        self._horizon = horizon
        self._encoding = Encoding(log.observation_space, log.action_space)
        ends = one_segment(log, 1, 0).ends(horizon + longest)
        self.start = _apart(ends - horizon + 1, horizon)
        least = len(names) + 2
        if len(self.start) < least:
            raise TooLittleError(
                f"expected at least {least} unbroken stretches of {horizon} steps, before them "
                f"{longest} for the delay, got {len(self.start)}"
            )
        self._set()

    def _set(self) -> None:
        rows = self.start[:, None] + np.arange(self._horizon)
        self._measured = self._log.observation[self.start]
        self._first = self._measured.copy()
        self._seen = self._log.next_observation[rows]
        self._rows = rows
        moved = self._difference(self._first[:, None], self._seen)
        unit = np.sqrt(np.mean(moved**2, axis=(0, 1)))
        self._unit = np.where(unit > 0, unit, 1.0)

    def some(self, most: int) -> _Windows:
        """Return at most so many, evenly spread."""
        made = _Windows.__new__(_Windows)
        made.__dict__.update(self.__dict__)
        chosen = np.linspace(0, len(self.start) - 1, min(len(self.start), most)).astype(np.int64)
        made.start = self.start[chosen]
        made._set()
        return made

    def physics(self, logs: FloatArray) -> PhysicsSettings:
        """Return the physics of logarithms of factors."""
        factors: dict[str, Any] = dict(zip(self.names, np.exp(logs).tolist(), strict=True))
        return PhysicsSettings(bodies=self._bodies, **factors)

    def errors(self, logs: FloatArray, delay: int, start: FloatArray | None = None) -> FloatArray:
        """Return the errors ``(W, H, O)``, relative to how far dimensions move."""
        self._steps.change(self.physics(logs))
        acted = self._log.action[self._rows - delay]
        seen = self._steps.follow(self._first if start is None else start, acted)
        error = self._difference(self._seen, seen) / self._unit
        return np.where(np.isfinite(error), error, _LOST).clip(-_LOST, _LOST)

    def residuals(self, logs: FloatArray, delay: int, weight: FloatArray | float) -> FloatArray:
        """Return weighted errors of which what another start explains is taken out.

        Shape ``(W, (H + 1) * O)``; the last O are those of the measured start.
        """
        whole, by_start = self._by_start(logs, delay, weight)
        basis, _ = np.linalg.qr(by_start)
        explained = basis @ (basis.transpose(0, 2, 1) @ whole[..., None])
        left: FloatArray = whole - explained[..., 0]
        return left

    def move_starts(self, logs: FloatArray, delay: int, weight: FloatArray | float) -> None:
        """Let windows start where the errors of start and predictions are the least together."""
        whole, by_start = self._by_start(logs, delay, weight)
        moves = np.linalg.pinv(by_start) @ whole[..., None]
        self._first = self._first - moves[..., 0] * self._unit

    def _by_start(
        self, logs: FloatArray, delay: int, weight: FloatArray | float
    ) -> tuple[FloatArray, FloatArray]:
        """Return the weighted errors, ``(W, R)``, and their slopes by the start, ``(W, R, O)``."""
        error = self.errors(logs, delay) * weight
        windows, _, dim = error.shape
        by_start = np.zeros((windows, error[0].size + dim, dim))
        for i in range(dim):
            moved = self._first.copy()
            moved[:, i] += _STEP * self._unit[i]
            change = (self.errors(logs, delay, moved) * weight - error) / _STEP
            by_start[:, : error[0].size, i] = change.reshape(windows, -1)
            by_start[:, error[0].size + i, i] = np.broadcast_to(weight, dim)[i]
        of_start = self._difference(self._measured, self._first) / self._unit * weight
        return np.hstack([error.reshape(windows, -1), of_start]), by_start

    def solve(
        self, start: FloatArray, delay: int, weight: FloatArray | float, corrected: bool = False
    ) -> FloatArray:
        """Return the logarithms of the factors with the least errors."""
        if not len(start):
            return start

        def residuals(logs: FloatArray) -> FloatArray:
            if corrected:
                return self.residuals(logs, delay, weight).ravel()
            return (self.errors(logs, delay) * weight).ravel()

        solved = least_squares(
            residuals, start, bounds=(-_BOUND, _BOUND), x_scale=1.0, diff_step=_STEP, max_nfev=50
        )
        found: FloatArray = solved.x
        return found

    def gap(self, logs: FloatArray, delay: int) -> FloatArray:
        """Return the RMS open-loop errors ``(H, O)``, SI units."""
        error = self.errors(logs, delay) * self._unit
        gap: FloatArray = np.sqrt(np.mean(error**2, axis=0))
        return gap

    def _difference(self, before: FloatArray, after: FloatArray) -> FloatArray:
        pair = torch.from_numpy(before), torch.from_numpy(after)
        found: FloatArray = self._encoding.difference(*pair).numpy()
        return found


def _estimates(
    rows: _Windows, found: FloatArray, delay: int, weight: FloatArray
) -> tuple[list[Estimate], list[str]]:
    """Return the factors with their intervals, and what cannot be told."""
    names, count = rows.names, len(found)
    if not count:
        return [], []
    left = rows.residuals(found, delay, weight)
    slopes = np.empty((*left.shape, count))
    for i in range(count):
        step = _STEP * np.eye(count)[i]
        ahead, back = (rows.residuals(found + s, delay, weight) for s in (step, -step))
        slopes[..., i] = (ahead - back) / (2 * _STEP)
    flat = slopes.reshape(-1, count)
    size = np.linalg.norm(flat, axis=0)
    known = size > 0
    unknown = [name for name, is_known in zip(names, known, strict=True) if not is_known]
    notes = [f"the data do not depend on {name}" for name in unknown]
    _, strength, directions = np.linalg.svd(flat[:, known] / size[known], full_matrices=False)
    for s, direction in zip(strength, directions, strict=True):
        if s < _INDISTINCT * strength[0]:
            kept = [n for n, is_known in zip(names, known, strict=True) if is_known]
            mixed = [n for n, part in zip(kept, direction, strict=True) if abs(part) > 0.1]
            notes.append(f"{' and '.join(mixed)} cannot be told apart: fit fewer of them")
            unknown += mixed
    windows = len(left)
    bread = np.linalg.pinv(flat.T @ flat)
    pulls = np.einsum("wrp,wr->wp", slopes, left)
    spread = bread @ (pulls.T @ pulls) @ bread * windows / (windows - count)
    half = student.ppf(0.975, windows - count) * np.sqrt(np.diag(spread)).clip(0.0)
    half = np.maximum(half, _NARROWEST)
    estimates = []
    for name, value, apart in zip(names, found, half, strict=True):
        if name in unknown:
            estimates.append(Estimate(name, float(np.exp(value)), 0.0, float("inf")))
        else:
            ends = np.exp([value, value - apart, value + apart])
            estimates.append(Estimate(name, *map(float, ends)))
    return estimates, notes


def _doubts(delay_errors: Sequence[float]) -> list[str]:
    if len(delay_errors) < 2:
        return []
    best, second = np.argsort(delay_errors)[:2]
    if delay_errors[second] >= _CLEARLY * delay_errors[best]:
        return []
    return [f"a delay of {second} fits nearly as well as one of {best}"]


def _apart(starts: Indices, horizon: int) -> Indices:
    """Return those of some rows, in order, that are at least so many rows apart."""
    kept: list[int] = []
    for start in starts:
        if not kept or start >= kept[-1] + horizon:
            kept.append(int(start))
    return np.array(kept, dtype=np.int64)
