"""Whose commands go to the plant, by the messages that tell of them."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from mbrl_ros.core.records import Actor

# Commands that are remembered.
_MEMORY = 64

_Place = tuple[int, int]


class Acting:
    """Judges by the actions that go to the plant, and by the guard's interventions.

    The two come on topics of their own, in any order.
    """

    def __init__(self) -> None:
        """Begin without any."""
        self._changed: OrderedDict[_Place, list[float]] = OrderedDict()
        self._acting: OrderedDict[_Place, tuple[list[float], Actor]] = OrderedDict()

    def act(self, message: Any) -> tuple[int, int, Actor]:
        """Take in a ``msg/Action`` to the plant.

        Returns:
            episode and step of the observation that it answers, and whose it is.
        """
        actor = Actor.CONTROLLER
        if message.source == message.OVERRIDE:
            actor = Actor.PERSON
        elif message.source in (message.HOLD, message.FALLBACK):
            actor = Actor.FALLBACK
        place = int(message.episode), int(message.step)
        # A safe command that follows another answer is told by the plant as no answer at all.
        if actor is not Actor.FALLBACK or place not in self._acting:
            _put(self._acting, place, (list(message.values), actor))
        return (*place, self._judged(place))

    def intervene(self, message: Any) -> tuple[int, int, Actor]:
        """Take in a ``msg/Intervention``; returns as `act` does, with what is known by then."""
        place = int(message.episode), int(message.step)
        if not message.safe:
            _put(self._changed, place, list(message.values))
        return (*place, self._judged(place))

    def _judged(self, place: _Place) -> Actor:
        values, actor = self._acting.get(place, ([], Actor.UNKNOWN))
        if actor is Actor.CONTROLLER and self._changed.get(place) == values:
            return Actor.GUARD
        return actor


def _put(memory: OrderedDict[_Place, Any], place: _Place, what: Any) -> None:
    memory[place] = what
    memory.move_to_end(place)
    if len(memory) > _MEMORY:
        memory.popitem(last=False)
