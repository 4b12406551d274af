"""A setting chosen by what comes of it in perturbed episodes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace

import numpy as np

from mbrl_ros.evaluation.graduation.course import AS_THE_MODEL, drawn, mistakes
from mbrl_ros.evaluation.graduation.judging import Jury, Outcome
from mbrl_ros.evaluation.graduation.settings import GraduationSettings
from mbrl_ros.evaluation.graduation.stage import Stage
from mbrl_ros.system.rehearsal import observed, task_of

# So that what is chosen by some draws graduates in others.
_OTHER_DRAWS = 1_000_003
# A draw counts as no worse than failing by so much.
_WORST = -1.0


@dataclass(frozen=True)
class Trial:
    """What came of a value.

    Attributes:
        value: as text.
        outcomes: of the same draws as with each other value.
    """

    value: str
    outcomes: tuple[Outcome, ...]

    @property
    def pass_rate(self) -> float:
        """Share of the draws in which all holds."""
        return float(np.mean([outcome.passed for outcome in self.outcomes]))

    @property
    def shares(self) -> tuple[float, float]:
        """Median and least share of the return."""
        shares = [outcome.share for outcome in self.outcomes]
        return float(np.median(shares)), min(shares)

    @property
    def lacking(self) -> float:
        """By how much draws fail, on average; a share."""
        return float(np.mean([np.clip(-o.slack, 0.0, -_WORST) for o in self.outcomes]))


def try_values(
    stages: Sequence[tuple[str, Stage]],
    settings: GraduationSettings,
    pool: Executor | None = None,
    tell: Callable[[Trial], None] = lambda _: None,
) -> list[Trial]:
    """Play the same draws with each value, other ones than a graduation plays.

    All are judged by the best of their unperturbed episodes: what is gained in perturbed ones must
    not be lost in all.

    Args:
        stages: each value, as text, with the stage that has it.
        settings: ranges, thresholds and number of the draws.
        pool: plays them; None: this process.
        tell: called after each value.

    Returns:
        a trial for each value; none where the robot's mapping or model has a mistake.

    Raises:
        ValueError: naming the parameter that does not fit, or why the model does not.
    """
    first = stages[0][1]
    if mistakes(first):
        return []
    task, limits = task_of(first.configuration), settings.thresholds
    idle = observed(first.play(AS_THE_MODEL, idle=True))
    plain = [observed(stage.play(AS_THE_MODEL)) for _, stage in stages]
    scale = tuple(plain[0].readings.std(axis=0).tolist())
    juries = [Jury(task, limits, first.push_time, idle, each) for each in plain]
    jury = max(juries, key=lambda each: each.reference)
    conditions = drawn(settings, settings.seed + _OTHER_DRAWS)
    trials = []
    for value, stage in stages:
        play = replace(stage, scale=scale).play
        records = pool.map(play, conditions) if pool else map(play, conditions)
        outcomes = [
            replace(jury.judge("trial", each, record), record=None)
            for each, record in zip(conditions, records, strict=True)
        ]
        trials.append(Trial(value, tuple(outcomes)))
        tell(trials[-1])
    return trials


def best(trials: Sequence[Trial]) -> Trial:
    """Return the trial in which most draws pass, or else fail by the least; of equals the first."""
    return min(trials, key=lambda trial: (-trial.pass_rate, round(trial.lacking, 6)))
