"""The curves of a system in real time, from its messages."""

from __future__ import annotations

from typing import Any

from mbrl_ros.reports.curves import Curves
from mbrl_ros.reports.metrics import RunMetrics


class RunCurves:
    """Adds values from messages to the curves, over environment steps.

    Attributes:
        curves: written to.
    """

    def __init__(self, metrics: RunMetrics, curves: Curves) -> None:
        """Start following a run.

        Args:
            metrics: of the run; must receive each message first.
            curves: to write to.
        """
        self._metrics = metrics
        self.curves = curves
        self._episodes = 0

    def feed(self, kind: str, message: Any) -> None:
        """Add a message.

        Args:
            kind: its type's short name; other types are ignored.
            message: with the fields of ``msg/<kind>.msg``.
        """
        if kind == "TrainingStatus":
            self._trainer(message)
        elif kind == "ControllerStatus":
            self._controller(message)
        elif len(self._metrics.episodes) > self._episodes:
            self._episode()

    def _trainer(self, message: Any) -> None:
        self.curves.training(
            self._metrics.env_steps,
            loss=message.train_loss,
            updates=message.updates,
            updates_per_second=message.updates_per_second,
            open_loop_error=message.holdout_error,
            one_step_error=message.one_step_error,
            transitions=message.transitions,
            holdout=message.holdout,
            models=self._metrics.models_published,
            gate=message.gate,
        )

    def _controller(self, message: Any) -> None:
        # Counts across restarts of the controller; the message has those of one process.
        metrics = self._metrics
        self.curves.control(
            metrics.env_steps,
            plan_time_p50=message.plan_time_p50,
            plan_time_p99=message.plan_time_p99,
            budget=message.budget,
            ticks=metrics.ticks,
            ticks_late=metrics.ticks_late,
            sources=list(metrics.sources.values()),
            delay_steps=message.delay_steps,
            model_sequence=message.model_sequence,
            expected_return=message.expected_return,
            one_step_z=message.one_step_z,
            open_loop_z=message.open_loop_z,
            correction=message.correction,
        )

    def _episode(self) -> None:
        metrics = self._metrics
        self._episodes = len(metrics.episodes)
        ended = metrics.episodes[-1]
        self.curves.episode(ended.env_steps, ended.total_reward, metrics.running_steps)
