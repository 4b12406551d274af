"""Safety rules: what may act of a command, judged at the last moment before the motors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np

from mbrl_ros.core.records import Observation
from mbrl_ros.core.spaces import Space
from mbrl_ros.safety.command_latch import ReceivedCommand

# Rounding of times that are sums and products of periods, and whole nanoseconds [s].
_EPSILON = 1e-8


class SafetyRule(Protocol):
    """Lets a command pass, changes it, or drops it. It knows nothing of learning."""

    def apply(
        self, command: ReceivedCommand | None, observation: Observation, now: float
    ) -> tuple[ReceivedCommand | None, str]:
        """Judge a command.

        Args:
            command: that would act; None: the safe command would.
            observation: the newest.
            now: plant time [s].

        Returns:
            what may act, None for the safe command; and why it is another one, empty if it is not.
        """


class WithinLimits:
    """Clips a command to the limits of the action."""

    def __init__(self, action: Space) -> None:
        self._action = action

    def apply(
        self, command: ReceivedCommand | None, observation: Observation, now: float
    ) -> tuple[ReceivedCommand | None, str]:
        """See `SafetyRule.apply`."""
        if command is None:
            return None, ""
        clipped = self._action.clip(command.values)
        changed = clipped != command.values
        if not changed.any():
            return command, ""
        names = ", ".join(np.array(self._action.names)[changed])
        return replace(command, values=clipped), f"outside the limits: {names}"


class NoOlderThan:
    """Drops a command that is older than a time-out, or of an earlier episode."""

    def __init__(self, timeout: float) -> None:
        """Make a rule.

        Args:
            timeout: how old a command may become [s].
        """
        self._timeout = timeout

    def apply(
        self, command: ReceivedCommand | None, observation: Observation, now: float
    ) -> tuple[ReceivedCommand | None, str]:
        """See `SafetyRule.apply`."""
        if command is None:
            return None, ""
        # One that came just as the episode ended may still answer the earlier episode.
        if command.episode != observation.episode:
            return None, f"no command for episode {observation.episode}"
        age = now - command.time
        if age > self._timeout + _EPSILON:
            return None, f"no command for {age:.2f} s"
        return command, ""


class AnswersObservation:
    """Drops a command that does not answer the newest observation, as in lock-step."""

    def apply(
        self, command: ReceivedCommand | None, observation: Observation, now: float
    ) -> tuple[ReceivedCommand | None, str]:
        """See `SafetyRule.apply`."""
        answered = observation.episode, observation.step
        if command is None or (command.episode, command.step) == answered:
            return command, ""
        return None, f"no command for step {observation.step}"


def apply_rules(
    rules: Sequence[SafetyRule],
    command: ReceivedCommand | None,
    observation: Observation,
    now: float,
) -> tuple[ReceivedCommand | None, str]:
    """Apply rules in turn; see `SafetyRule.apply`."""
    reasons = []
    for rule in rules:
        command, reason = rule.apply(command, observation, now)
        if reason:
            reasons.append(reason)
    return command, "; ".join(reasons)
