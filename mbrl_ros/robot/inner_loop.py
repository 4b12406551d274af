"""Corrections of a command between two control steps, by the plan's own feedback."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import replace

import numpy as np

from mbrl_ros.core.limits import LimitSettings
from mbrl_ros.core.records import Observation, PlanGains
from mbrl_ros.core.spaces import FloatArray
from mbrl_ros.core.task import TaskSettings
from mbrl_ros.safety.changes import Sent
from mbrl_ros.safety.command_latch import ReceivedCommand
from mbrl_ros.safety.limits import limit_rules
from mbrl_ros.safety.rules import SafetyRule, WithinLimits, apply_rules

# A plan is told before its command acts, and may act for a few control steps.
_PLANS = 4


class InnerLoop:
    """Follows a plan faster than it is made: ``u + K (x - x_ref)``.

    The reference x_ref moves from one expected observation to the next within a control step, and
    so do the gains K; u stays as it is, since the model was learned of, and the plan made for,
    actions that are held. Where no new command has come the plan goes on.

    It corrects only what the guard has let pass as it was planned, and what comes of it passes the
    rules of the task's limits once more: ``limits.rate`` and ``limits.jerk`` between any two
    commands, and barriers as if a command acted for a whole control step.
    """

    def __init__(self, task: TaskSettings, rate: float) -> None:
        """Begin without a plan.

        Args:
            task: spaces, period and limits.
            rate: most corrections per second, above zero.

        Raises:
            ValueError: naming the parameter that does not fit.
        """
        self._observation, self._action = task.observation_space(), task.action_space()
        self._period, self._interval = task.period, 1.0 / rate
        if rate * task.period <= 1.0:
            raise ValueError(
                f"inner_loop: expected more than the {1.0 / task.period:g} control steps per "
                f"second, or 0, got {rate:g}"
            )
        if self._action.discrete:
            raise ValueError(
                f"inner_loop: expected 0, since '{self._action.discrete[0]}' takes integers only, "
                f"got {rate:g}"
            )
        self._sent, self._count = Sent(), 0
        self.limit(task.limits)
        self._plans: deque[PlanGains] = deque(maxlen=_PLANS)
        self._began = self._due = math.inf

    def limit(self, limits: LimitSettings) -> None:
        """Keep to other limits from now on.

        Raises:
            ValueError: naming the parameter that does not fit; nothing is changed then.
        """
        spaces = self._observation, self._action
        self._rules: list[SafetyRule] = [
            WithinLimits(self._action),
            *limit_rules(limits, *spaces, self._period, self._sent, self._interval),
        ]

    def follow(self, plan: PlanGains) -> None:
        """Take in a plan, to be followed while its commands act."""
        self._plans.appendleft(plan)

    def begin(self, resting: FloatArray) -> None:
        """Begin an episode with what acts then, shape ``(A,)``."""
        self._plans.clear()
        self._count = -1
        self._sent.begin(resting)

    def step(self, now: float) -> None:
        """Note that a control step begins now [s]."""
        self._began, self._due = now, now + self._interval

    def is_due(self, now: float) -> bool:
        """Return whether the command is to be corrected with a message that comes now.

        Args:
            now: on the clock of `step` [s].
        """
        # Messages do not come quite evenly.
        if now < self._due - 0.5 * self._interval:
            return False
        self._due = max(self._due, now - 0.5 * self._interval) + self._interval
        return True

    def correct(
        self, command: ReceivedCommand | None, observation: Observation, now: float
    ) -> tuple[ReceivedCommand | None, str]:
        """Return what acts now, None for the safe command, and why the limits changed it.

        Args:
            command: decided for in this control step; None: the safe command.
            observation: the newest, with the values of now.
            now: on the clock of `step` [s].
        """
        self._count += 1
        if command is None or command.safe:
            return command, ""
        wished = replace(command, step=self._count, values=self._wished(command, observation, now))
        passed, reason = apply_rules(self._rules, wished, observation, now)
        if passed is None:
            return None, f"inner loop: {reason}"
        return replace(passed, step=command.step), f"inner loop: {reason}" if reason else ""

    def sent(self, values: FloatArray) -> None:
        """Note what was sent, shape ``(A,)``."""
        self._sent.note(self._count, values)

    def _wished(self, command: ReceivedCommand, observation: Observation, now: float) -> FloatArray:
        """Return the plan's action with its feedback; the command, where it is of no plan."""
        if command.person:  # though it may be what was planned, as both are at a limit
            return command.values
        for plan in self._plans:
            answered, i = command.step - plan.step, observation.step - plan.acts
            if (
                plan.episode == command.episode
                and 0 <= answered <= i < len(plan.actions)
                and np.array_equal(plan.actions[answered], command.values)
            ):
                return self._followed(plan, i, observation.values, now)
        return command.values

    def _followed(self, plan: PlanGains, i: int, values: FloatArray, now: float) -> FloatArray:
        """Return action i of a plan with its feedback."""
        share = min(max((now - self._began) / self._period, 0.0), 1.0)
        there = self._difference(plan.states[i + 1], plan.states[i])
        away = self._difference(values, plan.states[i]) - share * there
        following = plan.gains[min(i + 1, len(plan.gains) - 1)]
        gain = plan.gains[i] + share * (following - plan.gains[i])
        return self._action.clip(plan.actions[i] + gain @ away)

    def _difference(self, to: FloatArray, from_: FloatArray) -> FloatArray:
        difference = to - from_
        angles = list(self._observation.angle_indices)
        difference[angles] = (difference[angles] + math.pi) % (2 * math.pi) - math.pi
        return difference
