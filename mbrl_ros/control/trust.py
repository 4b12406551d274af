"""How far the model may be trusted: what it predicted against what came."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from enum import Enum
from statistics import median

import numpy as np
from torch import Tensor

from mbrl_ros.control.settings import TrustSettings
from mbrl_ros.models.world_model import Forecast, Step, WorldModel

# One surprise, however large, is no more than this many deviations.
_MOST = 30.0
# A level is left again below this share of its threshold.
_RELIEF = 0.7


class Level(Enum):
    """What a model is still good for, with the share of the horizon and the added caution."""

    FULL = ("full", 1.0, 0.0)
    CAUTIOUS = ("cautious", 0.5, 1.0)
    DOUBTFUL = ("doubtful", 0.25, 2.0)
    NONE = ("none", 0.0, 0.0)

    def __init__(self, word: str, horizon: float, caution: float) -> None:
        self.word = word
        self.horizon = horizon
        self.caution = caution


class Trust:
    """Compares predictions with what came, in the deviations that the model expects.

    The model brings along by how much its deviations were wrong on the hold-out, so that 1 is
    about what it was when it was published. What counts is the recent median: a single event
    that no model foresees, such as the end of a rail, is in as many predictions as these have
    steps, and is no reason to distrust all others.

    Attributes:
        level: what the model is still good for.
        one_step: recent median z-score of one-step predictions; NaN before the first. Those
            that are still to come count as 0: one event at the start does not outvote them.
        open_loop: the same of predictions over `TrustSettings.steps`.
    """

    def __init__(self, settings: TrustSettings) -> None:
        self.level = Level.FULL
        # Plain numbers: the status is told from another thread than the one that observes.
        self.one_step = self.open_loop = math.nan
        self._settings = settings
        unseen = [0.0] * settings.memory
        self._one_step = deque(unseen, maxlen=settings.memory)
        self._open_loop = deque(unseen, maxlen=settings.memory)
        self._model: WorldModel | None = None
        self._forecast: Forecast | None = None
        self._newest: Step | None = None

    @property
    def reason(self) -> str:
        """The scores in words."""
        return (
            f"errors are {self.one_step:.1f} (one step) and {self.open_loop:.1f} "
            f"({self._settings.steps} steps) times those expected"
        )

    def observe(self, steps: Sequence[Step], model: WorldModel) -> None:
        """Take in what happened.

        Args:
            steps: the newest on end, oldest first; at least one, at most `TrustSettings.steps`.
            model: whose predictions are judged.
        """
        s = self._settings
        one_step, open_loop = self._forecasting(steps, model).observe(steps[-1])
        self._one_step.append(_score(one_step))
        self.one_step = median(self._one_step)
        if open_loop is not None:
            self._open_loop.append(_score(open_loop))
            self.open_loop = median(self._open_loop)
        worst = float(np.nanmax([self.one_step, self.open_loop]))
        thresholds = dict(zip(list(Level)[1:], (s.cautious, s.doubtful, s.fallback), strict=True))
        reached = [level for level, bound in thresholds.items() if worst > bound]
        kept = [level for level, bound in thresholds.items() if worst > _RELIEF * bound]
        levels = list(Level)
        up = levels.index(reached[-1]) if reached else 0
        down = levels.index(kept[-1]) if kept else 0
        self.level = levels[max(up, min(down, levels.index(self.level)))]

    def _forecasting(self, steps: Sequence[Step], model: WorldModel) -> Forecast:
        """Return the forecast of a model that has taken in all steps but the newest."""
        goes_on = model is self._model and len(steps) > 1 and steps[-2] is self._newest
        self._model, self._newest = model, steps[-1]
        if self._forecast is None or not goes_on:
            self._forecast = model.forecast(self._settings.steps)
            for step in steps[:-1]:
                self._forecast.observe(step)
        return self._forecast


def _score(surprise: Tensor) -> float:
    """Return the RMS of z-scores."""
    z = surprise.square().clamp(max=_MOST**2).nan_to_num(nan=_MOST**2)
    return float(z.mean().sqrt())
