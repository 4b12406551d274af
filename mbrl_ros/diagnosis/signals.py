"""Findings about single columns of the log: readings, actions, rewards, stamps."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from mbrl_ros.core.spaces import FloatArray
from mbrl_ros.data.outliers import screened
from mbrl_ros.data.transitions import Transitions
from mbrl_ros.diagnosis.finding import Finding

# Transitions from which on something that never varies is told; rewards may be rare.
_CONSTANT, _REWARDS = 500, 5000
# The newest transitions that a reading must stand still in, or an action be at its limit.
_RECENT = 1000
# A turn, in the units in which it may come.
TURN, DEGREES = 2 * math.pi, 360.0
# Jumps are told from this number on.
_JUMPS = 2
# Distance of the rate from the period that is told.
_RATE = 0.2
# Share of the steps in which a reading that is updated too seldom is repeated, at least.
_REPEATED = 0.3
_UPDATES = 50


def find(log: Transitions, period: float) -> list[Finding]:
    """Return what the columns of a log say.

    Args:
        log: in the order in which it happened.
        period: the control period that the task declares [s].
    """
    if len(log) < _CONSTANT:
        return _absurd(log)
    return [
        *_absurd(log),
        *_readings(log, period),
        *_actions(log),
        *_rewards(log),
        *_rate(log, period),
    ]


def not_radians(name: str, turn: float, why: str, declared: bool = False) -> Finding:
    """Return that a reading is not a declared angle in radians.

    Args:
        name: its dimension.
        turn: what a whole turn is in it, `TURN` or `DEGREES`.
        why: how that shows.
        declared: whether it is declared as an angle.
    """
    remedies = ["convert it to radians"] * (turn == DEGREES)
    remedies += [f"set observation.angles: [{name}]"] * (not declared)
    kind, what = ("degrees", "in degrees") if turn == DEGREES else ("undeclared angle", "an angle")
    text = f"observation '{name}' is {what}: {why}; {' and '.join(remedies)}"
    return Finding(kind, name, text)


def _absurd(log: Transitions) -> list[Finding]:
    return [
        Finding("absurd reading", name, f"{outlier.text}; check the sensor")
        for name, outlier in screened(log).found.items()
    ]


def _readings(log: Transitions, period: float) -> list[Finding]:
    found: list[Finding] = []
    for i, name in enumerate(log.observation_space.names):
        # The number of a place or a choice is no measurement.
        if name in log.observation_space.discrete:
            continue
        before, after = log.observation[:, i], log.next_observation[:, i]
        if not _varies(before):
            text = f"never changes from {before[0]:g} in {len(log)} transitions; check the sensor"
            found.append(Finding("constant", name, f"observation '{name}' {text}"))
            continue
        found += _standing_still(name, before, after, log, period)
        found += _turns(name, i, log)
    return found


def _standing_still(
    name: str, before: FloatArray, after: FloatArray, log: Transitions, period: float
) -> list[Finding]:
    moved = before != after
    recent = moved[-_RECENT:]
    if len(log) >= 2 * _RECENT and not recent.any() and moved[:-_RECENT].mean() > 0.5:
        since = len(moved) - 1 - int(np.flatnonzero(moved)[-1])
        text = f"stands at {after[-1]:g} since {since} transitions; check the sensor"
        return [Finding("stuck", name, f"observation '{name}' {text}")]
    # Steps between two updates, within an episode.
    gaps = np.diff(np.flatnonzero(moved))
    within = gaps < 20
    gaps = gaps[within]
    if len(gaps) < _UPDATES or moved.mean() > 1 - _REPEATED or not within.mean() > 0.9:
        return []
    mean = float(gaps.mean())
    if mean < 1.5 or gaps.std() > 0.3 * mean:
        return []
    text = (
        f"is updated every {mean * period:.3g} s and the period is {period:g} s: most readings are "
        "repeated; read the sensor faster, or lengthen the period"
    )
    return [Finding("slow sensor", name, f"observation '{name}' {text}")]


def _turns(name: str, i: int, log: Transitions) -> list[Finding]:
    space = log.observation_space
    before, after = log.observation[:, i], log.next_observation[:, i]
    declared = name in space.angles
    for turn, size in ((DEGREES, "360"), (TURN, "2 pi")):
        if (times := jumps(before, after, turn)) and (turn == DEGREES or not declared):
            return [not_radians(name, turn, f"it jumps by {size}, {times} times", declared)]
    if declared and (why := _slope(before, after, log) or _limits(space.low[i], space.high[i])):
        return [not_radians(name, DEGREES, why, declared)]
    return []


def jumps(before: FloatArray, after: FloatArray, turn: float) -> int:
    """Return how often a reading in [a, a + turn) passes its end; 0 if it may be anything else."""
    step = np.abs(after - before) / turn
    low, high = min(before.min(), after.min()), max(before.max(), after.max())
    large = (step > 0.65) & (step <= 1.0)
    times, between = int(large.sum()), int(((step > 0.35) & ~large).sum())
    # Nearly the whole circle was seen, never more, and a step is small or a jump.
    whole = 0.9 * turn < high - low <= 1.0001 * turn
    return times if whole and times >= _JUMPS and between == 0 else 0


def _slope(before: FloatArray, after: FloatArray, log: Transitions) -> str:
    """Return which velocity says that an angle is in degrees; empty: none."""
    last = (log.step[1:] == log.step[:-1] + 1) & (log.episode[1:] == log.episode[:-1])
    elapsed = float(np.median(np.diff(log.stamp)[last])) * 1e-9 if last.any() else 0.0
    if elapsed <= 0:
        return ""
    rate = (after - before) / elapsed
    for k, name in enumerate(log.observation_space.names):
        velocity = (log.observation[:, k] + log.next_observation[:, k]) / 2
        if not _varies(velocity) or not _varies(rate):
            continue
        slope = float(velocity @ rate / (velocity @ velocity))
        if abs(slope * math.pi / 180 - 1) < 0.1 and np.corrcoef(velocity, rate)[0, 1] > 0.95:
            return f"its change is {slope:.1f} times '{name}'"
    return ""


def _limits(low: float, high: float) -> str:
    if (low, high) in ((-180.0, 180.0), (0.0, 360.0), (-90.0, 90.0)):
        return f"its limits are {low:g} and {high:g}"
    return ""


def _actions(log: Transitions) -> list[Finding]:
    space, found = log.action_space, []
    if len(log) < _RECENT:
        return []
    for j, name in enumerate(space.names):
        taken = log.action[-_RECENT:, j]
        if name not in space.discrete and not _varies(taken):
            at = taken[0] in (space.low[j], space.high[j])
            where = f"always at its limit {taken[0]:g}" if at else f"always {taken[0]:g}"
            text = f"action '{name}' is {where} in the last {_RECENT} transitions"
            remedy = "nothing is learned of its effect: check its limits and the objective"
            found.append(Finding("constant action", name, f"{text}; {remedy}"))
    return found


def _rewards(log: Transitions) -> list[Finding]:
    paid = log.reward[np.isfinite(log.reward)]
    # Where episodes end early, the same reward for every step still tells good from bad.
    if len(paid) < _REWARDS or _varies(paid) or log.terminated.any():
        return []
    text = f"the reward is {paid[0]:g} in all {len(paid)} transitions: returns cannot tell what is "
    return [Finding("constant reward", "reward", f"{text}better; check the plant's reward")]


def _rate(log: Transitions, period: float) -> list[Finding]:
    stamps, known = log.stamp, log.stamp > 0
    next_one = (
        (log.step[1:] == log.step[:-1] + 1) & (log.episode[1:] == log.episode[:-1])
        & known[1:] & known[:-1]
    )  # fmt: skip
    if not next_one.any():
        return []
    elapsed = 1e-9 * float(np.median(np.diff(stamps)[next_one]))
    if elapsed > 0 and abs(elapsed / period - 1) <= _RATE:
        return []
    text = f"observations come every {elapsed:.3g} s by their stamps, and period is {period:g} s"
    return [Finding("rate", "period", f"{text}; set period: {elapsed:.3g}, or the plant's rate")]


def _varies(values: FloatArray | NDArray[np.float64]) -> bool:
    """Return whether values vary by more than rounding."""
    return bool(np.ptp(values) > 1e-12 * np.abs(values).max())
