"""Observations from the messages of a robot, all read at one time."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from mbrl_ros.core.spaces import FloatArray
from mbrl_ros.robot.assignments import read_assignments
from mbrl_ros.robot.fields import FindClass, find_class, type_at
from mbrl_ros.robot.formulas import Formula
from mbrl_ros.robot.settings import SourceSettings
from mbrl_ros.robot.sources import Source


class Listener:
    """Keeps the newest messages of all sources; heard on one thread, read on another.

    Attributes:
        sources: by name.
        classes: of their messages, by name.
    """

    def __init__(
        self, settings: Mapping[str, SourceSettings], period: float, find: FindClass
    ) -> None:
        """Find the classes of the messages.

        Args:
            settings: of each source.
            period: control period [s].
            find: the class of a message by its full name; raises LookupError if there is none.

        Raises:
            ValueError: naming a type that is unknown.
        """
        self.sources = {name: Source(name, own, period) for name, own in settings.items()}
        self.classes = {n: find_class(find, own.type, f"{n}.type") for n, own in settings.items()}
        self._find = find
        self._memories: dict[str, list[Any]] = {name: [] for name in settings}
        self._lock = threading.Lock()

    def formulas(self, lines: Sequence[str], where: str, targets: Sequence[str]) -> list[Formula]:
        """Return the formulas of some dimensions, in their order.

        Args:
            lines: assignments to them.
            where: the parameter, for messages.
            targets: the dimensions; each must be assigned to, once.

        Raises:
            ValueError: naming a line that is malformed or does not fit the messages' types, or a
                dimension without a line.
        """
        found = read_assignments(lines, where, known=[*self.sources], targets=targets)
        for name in targets:
            if name not in found:
                raise ValueError(f"{where}: expected a line '{name} = ...' too, got none")
        for name, formula in found.items():
            self.check(formula, f"{where}: '{name}'")
        return [found[name] for name in targets]

    def check(self, formula: Formula, where: str) -> None:
        """Check a formula against the types of the messages, and follow what it remembers.

        Raises:
            ValueError: naming what does not fit.
        """
        for path in formula.paths:
            try:
                kind = type_at(self.classes[path.root], path.steps, self._find)
            except ValueError as error:
                raise ValueError(f"{where}: {path.text}: {error}") from None
            if not kind.is_number and not kind.is_message:
                raise ValueError(f"{where}: {path.text}: expected a number, got {kind.base}")
            if kind.many:
                raise ValueError(f"{where}: {path.text}: expected one of several, such as [0]")
        for memory in formula.memories:
            self._memories[memory.source].append(memory)

    def hear(self, name: str, message: Any, now: float) -> None:
        """Take in a message.

        Args:
            name: of its source.
            message: of the source's type.
            now: on a clock that never jumps [s].
        """
        source = self.sources[name]
        with self._lock:
            goes_on = source.hear(message, now)
            for memory in self._memories[name]:
                if not goes_on:
                    memory.restart()
                memory.hear({name: message}, source.time)

    def forget(self) -> None:
        """Take all sources for unheard, and remember nothing of them."""
        with self._lock:
            for name, source in self.sources.items():
                source.message = None
                for memory in self._memories[name]:
                    memory.restart()

    def newest(self, name: str, now: float) -> Any:
        """Return the newest message of a source.

        Args:
            name: of the source.
            now: on a clock that never jumps [s].

        Raises:
            ValueError: if it is missing or stale.
        """
        with self._lock:
            source = self.sources[name]
            if problem := source.problem(now):
                raise ValueError(problem)
            return source.message

    def read(self, formulas: Iterable[Formula], now: float) -> FloatArray:
        """Return the present values of formulas.

        Args:
            formulas: from `formulas`.
            now: on a clock that never jumps [s]; -inf: messages of any age will do.

        Raises:
            ValueError: naming a source that is missing or stale, or a value that is no number.
        """
        with self._lock:
            formulas = tuple(formulas)
            names: list[str] = [name for formula in formulas for name in formula.names]
            for name in dict.fromkeys(names):
                if problem := self.sources[name].problem(now):
                    raise ValueError(problem)
            messages = {name: source.message for name, source in self.sources.items()}
            return np.array([formula.value(messages) for formula in formulas])

    def problems(self, now: float) -> dict[str, str]:
        """Return what is wrong with each source now; empty: nothing.

        Args:
            now: on a clock that never jumps [s].
        """
        with self._lock:
            return {n: s.rate_problem(now) or s.problem(now) for n, s in self.sources.items()}

    def rates(self, now: float) -> dict[str, float]:
        """Return the rates of all sources [Hz]; NaN: unknown.

        Args:
            now: on a clock that never jumps [s].
        """
        with self._lock:
            return {name: source.rate(now) for name, source in self.sources.items()}
