"""A person's joystick, Twist or leader arm as commands, rewards, resets and stops."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mbrl_ros.core.settings import SettingsError
from mbrl_ros.core.spaces import FloatArray
from mbrl_ros.core.task import TaskSettings
from mbrl_ros.robot.fields import FindClass
from mbrl_ros.robot.formulas import Formula
from mbrl_ros.robot.listening import Listener
from mbrl_ros.robot.settings import SourceSettings, TeleopSettings, check_topics

# A hand-back is said so many times, since one message may be lost.
_FAREWELLS = 3


@dataclass(frozen=True)
class Wish:
    """What a person wants as a message comes.

    Attributes:
        command: shape ``(A,)``; empty: the controller is to command; None: nothing.
        reward: 1 for good, -1 for bad, else 0.
        reset: whether the episode is to end.
        stop: whether the plant is to stop.
    """

    command: FloatArray | None
    reward: float
    reset: bool
    stop: bool


class Teleoperation:
    """Reads what a person wants from the messages of some topics.

    Attributes:
        listener: to the topics.
        commanding: whether the person commands.
        problem: why there is no command though one may be wanted; empty: nothing is wrong.
    """

    def __init__(self, task: TaskSettings, settings: TeleopSettings, find: FindClass) -> None:
        """Check the mapping against the types of the messages.

        Args:
            task: its actions and period.
            settings: with a group for each source.
            find: the class of a message by its full name; raises LookupError if there is none.

        Raises:
            ValueError: naming the parameter that does not fit.
        """
        check_topics(settings, settings.sources)
        own: dict[str, SourceSettings] = {n: getattr(settings, n) for n in settings.sources}
        self.listener = Listener(own, task.period, find)
        self.commanding, self.problem = False, ""
        if settings.actions and not settings.held:
            raise SettingsError(
                "held: expected a condition, such as pad.buttons[4] for a dead-man button, or 1: "
                "whenever messages come, got nothing"
            )
        names = task.action_space().names
        self._actions = (
            self.listener.formulas(settings.actions, "actions", names) if settings.actions else []
        )
        self._conditions = {
            which: self._condition(which, text)
            for which in ("held", "good", "bad", "reset", "stop")
            if (text := getattr(settings, which))
        }
        self._held_before: dict[str, bool] = {}
        self._farewells = 0

    def hear(self, name: str, message: Any, now: float) -> Wish:
        """Take in a message, and return what the person wants.

        Args:
            name: of its source.
            message: of the source's type.
            now: on a clock that never jumps [s].
        """
        self.listener.hear(name, message, now)
        return Wish(
            self._command(now),
            float(self._begins("good", now)) - float(self._begins("bad", now)),
            self._begins("reset", now),
            self._holds("stop", now),
        )

    def _command(self, now: float) -> FloatArray | None:
        if not self._actions:
            return None
        self.problem, self.commanding = "", False
        try:
            if self.listener.read([self._conditions["held"]], now)[0]:
                values = self.listener.read(self._actions, now)
                self.commanding, self._farewells = True, _FAREWELLS
                return values
        except ValueError as error:
            # A person who cannot be understood is silent, which the guard answers.
            self.problem = str(error)
            return None
        if not self._farewells:
            return None
        self._farewells -= 1
        return np.empty(0)

    def _begins(self, which: str, now: float) -> bool:
        """Return whether a condition holds that did not before."""
        holds = self._holds(which, now)
        before = self._held_before.get(which, True)
        self._held_before[which] = holds
        return holds and not before

    def _holds(self, which: str, now: float) -> bool:
        """Return whether a condition holds; not, where it is unknown."""
        if which not in self._conditions:
            return False
        try:
            return bool(self.listener.read([self._conditions[which]], now)[0])
        except ValueError:
            return False

    def _condition(self, which: str, text: str) -> Formula:
        try:
            formula = Formula(text, [*self.listener.sources])
        except ValueError as error:
            raise ValueError(f"{which}: {error}") from None
        self.listener.check(formula, which)
        return formula
