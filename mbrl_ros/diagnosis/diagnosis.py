"""Looks at a growing log again and again, and says each finding once."""

from __future__ import annotations

import numpy as np
from threadpoolctl import threadpool_limits

from mbrl_ros.core.records import Observation
from mbrl_ros.core.spaces import Space
from mbrl_ros.data.transitions import Transitions
from mbrl_ros.diagnosis import dynamics, signals
from mbrl_ros.diagnosis.finding import Finding

# The log is examined at this size, whenever it has doubled, and at the latest after so many more.
_FIRST, _AT_THE_LATEST = 500, 10_000


class Diagnosis:
    """Findings about what was observed and done; it draws no random numbers and changes nothing.

    Attributes:
        findings: of the last examination, and readings that were not finite.
    """

    def __init__(self, observation: Space, period: float) -> None:
        """Start without findings.

        Args:
            observation: O dimensions.
            period: the control period that the task declares [s].
        """
        self._space, self._period = observation, period
        self._due = _FIRST
        self._found: list[Finding] = []
        self._not_finite: dict[str, tuple[int, Observation]] = {}
        self._told: set[tuple[str, str]] = set()

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

    def examine(self, log: Transitions) -> None:
        """Examine a log; takes about a second at most. May run on a thread beside `see`."""
        self._due = min(2 * max(len(log), _FIRST // 2), len(log) + _AT_THE_LATEST)
        # Numpy's further threads would have the process's priority, beside the control loop.
        with threadpool_limits(1, user_api="blas"):
            self._found = [*signals.find(log, self._period), *dynamics.find(log)]

    @property
    def findings(self) -> list[Finding]:
        """What is found at present."""
        return [*map(self._bad_reading, [*self._not_finite]), *self._found]

    def news(self) -> list[Finding]:
        """Return the findings that were not among those returned before."""
        new = [finding for finding in self.findings if finding.key not in self._told]
        self._told |= {finding.key for finding in new}
        return new

    def _bad_reading(self, name: str) -> Finding:
        count, first = self._not_finite[name]
        value = first.values[self._space.index(name)]
        times = "once" if count == 1 else f"{count} times"
        text = (
            f"observation '{name}' was not finite {times}, first {value} in episode "
            f"{first.episode} at step {first.step}; check the sensor, such readings are not used"
        )
        return Finding("not finite", name, text)
