"""Looks at a growing log again and again, and says each finding once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from threadpoolctl import threadpool_limits

from mbrl_ros.core.records import Observation
from mbrl_ros.core.spaces import Space
from mbrl_ros.data.transitions import Transitions
from mbrl_ros.diagnosis import dynamics, signals
from mbrl_ros.diagnosis.finding import Finding

# The log is examined at this size, whenever it has doubled, and at the latest after so many more.
_FIRST, _AT_THE_LATEST = 500, 10_000


def find(log: Transitions, period: float) -> list[Finding]:
    """Return what is found in a log; takes some seconds at most.

    Args:
        log: N transitions.
        period: the control period that the task declares [s].
    """
    # Numpy's further threads would take other processors, too.
    with threadpool_limits(1, user_api="blas"):
        return [*signals.find(log, period), *dynamics.find(log)]


class Diagnosis:
    """Findings about what was observed and done; it draws no random numbers and changes nothing."""

    def __init__(
        self,
        observation: Space,
        period: float,
        find: Callable[[Transitions, float], list[Finding]] = find,
    ) -> None:
        """Start without findings.

        Args:
            observation: O dimensions.
            period: the control period that the task declares [s].
            find: what examines a log, by default in this process.
        """
        self._space, self._period, self._find = observation, period, find
        self._due = _FIRST
        self._continued = False
        self._noted: dict[tuple[str, str], Finding] = {}
        self._found: list[Finding] = []
        self._not_finite: dict[str, tuple[int, Observation]] = {}
        self._told: set[tuple[str, str]] = set()
        self._earlier: set[tuple[str, str]] = set()

    def resume(self, transitions: int) -> None:
        """Go on with a log of this size; what is found in it first, an earlier process has told."""
        self._continued = self.is_due(transitions)

    def note(self, finding: Finding) -> None:
        """Take note of what was found elsewhere; it is told once, as all are."""
        self._noted[finding.key] = finding

    def see(self, seen: Observation) -> None:
        """Take note of a reading as it comes; one that is not finite makes no transition."""
        try:
            finite = np.isfinite(seen.values)
        except TypeError:
            return
        if finite.shape != (self._space.dim,) or finite.all():
            return
        for i in np.flatnonzero(~finite):
            name = self._space.names[i]
            count, first = self._not_finite.get(name, (0, seen))
            self._not_finite[name] = count + 1, first

    def is_due(self, transitions: int) -> bool:
        """Return whether a log of this size is worth another examination."""
        return transitions >= self._due

    def examine(self, log: Transitions, transitions: int | None = None) -> None:
        """Examine a log; takes some seconds at most. May run on a thread beside `see`.

        Args:
            log: or its newest transitions.
            transitions: of the whole log; None: as many as given.

        Raises:
            Exception: what ``find`` raises; the log is examined when it has grown again.
        """
        total = len(log) if transitions is None else transitions
        self._due = min(2 * max(total, _FIRST // 2), total + _AT_THE_LATEST)
        found = self._find(log, self._period)
        if self._continued:
            self._earlier = {finding.key for finding in found}
        self._continued, self._found = False, found

    @property
    def findings(self) -> list[Finding]:
        """What was noted, readings that were not finite, and what the last examination found."""
        bad = [self._bad_reading(name) for name in [*self._not_finite]]
        found = [*self._noted.values(), *bad, *self._found]
        return [*{finding.key: finding for finding in found}.values()]

    def news(self) -> list[Finding]:
        """Return the findings not returned before; those of an earlier process are marked so."""
        new = [finding for finding in self.findings if finding.key not in self._told]
        self._told |= {finding.key for finding in new}
        return [
            replace(finding, text=f"as before: {finding.text}")
            if finding.key in self._earlier
            else finding
            for finding in new
        ]

    def _bad_reading(self, name: str) -> Finding:
        count, first = self._not_finite[name]
        value = first.values[self._space.index(name)]
        times = "once" if count == 1 else f"{count} times"
        text = (
            f"observation '{name}' was not finite {times}, first {value} in episode "
            f"{first.episode} at step {first.step}; check the sensor, such readings are not used"
        )
        return Finding("not finite", name, text)
