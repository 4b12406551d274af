"""Safety rules: what may act of a command, judged at the last moment before the motors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np

from mbrl_ros.core.extensions import describe
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
    """Drops a command that is older than a time-out, or of an earlier episode.

    So is one that comes just now and answers an observation of long ago: it was under way for so
    long, or in a process that had stopped.
    """

    def __init__(self, timeout: float, period: float) -> None:
        """Make a rule.

        Args:
            timeout: how old a command may become, and the observation that it answers before the
                newest but one [s].
            period: of control [s].
        """
        self._timeout, self._period = timeout, period

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
        # In real time the next observation is there before an answer acts.
        behind = observation.step - command.step
        if (behind - 1) * self._period > self._timeout + _EPSILON:
            return None, f"answers step {command.step}, but the plant is at step {observation.step}"
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
    """Apply rules in turn; see `SafetyRule.apply`.

    A rule that fails, or answers what it must not, lets nothing pass: the safe command, and why.
    """
    reasons: list[str] = []
    for rule in rules:
        try:
            command, reason = _answer(rule.apply(command, observation, now), command)
        except Exception as error:  # a rule may be a user's own
            return None, "; ".join([*reasons, f"{type(rule).__name__}: {describe(error)}"])
        if reason:
            reasons.append(reason)
    return command, "; ".join(reasons)


def _answer(answer: object, given: ReceivedCommand | None) -> tuple[ReceivedCommand | None, str]:
    """Return what a rule answers.

    Raises:
        ValueError: if it is not what it must be.
    """
    form = "expected a command or None, and a reason"
    if not isinstance(answer, tuple) or len(answer) != 2 or not isinstance(answer[1], str):
        raise ValueError(f"{form}, got {answer!r}")
    command, reason = answer
    if command is None:
        return None, reason
    if not isinstance(command, ReceivedCommand):
        raise ValueError(f"{form}, got {command!r}")
    if given is None:
        raise ValueError(f"expected None where no command may act, got {command.values}")
    values = np.asarray(command.values)
    expected = given.values.shape
    if values.shape != expected or values.dtype.kind != "f" or not np.isfinite(values).all():
        raise ValueError(f"expected finite numbers of shape {expected}, got {values}")
    return command, reason
