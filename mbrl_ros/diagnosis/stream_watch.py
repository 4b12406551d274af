"""Notices observations that can teach nothing: no transitions in them, or another rate."""

from __future__ import annotations

from mbrl_ros.core.records import Observation
from mbrl_ros.diagnosis.finding import Finding

# Observations without a transition between them, after which something is wrong with them.
_MANY = 20
# Least time over which a rate is measured [s, control periods], and its relative tolerance.
_SPAN, _PERIODS, _TOLERANCE = 5.0, 20, 0.2
# Pause after which a measurement starts anew [s, control periods].
_PAUSE, _PAUSE_PERIODS = 1.0, 5


class StreamWatch:
    """Watches the observations of a plant."""

    def __init__(self, action_dim: int, period: float | None) -> None:
        """Start watching.

        Args:
            action_dim: A.
            period: expected time between observations [s]; None: any, as in lock-step.
        """
        self._action_dim = action_dim
        self._period = period
        self._in_vain: list[tuple[int, int]] = []
        self._start = self._last = 0.0
        self._count = 0
        self._off = 0.0

    def feed(self, seen: Observation, paired: bool, reason: str, now: float) -> Finding | None:
        """Take in an observation, and return what is wrong, if anything.

        Args:
            seen: the observation.
            paired: whether it completed a transition.
            reason: why not, as `TransitionPairer.reason`; empty: it begins an episode.
            now: time of arrival, on a clock that never jumps [s].
        """
        if reason == "duplicate":  # a plant that waits repeats its last one
            return None
        rate = self._measured(now)
        if paired:
            self._in_vain.clear()
        else:
            self._in_vain.append((seen.episode, seen.step))
        if len(self._in_vain) < _MANY:
            return rate
        problem = self._problem(seen, reason)
        self._in_vain.clear()
        text = f"no transition in the last {_MANY} observations: {problem}"
        return Finding("no transition", reason, text)

    def _problem(self, seen: Observation, reason: str) -> str:
        if len(set(self._in_vain)) == 1:
            return f"step is {seen.step} in all of them, expected to count up by one"
        if reason == "bad_action":
            return (
                f"action: expected the {self._action_dim} finite values in effect since the "
                f"previous observation, got {seen.action.tolist()}"
            )
        if reason == "bad_observation":
            values = seen.values.tolist()
            return f"values are not as many as observation.names, or not finite: {values}"
        if reason == "past_end":
            return "the episode goes on after its end, expected a new one with step 0"
        before, after = self._in_vain[-2:]
        return f"(episode, step) goes from {before} to {after}, expected step to count up by one"

    def _measured(self, now: float) -> Finding | None:
        """Count an observation, and say if they come at another rate."""
        period = self._period
        if period is None:
            return None
        if not self._count or now - self._last > max(_PAUSE, _PAUSE_PERIODS * period):
            self._start, self._count = now, 0
        self._count, self._last = self._count + 1, now
        elapsed = now - self._start
        if elapsed < max(_SPAN, _PERIODS * period):
            return None
        rate = (self._count - 1) / elapsed
        self._count = 0
        off, before = rate * period - 1.0, self._off
        self._off = off if abs(off) > _TOLERANCE else 0.0
        # Twice in a row: what a busy machine has held up comes all at once afterwards.
        if self._off * before <= 0.0:
            return None
        # The same finding as that of the stamps.
        text = f"observations come at {rate:.3g} Hz, expected {1 / period:.3g} Hz (period)"
        return Finding("rate", "period", text)
