"""A graduation from the checks to the verdict, in simulated time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace

import numpy as np

from mbrl_ros.core.spaces import FloatArray
from mbrl_ros.evaluation.graduation.checking import (
    check_delay,
    check_model,
    check_topics,
    doubtful_settings,
)
from mbrl_ros.evaluation.graduation.conditions import Conditions, Ranges
from mbrl_ros.evaluation.graduation.judging import Jury, Outcome
from mbrl_ros.evaluation.graduation.searching import worst
from mbrl_ros.evaluation.graduation.settings import GraduationSettings
from mbrl_ros.evaluation.graduation.stage import Stage
from mbrl_ros.system.rehearsal import Record, observed, task_of

AS_THE_MODEL = Conditions({}, 0)
# As a parameter, a seed has 31 bits.
_SEEDS = 2**31


@dataclass
class Course:
    """What a graduation has come to so far.

    Attributes:
        findings: of the checks; with one of them, nothing is played.
        warnings: what in the configuration is known to mislead.
        outcomes: of all episodes, in turn.
        failed: what does not hold, each in words.
        jury: it judges by; None: nothing was played.
        stage: played on, its scale measured; None: nothing was played.
    """

    findings: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    jury: Jury | None = None
    stage: Stage | None = None

    def of(self, kind: str) -> list[Outcome]:
        """Return the outcomes of a kind."""
        return [outcome for outcome in self.outcomes if outcome.kind == kind]

    @property
    def pass_rate(self) -> float:
        """Share of the random draws in which all holds; NaN: there were none."""
        draws = self.of("draw")
        return float(np.mean([outcome.passed for outcome in draws])) if draws else np.nan

    @property
    def worst(self) -> Outcome | None:
        """The outcome with the least slack, of draws and search."""
        found = [*self.of("draw"), *self.of("search")]
        return min(found, key=lambda outcome: outcome.slack, default=None)

    @property
    def passed(self) -> bool:
        """Whether all holds."""
        return not self.findings and not self.failed


def graduate(
    stage: Stage,
    settings: GraduationSettings,
    pool: Executor | None = None,
    tell: Callable[[Outcome], None] = lambda _: None,
) -> Course:
    """Check, then rehearse: idle, unperturbed, random draws, the search for the worst.

    Args:
        stage: to play on; its scale is measured.
        settings: how much.
        pool: plays them, see `workers`; None: this process. Results do not depend on it.
        tell: called after each episode.

    Raises:
        ValueError: naming the parameter that does not fit, or why the model does not.
    """
    course = Course(mistakes(stage))
    if course.findings:
        return course
    idle, plain = (observed(stage.play(AS_THE_MODEL, idle)) for idle in (True, False))
    stage = course.stage = replace(stage, scale=tuple(plain.readings.std(axis=0).tolist()))
    task, limits = task_of(stage.configuration), settings.thresholds
    jury = course.jury = Jury(task, limits, stage.push_time, idle, plain)
    course.warnings = doubtful_settings(stage)

    def judged(kind: str, conditions: Conditions, record: Record) -> Outcome:
        outcome = jury.judge(kind, conditions, record)
        course.outcomes.append(outcome)
        tell(outcome)
        return outcome

    first = judged("unperturbed", AS_THE_MODEL, plain)
    course.failed += check_delay(stage, plain.delay)
    if not jury.attained >= limits.unperturbed:
        course.failed.append(
            f"unperturbed: the return is {jury.attained:.2f} of what its best step, lasting, would "
            f"bring, expected at least {limits.unperturbed:g}"
        )
    course.failed += [f"unperturbed: {reason}" for reason in first.failed]
    if course.failed:
        return course

    def play(each: Sequence[Conditions]) -> Iterator[Record]:
        return pool.map(stage.play, each) if pool else map(stage.play, each)

    _draw(settings, play, judged)
    _search(course, settings, play, judged)
    _conclude(course, settings)
    return course


def mistakes(stage: Stage) -> list[str]:
    """Return what no controller can make up for, in words; see `checking`.

    Raises:
        ValueError: naming what does not fit.
    """
    found = check_topics(stage) if stage.standin is not None else []
    # A mapping that is only suspect may move the robot all the same.
    return [finding.text for finding in found or check_model(stage)]


def drawn(settings: GraduationSettings, seed: int) -> list[Conditions]:
    """Return random conditions within their ranges; each has a seed of its own."""
    ranges = Ranges(settings.ranges)
    places = np.random.default_rng(seed).random((settings.draws, len(ranges.names)))
    return [ranges.at(place, (seed + i + 1) % _SEEDS) for i, place in enumerate(places)]


_Judge = Callable[[str, Conditions, Record], Outcome]
_Play = Callable[[Sequence[Conditions]], Iterator[Record]]


def _draw(settings: GraduationSettings, play: _Play, judged: _Judge) -> None:
    every = drawn(settings, settings.seed)
    for conditions, record in zip(every, play(every), strict=True):
        judged("draw", conditions, record)


def _search(course: Course, settings: GraduationSettings, play: _Play, judged: _Judge) -> None:
    ranges, begun = Ranges(settings.ranges), course.worst
    assert begun is not None  # there is at least one draw
    seed = begun.conditions.seed

    def slacks(places: Sequence[FloatArray]) -> Iterator[float]:
        found = [ranges.at(place, seed) for place in places]
        for conditions, record in zip(found, play(found), strict=True):
            yield judged("search", conditions, record).slack

    worst(ranges.place(begun.conditions), settings.search, settings.seed, slacks)


def _conclude(course: Course, settings: GraduationSettings) -> None:
    limits = settings.thresholds
    if course.pass_rate < limits.pass_rate:
        reasons = [reason for outcome in course.of("draw") for reason in outcome.failed]
        kinds = sorted({reason.split(" ")[0] for reason in reasons})
        course.failed.append(
            f"pass rate {course.pass_rate:.2f}, expected at least {limits.pass_rate:g} "
            f"(failed by: {', '.join(kinds)})"
        )
    hardest = course.worst
    assert hardest is not None
    lowest = min([*course.of("draw"), *course.of("search")], key=lambda outcome: outcome.share)
    if lowest.share < limits.worst_share:
        course.failed.append(
            f"worst case: share of the return {lowest.share:.2f}, expected at least "
            f"{limits.worst_share:g}"
        )
    broken = max((o.violations for o in course.outcomes), default=0.0)
    if broken > limits.violations:
        course.failed.append(
            f"worst case: violations {broken:.3g}, expected at most {limits.violations:g}"
        )
