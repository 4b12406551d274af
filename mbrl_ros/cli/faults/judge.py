"""Judges every command that reaches a plant, by what is heard on its topics alone."""

from __future__ import annotations

import math
from typing import Any

from mbrl_ros.core.task import TaskSettings
from mbrl_ros.safety.settings import GuardSettings

# Of numbers that were written and read again.
_ROUNDING = 1e-9
# Control steps of transport, and until the plant's next step begins.
_WAY = 2
_HOLD = 4  # of msg/Action: this one and the next are safe commands; a person's command is neither
_FALLBACK = 5


class Judge:
    """Trusts nobody: neither controller, nor guard, nor what the plant lets act.

    Attributes:
        unsafe: what was wrong with a command, in words.
        commands: that reached the plant.
        applied: actions that the plant said had acted.
        newest: observation; None before the first.
    """

    def __init__(self, task: TaskSettings, guard: GuardSettings) -> None:
        """Make a judge.

        Args:
            task: gives ranges and period; its first ``limits.rate`` is that of all actions, and its
                safe command zero.
            guard: gives the time-outs.
        """
        self.unsafe: list[str] = []
        self.commands = self.applied = 0
        self.newest: Any = None
        self._action, self._period = task.action_space(), task.period
        oldest = max(guard.oldest_command(task.period), guard.oldest_observation(task.period))
        self._oldest = oldest / task.period + _WAY
        self._rate = task.limits.rate[0] if task.limits.rate else math.inf
        self._before: tuple[int, int, list[float], int] | None = None

    def observed(self, message: Any) -> bool | None:
        """Judge what the plant says it applied.

        Args:
            message: a ``msg/Observation``.

        Returns:
            whether it was a command, and not the safe one; None: nothing new was applied.
        """
        place = int(message.episode), int(message.step)
        newest, self.newest = self.newest, message
        if place[1] == 0:
            self._before = None
            return None
        if newest is not None and place == (int(newest.episode), int(newest.step)):
            return None
        self.applied += 1
        values, answered = list(message.action), int(message.action_step)
        where = f"episode {place[0]} step {place[1]}: the plant applied {_short(values)}"
        self._check_values(where, values)
        behind = place[1] - 1 - answered
        if answered < 0:
            if any(values):
                self.unsafe.append(f"{where} as the safe command")
        elif behind > self._oldest:
            self.unsafe.append(f"{where}, an answer {behind} steps old")
        before, self._before = self._before, (*place, values, answered)
        if before is not None and before[:2] == (place[0], place[1] - 1):
            self._check_rate(where, before, values, answered)
        return answered >= 0

    def commanded(self, message: Any) -> None:
        """Judge what the guard has let pass.

        Args:
            message: a ``msg/Action``.
        """
        self.commands += 1
        values = list(message.values)
        where = f"command {_short(values)} for episode {message.episode} step {message.step}"
        self._check_values(where, values)
        newest = self.newest
        if message.source in (_HOLD, _FALLBACK) or newest is None:
            return
        behind = int(newest.step) - int(message.step)
        if message.episode == newest.episode and behind > self._oldest + 1:
            self.unsafe.append(f"{where}, {behind} steps old")

    def _check_rate(
        self,
        where: str,
        before: tuple[int, int, list[float], int],
        values: list[float],
        answered: int,
    ) -> None:
        """Between two commands; from and to the safe command it may be a step."""
        if answered < 0 or before[3] < 0:
            return
        most = self._rate * self._period * max(answered - before[3], 1) + _ROUNDING
        for name, a, b in zip(self._action.names, before[2], values, strict=False):
            if abs(b - a) > most:
                self.unsafe.append(f"{where} after {_short(before[2])}: '{name}' changed too fast")

    def _check_values(self, where: str, values: list[float]) -> None:
        action = self._action
        if len(values) != action.dim:
            self.unsafe.append(f"{where}: expected {action.dim} numbers")
            return
        for name, value, low, high in zip(
            action.names, values, action.low, action.high, strict=True
        ):
            if not low - _ROUNDING <= value <= high + _ROUNDING:
                self.unsafe.append(f"{where}: '{name}' is outside its range")


def _short(values: list[float]) -> str:
    return f"{values[:4]} and {len(values) - 4} more" if len(values) > 4 else f"{values}"
