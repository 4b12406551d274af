"""The curves of learning in lock-step and from bags."""

from __future__ import annotations

import time

from mbrl_ros.learning.learner import GateDecision, Learner
from mbrl_ros.reports.curves import Curves


class LearningCurves:
    """Adds a learner's progress to the curves at every decision of its gate."""

    def __init__(self, learner: Learner, curves: Curves) -> None:
        self._learner = learner
        self._curves = curves
        self._models = 0
        self._updates = 0
        self._time = time.monotonic()

    def add(self, step: int, decision: GateDecision) -> None:
        """Take a new decision.

        Args:
            step: global step of the curves.
            decision: the gate's decision on the learner's current state.
        """
        learner, now = self._learner, time.monotonic()
        self._models += decision.update is not None
        self._curves.training(
            step,
            loss=learner.take_loss(),
            updates=learner.updates,
            updates_per_second=(learner.updates - self._updates) / (now - self._time),
            open_loop_error=decision.holdout_error,
            one_step_error=decision.one_step_error,
            transitions=learner.received,
            holdout=learner.kept_back,
            models=self._models,
            gate=decision.reason,
        )
        self._updates, self._time = learner.updates, now
        self._curves.flush()
