"""The curves of a system in lock-step."""

from __future__ import annotations

import math

import numpy as np

from mbrl_ros.cli.learning_curves import LearningCurves
from mbrl_ros.learning.learner import GateDecision
from mbrl_ros.reports.curves import Curves
from mbrl_ros.system.episodes import Episode
from mbrl_ros.system.lock_step import LockStepSystem


class LockStepCurves:
    """Adds a system's values to the curves, over environment steps."""

    def __init__(self, system: LockStepSystem, curves: Curves) -> None:
        self._system = system
        self._curves = curves
        self._learning = LearningCurves(system.learner, curves)
        self._decision: GateDecision | None = None

    def step(self) -> None:
        """Add the state of learning and control after each gate decision."""
        decision = self._system.decision
        if decision is None or decision is self._decision:
            return
        self._decision = decision
        self._control()
        self._learning.add(self._system.simulator.env_steps, decision)

    def episode(self, episode: Episode) -> None:
        """Add an episode that has just ended."""
        length = self._system.simulator.observation.step
        self._curves.episode(episode.env_steps, episode.total_reward, length)

    def _control(self) -> None:
        system, controller = self._system, self._system.controller
        times = np.array(controller.plan_times or [math.nan])
        p50, p99 = np.percentile(times, [50, 99])
        self._curves.control(
            system.simulator.env_steps,
            plan_time_p50=float(p50),
            plan_time_p99=float(p99),
            budget=math.nan,
            ticks=sum(system.sources),
            ticks_late=0,
            sources=system.sources,
            delay_steps=controller.known.latency.delay,
            model_sequence=controller.models.version[1],
            expected_return=system.expected_return,
            one_step_z=controller.known.trust.one_step,
            open_loop_z=controller.known.trust.open_loop,
            correction=controller.models.correction,
        )
