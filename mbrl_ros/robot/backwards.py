"""Actions from a robot's own commands: the formulas that fill them, read backwards."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

import numpy as np

from mbrl_ros.core.spaces import FloatArray, Space
from mbrl_ros.robot.fields import Path, follow, read_path
from mbrl_ros.robot.writing import MessageWriter

# Deviation from a straight line, and from anything the formulas can send, as a share of what half
# the range of the actions makes.
_STRAIGHT, _CONSISTENT = 1e-9, 1e-3
# Points at which formulas are tried.
_TRIALS = 8


class CommandReader:
    """Reads actions from the newest message of each command.

    The formulas must be linear in the actions, such as ``10 * motor`` or ``speed - 0.2 * turn``,
    and tell them all.
    """

    def __init__(self, writers: Mapping[str, MessageWriter], action: Space) -> None:
        """Solve the formulas for the actions.

        Args:
            writers: of the messages, by the name of the command.
            action: A dimensions with limits.

        Raises:
            ValueError: naming what cannot be read backwards.
        """
        self._newest: dict[str, Any] = dict.fromkeys(writers)
        self._fields = [
            (command, _path(target), formula)
            for command, writer in writers.items()
            for target, formula in writer.formulas.items()
            if formula.names
        ]
        self._names = action.names
        self._middle = (action.upper + action.lower) / 2
        self._half = (action.upper - action.lower) / 2
        self._offset = self._sent(np.zeros(action.dim))
        effects = np.array([self._sent(unit) - self._offset for unit in np.eye(action.dim)]).T
        self._unit = np.abs(effects).max(axis=1)
        self._unit[self._unit == 0.0] = 1.0
        self._effects = effects / self._unit[:, None]
        for point in np.random.default_rng(0).uniform(-1.0, 1.0, (_TRIALS, action.dim)):
            bent = np.abs(self._scaled(self._sent(point)) - self._effects @ point) > _STRAIGHT
            if bent.any():
                command, path, formula = self._fields[int(np.argmax(bent))]
                raise ValueError(
                    f"{command}.send: '{path.text} = {formula.text}' cannot be read backwards, "
                    "since it is not linear: expected lines in 'applied' that say which actions "
                    "were in effect"
                )
        for i, name in enumerate(action.names):
            others = np.delete(self._effects, i, axis=1)
            if np.linalg.matrix_rank(self._effects) == np.linalg.matrix_rank(others):
                raise ValueError(
                    f"commands: what is sent does not tell '{name}': expected lines in 'applied' "
                    "that say which actions were in effect"
                )
        self._inverse = np.linalg.pinv(self._effects)

    def hear(self, command: str, message: Any) -> None:
        """Take in a message of a command."""
        self._newest[command] = message

    def read(self) -> FloatArray:
        """Return the actions that the newest messages make, shape ``(A,)``.

        Raises:
            ValueError: naming a command that was not heard, or a message that no actions make.
        """
        for command, message in self._newest.items():
            if message is None:
                raise ValueError(f"{command}: nothing heard yet")
        fields = [(follow(self._newest[c], path), path.text) for c, path, _ in self._fields]
        try:
            sent = self._scaled(np.array([value for value, _ in fields], dtype=np.float64))
        except (TypeError, ValueError):
            raise ValueError("commands: expected numbers in all fields that are sent") from None
        scaled = self._inverse @ sent
        wrong = ~(np.abs(self._effects @ scaled - sent) <= _CONSISTENT)
        if wrong.any():
            text = fields[int(np.argmax(wrong))][1]
            raise ValueError(f"commands: no actions make {text} as it was sent, with the others")
        actions: FloatArray = self._middle + self._half * scaled
        return actions

    def _sent(self, scaled: FloatArray) -> FloatArray:
        """Return what is sent for actions in units of half their range, around its middle."""
        actions = (self._middle + self._half * scaled).tolist()
        values = dict(zip(self._names, actions, strict=True))
        return np.array([formula.value(values) for _, _, formula in self._fields])

    def _scaled(self, sent: FloatArray) -> FloatArray:
        return (sent - self._offset) / self._unit


def _path(target: str) -> Path:
    """Return the path to a field from its message."""
    path = read_path(ast.parse(target, mode="eval").body, target)
    return Path(path.text, "", (path.root, *path.steps))
