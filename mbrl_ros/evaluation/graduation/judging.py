"""What came of an episode, and whether it is good enough."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from mbrl_ros.control.command import CommandSource
from mbrl_ros.core.task import TaskSettings
from mbrl_ros.evaluation.graduation.conditions import Conditions
from mbrl_ros.evaluation.graduation.settings import ThresholdSettings
from mbrl_ros.system.rehearsal import Record, beyond, recovery

# A reward counts as good as before if it is within this share of what the unperturbed control is
# worth per step.
_AS_GOOD = 0.25


@dataclass(frozen=True)
class Outcome:
    """The figures of an episode.

    Attributes:
        kind: unperturbed, draw, search or processes.
        conditions: of the episode.
        total: its return.
        share: of what the unperturbed control is worth.
        violations: share of the time beyond ``limits``.
        interventions: share of commands that the guard changed or replaced.
        fallback: share of the time in the safe command.
        recovery: time after a push until all is well again [s]; infinity: it never was.
        deadline_misses: share of late ticks; NaN: in simulated time.
        trouble: why the newest safe command was sent in place of a plan; empty: there was none.
        failed: what does not hold, each in words.
        slack: how far it is from failing, negative: it fails; a share.
        record: all of it; None: not kept.
    """

    kind: str
    conditions: Conditions
    total: float
    share: float
    violations: float
    interventions: float
    fallback: float
    recovery: float
    deadline_misses: float = math.nan
    trouble: str = ""
    failed: tuple[str, ...] = ()
    slack: float = math.inf
    record: Record | None = field(default=None, repr=False)

    @property
    def passed(self) -> bool:
        """Whether all holds."""
        return not self.failed


class Jury:
    """Judges episodes by an idle and an unperturbed one.

    Attributes:
        idle: return where nobody commands.
        reference: return of the unperturbed episode.
        attained: where that is between idle and its own best step, lasting.
    """

    def __init__(
        self,
        task: TaskSettings,
        thresholds: ThresholdSettings,
        push_time: float,
        idle: Record,
        unperturbed: Record,
    ) -> None:
        """Take the measure of both.

        Args:
            task: has the limits.
            thresholds: of what must hold.
            push_time: when pushes come [s].
            idle: the episode where nobody commands.
            unperturbed: the episode as the model knows it.
        """
        self._task, self._thresholds, self._push_time = task, thresholds, push_time
        self._steps = max(len(idle.rewards), len(unperturbed.rewards))
        self._worst = float(min(idle.rewards.min(), unperturbed.rewards.min()))
        self.idle, self.reference = self._total(idle), self._total(unperturbed)
        best = float(unperturbed.rewards.max()) * self._steps
        self.attained = (self.reference - self.idle) / max(best - self.idle, 1e-9)

    def judge(self, kind: str, conditions: Conditions, record: Record) -> Outcome:
        """Return the figures of an episode, and what does not hold.

        Args:
            kind: of the episode.
            conditions: of it.
            record: of it.
        """
        limit, told = self._thresholds, record
        worth = self.reference - self.idle
        share = (self._total(record) - self.idle) / worth if worth > 0 else -math.inf
        outside = beyond(self._task, record.observations)
        commands = max(1, sum(record.sources))
        pushed = conditions.values.get("push", 0.0) > 0
        level = self._level(record, worth)
        recovered = recovery(record, self._push_time, level) if pushed else 0.0
        figures = {
            "violations": float((outside > 0).mean()) if len(outside) else 0.0,
            "interventions": record.changed / commands,
            "fallback": _in_fallback(record),
            "recovery": recovered,
        }
        unseen = not len(record.rewards)
        failed, slack = [record.trouble] if unseen else [], share - limit.share
        if not slack >= 0:
            failed.append(f"share of the return {share:.2f}, expected at least {limit.share:g}")
        for name, value in figures.items():
            most = getattr(limit, name)
            left = most - value
            if name == "recovery":
                left = max(-1.0, left / max(most, 1e-9))
            # Those of which none are allowed say nothing as long as there are none.
            slack = min(slack, left if left < 0 or most > 0 else math.inf)
            if left < 0:
                worst = f" (by up to {outside.max():.3g})" if name == "violations" else ""
                failed.append(f"{name} {value:.3g}{worst}, expected at most {most:g}")
        return Outcome(
            kind, conditions, self._total(record), share, **figures, trouble=told.trouble,
            failed=tuple(failed), slack=slack, record=record,
        )  # fmt: skip

    def _total(self, record: Record) -> float:
        # Where the plant ended it, the rest is as bad as anything; so is all that nobody saw.
        known = len(record.rewards)
        missing = self._steps - known if record.terminated or not known else 0
        return float(np.nansum(record.rewards)) + missing * self._worst

    def _level(self, record: Record, worth: float) -> float:
        """Return the reward that counts as good as before the push."""
        before = record.rewards[record.times[1:] <= self._push_time]
        usual = float(np.median(before[-25:])) if len(before) else -math.inf
        return usual - _AS_GOOD * worth / self._steps


def _in_fallback(record: Record) -> float:
    """Return the share of the time in the safe command, after the first answer."""
    if not len(record.safe):
        return 1.0
    acted = np.flatnonzero(~record.safe)
    first = int(acted[0]) if len(acted) else 0
    return float(record.safe[first:].mean())


def sources_told(record: Record) -> dict[str, int]:
    """Return the number of commands by how they came about."""
    return {
        source.name.lower(): count
        for source, count in zip(CommandSource, record.sources, strict=False)
        if count
    }
