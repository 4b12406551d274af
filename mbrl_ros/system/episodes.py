"""Episodes that are over, and what came of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

from mbrl_ros.core.settings import SettingsError
from mbrl_ros.simulation.settings import SimulatorSettings

#: Of an evaluation, in control steps, where no time limit was given.
LONGEST_EPISODE = 10_000


@dataclass(frozen=True)
class Episode:
    """One episode that is over.

    Attributes:
        env_steps: environment steps of the run when it ended.
        number: counts episodes of the run, from 0.
        total_reward: its return, the sum of the environment's finite rewards; NaN: none.
        ended: whether it came to its end; False: it diverged, or went on for too long.
        diverged: whether it diverged.
    """

    env_steps: int
    number: int
    total_reward: float
    ended: bool = True
    diverged: bool = False


def check_ends(plant: SimulatorSettings) -> None:
    """Check that episodes end, as evaluation requires.

    Raises:
        SettingsError: if they do not.
    """
    if plant.time_limit == math.inf:
        raise SettingsError(
            "mujoco_sim.time_limit: expected a limit, or no episodes to evaluate, got inf"
        )


def mean_return(returns: Iterable[float]) -> float:
    """Return the mean of those returns that are known; NaN: none is."""
    known = [value for value in returns if math.isfinite(value)]
    return fmean(known) if known else math.nan


def unfinished(episodes: Sequence[Episode], longest: int, divergence: str) -> str:
    """Say how many of the episodes did not come to their end.

    Args:
        episodes: that were played.
        longest: control steps after which one was cut.
        divergence: what the plant said of the last that diverged.

    Returns:
        a sentence; empty: all came to their end.
    """
    diverged = sum(not e.ended and e.diverged for e in episodes)
    cut = sum(not e.ended and not e.diverged for e in episodes)
    parts = [f"{diverged} diverged and have no return ({divergence})"] if diverged else []
    if cut:
        parts.append(f"{cut} were cut after {longest} steps (see mujoco_sim.time_limit)")
    return f"of {len(episodes)} evaluation episodes, {' and '.join(parts)}" if parts else ""
