"""How far the model may be trusted: what it predicted against what came."""

from __future__ import annotations

import math
from collections import deque
from enum import Enum

import numpy as np
import torch
from torch import Tensor

from mbrl_ros.control.settings import TrustSettings
from mbrl_ros.dynamics.adaptation import Step
from mbrl_ros.dynamics.model import DynamicsModel
from mbrl_ros.dynamics.spread import expected_error

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
    about what it was when it was published. What counts is the median of late: a single event
    that no model foresees, such as the end of a rail, is in as many predictions as these have
    steps, and is no reason to distrust all others.

    Attributes:
        level: what the model is still good for.
        one_step: median z-score of one-step predictions of late; NaN before the first. Those
            that are still to come count as 0: one event at the start does not outvote them.
        open_loop: the same of predictions over `TrustSettings.steps`.
    """

    def __init__(self, settings: TrustSettings) -> None:
        self.level = Level.FULL
        # Plain numbers: the status is told from another thread than the one that observes.
        self.one_step = self.open_loop = math.nan
        self._settings = settings
        self._steps: deque[Step] = deque(maxlen=settings.steps)
        unseen = [0.0] * settings.memory
        self._one_step = deque(unseen, maxlen=settings.memory)
        self._open_loop = deque(unseen, maxlen=settings.memory)

    @property
    def reason(self) -> str:
        """The scores in words."""
        return (
            f"errors are {self.one_step:.1f} (one step) and {self.open_loop:.1f} "
            f"({self._settings.steps} steps) times those expected"
        )

    def forget(self) -> None:
        """Begin anew with the steps, as at the start of an episode; the scores stay."""
        self._steps.clear()

    @torch.no_grad()
    def observe(self, step: Step, model: DynamicsModel) -> None:
        """Take in what happened.

        Args:
            step: goes on where the last one ended, unless `forget` was called.
            model: whose predictions are judged.
        """
        s = self._settings
        self._steps.append(step)
        self._one_step.append(_score([step], model))
        self.one_step = float(np.median(self._one_step))
        if len(self._steps) == s.steps:
            self._open_loop.append(_score(list(self._steps), model))
            self.open_loop = float(np.median(self._open_loop))
        worst = float(np.nanmax([self.one_step, self.open_loop]))
        thresholds = dict(zip(list(Level)[1:], (s.cautious, s.doubtful, s.fallback), strict=True))
        reached = [level for level, bound in thresholds.items() if worst > bound]
        kept = [level for level, bound in thresholds.items() if worst > _RELIEF * bound]
        levels = list(Level)
        up = levels.index(reached[-1]) if reached else 0
        down = levels.index(kept[-1]) if kept else 0
        self.level = levels[max(up, min(down, levels.index(self.level)))]


def _score(steps: list[Step], model: DynamicsModel) -> float:
    """Return the RMS z-score of where steps lead, seen from the first one."""
    actions = torch.stack([step.action for step in steps])
    mean, std = expected_error(model, steps[0].state[None], actions[None])
    error: Tensor = model.encoding.difference(mean, steps[-1].following.to(mean)[None])
    cal = model.one_step_z if len(steps) == 1 else model.open_loop_z
    z = (error / (std * cal)).square().clamp(max=_MOST**2).nan_to_num(nan=_MOST**2)
    return float(z.mean().sqrt())
