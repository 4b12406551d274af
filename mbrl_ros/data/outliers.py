"""Absurd readings: known by the log's own distribution, and kept from those who learn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mbrl_ros.core.records import Transition
from mbrl_ros.core.spaces import FloatArray, Space
from mbrl_ros.data.transitions import Transitions, checked, goes_on

# Readings at least so many times farther from the median than nearly all are suspected; twice as
# many at that number of readings, and the more the fewer there are: it may just have been quiet.
_FAR, _MANY = 10.0, 500
# Nearly all: all but so many, or but this share, whichever is more. What comes more often is no
# outlier: the log is like that.
_FEW, _SHARE = 5, 0.01
# The readings before and after an absurd one are at most so many times as far from the median as
# nearly all, or as far as that share of its own distance.
_USUAL, _NEARER = 2.0, 0.01
# More in a row are no slip of a sensor.
_IN_A_ROW = 3
# Distances from the median below this share of it are rounding errors.
_STILL = 1e-9
# Transitions to wait for, where nobody says how many.
_FIRST = 50
# The distribution is looked at again whenever the log has grown by this factor, in that many
# readings at most, evenly spread over the log.
_GROWTH, _MOST = 1.1, 20_000


@dataclass(frozen=True)
class Outlier:
    """The absurd readings of a dimension.

    Attributes:
        name: the dimension.
        count: their number.
        value: the last one.
        episode: its episode.
        step: its step.
        median: of the log.
        usual: distance from the median that nearly all readings keep.
    """

    name: str
    count: int
    value: float
    episode: int
    step: int
    median: float
    usual: float

    @property
    def text(self) -> str:
        """A line with the figures."""
        times = "once" if self.count == 1 else f"{self.count} times, last"
        return (
            f"observation '{self.name}' was absurd {times} with {self.value:.4g} in episode "
            f"{self.episode} at step {self.step}: nearly all are within {self.usual:.3g} of "
            f"{self.median:.3g}, and so were the ones before and after"
        )


class _Reading(NamedTuple):
    """Place, values and their distances from the median, shape ``(D,)``."""

    episode: int
    step: int
    values: FloatArray
    distance: FloatArray


class OutlierScreen:
    """Passes a log on, without the transitions from and to absurd readings.

    A reading is absurd if it lies far outside of what the log knows and the readings before and
    after it do not: it came and went at once. What lies far outside but goes on from there has
    happened, and so has what comes again and again, as contacts do. Medians and ranks need neither
    unit nor origin. A dimension that hardly ever changes is not judged; nor are choices and angles,
    of which models see the place on a circle.

    Attributes:
        left_out: transitions that were not passed on.
        found: absurd readings by dimension.
        judged: indices of the dimensions that are judged.
    """

    def __init__(self, observation: Space, action: Space, first: int) -> None:
        """Begin a log.

        Args:
            observation: O dimensions.
            action: A dimensions.
            first: transitions to wait for before any is passed on: fewer tell no distribution.
        """
        self.left_out = 0
        self.found: dict[str, Outlier] = {}
        self._spaces = observation, action
        unjudged = {*observation.angle_indices, *observation.discrete_indices}
        self.judged = [i for i in range(observation.dim) if i not in unjudged]
        self._distribution = _Distribution(len(self.judged))
        self._first = first
        # With whether each follows the one before.
        self._waiting: list[tuple[Transition, bool]] = []
        self._last: Transition | None = None
        # What came before the suspects; None: the episode, as far as it is known, begins with them.
        self._before: _Reading | None = None
        self._suspects: list[_Reading] = []
        self._held: list[Transition] = []

    @property
    def text(self) -> str:
        """What was found, as text; empty: nothing."""
        return "; ".join(outlier.text for outlier in self.found.values())

    def feed(self, transition: Transition) -> list[Transition]:
        """Take the next transition of a log.

        Returns:
            those to be passed on now, in order: this one alone, unless it is suspected or the log
            is too short to tell.

        Raises:
            ValueError: for a wrong size, a non-finite number or a negative count; nothing is
                changed then.
        """
        new = checked(transition, *self._spaces)
        if not self.judged:
            return [new]
        follows, self._last = self._last is not None and goes_on(self._last, new), new
        if not follows:
            self._distribution.add(np.asarray(new.observation)[self.judged])
        self._distribution.add(np.asarray(new.next_observation)[self.judged])
        self._waiting.append((new, follows))
        if len(self._waiting) < self._first:
            return []
        self._distribution.refresh()
        waiting, self._waiting, self._first = self._waiting, [], 0
        return [passed for each in waiting for passed in self._judge(*each)]

    def _judge(self, new: Transition, follows: bool) -> list[Transition]:
        """Return what is passed on now that this transition is known, too."""
        passed: list[Transition] = []
        if not follows:
            passed += self._decide(None)
            self._before = None
            passed += self._see(self._reading(new, new.observation, new.step))
        self._held.append(new)
        return passed + self._see(self._reading(new, new.next_observation, new.step + 1))

    def _reading(self, of: Transition, observation: ArrayLike, step: int) -> _Reading:
        values = np.asarray(observation)[self.judged]
        return _Reading(of.episode, step, values, np.abs(values - self._distribution.median))

    def _see(self, reading: _Reading) -> list[Transition]:
        """Suspect a reading, or decide on the suspects before it."""
        suspected = self._is_far(reading).any() and (
            bool(self._suspects) or self._before is None or self._leaps(reading, self._before)
        )
        if suspected and len(self._suspects) < _IN_A_ROW:
            self._suspects.append(reading)
            return []
        passed = self._pass_on() if suspected else self._decide(reading)
        self._before = reading
        return passed

    def _decide(self, after: _Reading | None) -> list[Transition]:
        """Decide on the suspects, by the reading after them; None: their episode is over."""
        suspects, before = self._suspects, self._before
        known = before is not None or after is not None
        if not suspects or not known or (after and not self._leaps(suspects[-1], after)):
            return self._pass_on()
        for reading in suspects:
            self._count(reading)
        self.left_out += len(self._held)
        self._held, self._suspects = [], []
        return []

    def _pass_on(self) -> list[Transition]:
        passed, self._held, self._suspects = self._held, [], []
        return passed

    def _is_far(self, reading: _Reading) -> NDArray[np.bool_]:
        return reading.distance > self._distribution.far

    def _leaps(self, far: _Reading, near: _Reading) -> bool:
        """Return whether one reading is suspiciously far from the median and the other is near."""
        usual = np.maximum(_USUAL * self._distribution.usual, _NEARER * far.distance)
        return bool((self._is_far(far) & (near.distance <= usual)).any())

    def _count(self, reading: _Reading) -> None:
        for i in np.flatnonzero(self._is_far(reading)):
            name = self._spaces[0].names[self.judged[i]]
            count = self.found[name].count if name in self.found else 0
            usual = float(self._distribution.usual[i])
            at = reading.episode, reading.step
            median = float(self._distribution.median[i])
            value = float(reading.values[i])
            self.found[name] = Outlier(name, count + 1, value, *at, median, usual)


def screened(log: Transitions) -> OutlierScreen:
    """Return a screen that has been fed a whole log."""
    screen = OutlierScreen(log.observation_space, log.action_space, min(_FIRST, len(log)))
    if not len(log):
        return screen
    readings = np.concatenate([log.observation[:1], log.next_observation])[:, screen.judged]
    median, usual = _spread(readings[:: 1 + len(readings) // _MOST])
    # Mostly nothing is far outside, which is quickly seen.
    if (np.abs(readings - median) > _FAR * usual).any():
        for transition in log:
            screen.feed(transition)
    return screen


class _Distribution:
    """The median of readings, and the distance from it that nearly all keep.

    Attributes:
        median: shape ``(D,)``.
        usual: shape ``(D,)``; infinite where it is not known.
        far: what is suspiciously far, the same.
    """

    def __init__(self, dim: int) -> None:
        self.median: FloatArray = np.zeros(dim)
        self.usual: FloatArray = np.full(dim, np.inf)
        self.far = self.usual
        self._readings: FloatArray = np.empty((_MOST, dim))
        self._kept = self._seen = 0
        self._every = 1
        self._due = 0.0

    def add(self, reading: FloatArray) -> None:
        """Add one, shape ``(D,)``."""
        if self._seen % self._every == 0:
            if self._kept == _MOST:
                # Every other one stands for the log as well.
                self._kept, self._every = _MOST // 2, 2 * self._every
                self._readings[: self._kept] = self._readings[::2].copy()
            self._readings[self._kept] = reading
            self._kept += 1
        self._seen += 1

    def refresh(self) -> None:
        """Look again, if the log has grown enough."""
        if self._seen < self._due:
            return
        self._due = _GROWTH * self._seen
        self.median, self.usual = _spread(self._readings[: self._kept])
        self.far = _FAR * (1.0 + _MANY / self._seen) * self.usual


def _spread(readings: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the median, and the distance from it that nearly all keep; see `_Distribution`."""
    median, count = np.median(readings, axis=0), len(readings)
    distance = np.abs(readings - median)
    rare = max(min(_FEW, count // 2), round(_SHARE * count))
    often = min(4 * rare, count // 2)
    ranks = count - 1 - often, count - 1 - rare
    moved, usual = np.partition(distance, ranks, axis=0)[[*ranks]]
    # Of what changes seldom, nobody knows how far it may go.
    return median, np.where(moved > _STILL * np.abs(median), usual, np.inf)
