"""Commands as they are sent, and what is sent when in doubt."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import numpy as np

from mbrl_ros.control.command import Command, CommandSource
from mbrl_ros.control.latency import Latency
from mbrl_ros.control.plan_record import PlanRecord
from mbrl_ros.core.records import Observation
from mbrl_ros.core.spaces import FloatArray, Space
from mbrl_ros.safety.safe_command import SafeCommand


class Answers:
    """Makes commands that answer observations; for any thread."""

    def __init__(
        self, action: Space, safe: SafeCommand, latency: Latency, clock: Callable[[], float]
    ) -> None:
        """Begin without any.

        Args:
            action: A dimensions.
            safe: the task's safe command.
            latency: is told what was sent.
            clock: what observations are received by [s].
        """
        self._action, self._safe = action, safe
        self._latency, self._clock = latency, clock
        self._stopped_in: int | None = None

    def note_applied(self, observation: Observation, began: bool = False) -> None:
        """Take in what the plant applies, unless that is a safe command of ours already.

        With a delay, what it tells next is an earlier command: to hold each in turn would sway.

        Args:
            observation: the newest.
            began: whether an episode has begun with it.
        """
        if self._stopped_in == observation.episode and not began:
            return
        with contextlib.suppress(ValueError):
            applied = self._action.check(observation.action, "action")
            self._safe.held = self._action.clip(applied)

    def safely(self, observation: Observation, source: CommandSource, reason: str) -> Command:
        """Return the safe command.

        Args:
            observation: that it answers.
            source: one that is safe.
            reason: why.
        """
        # Once more: another thread may answer what the tick's has not taken in yet.
        self.note_applied(observation)
        values = self._safe(observation.values)
        reason = "; ".join(filter(None, (reason, self._safe.trouble)))
        return self.command(observation, values, source, reason)

    def reused(
        self,
        plan: PlanRecord | None,
        observation: Observation,
        step: int,
        reason: str,
        plan_time: float,
    ) -> Command | None:
        """Return what an earlier plan holds for a step; None if it holds nothing.

        Args:
            plan: the newest that may still act.
            observation: that is answered.
            step: of the observation that the plan is asked for.
            reason: why there is no newer plan.
            plan_time: spent planning in vain [s].
        """
        held = plan.held(observation.episode, step) if plan else None
        if plan is None or held is None:
            return None
        values = self._action.clip(held)
        if not np.isfinite(values).all():
            return None
        source, digest = CommandSource.REUSED, plan.objective.digest
        return self.command(
            observation, values, source, reason, plan_time, plan.version, objective=digest
        )

    def command(
        self,
        observation: Observation,
        values: FloatArray,
        source: CommandSource,
        reason: str,
        plan_time: float = 0.0,
        model: tuple[int, int] = (0, 0),
        expected_return: float = float("nan"),
        objective: str = "",
    ) -> Command:
        """Return a command that is sent now; see `Command`.

        Args:
            observation: that it answers.
            values: shape ``(A,)``, within the limits.
            source: how it came about.
            reason: why it is not a full plan; empty if it is.
            plan_time: spent planning [s].
            model: epoch and sequence of what it was planned with; zeros: of none.
            expected_return: of the plan.
            objective: digest of what was planned for.
        """
        self._stopped_in = observation.episode if source.safe else None
        self._latency.sent(observation.step, values)
        return Command(
            observation.episode,
            observation.step,
            values,
            source,
            reason,
            self._clock() - observation.received,
            plan_time,
            model,
            expected_return,
            objective,
        )
