"""What the controller knows of the plant: every observation taken in once, and in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from mbrl_ros.core.records import Observation
from mbrl_ros.core.spaces import FloatArray, Space
from mbrl_ros.models.world_model import Belief, Images, Step, WorldModel

# Observations that are missing in a row and taken for unchanged; after more, all begins anew.
_MOST_MISSING = 64
# Steps that a new model begins with: 20 s at 25 Hz, solved for within 20 ms.
_MOST_STEPS = 500


@dataclass(frozen=True)
class _Seen:
    """An observation, as models take it in.

    Attributes:
        values: shape ``(O,)``, float64.
        action: that led to it, as far as it is known, shape ``(A,)``.
        is_first: whether an episode begins with it, or what came before is not known.
        told: whether the plant told its action; false for one that never came.
        judged: whether models are judged and corrected by what led to it.
        images: by camera; empty: none came.
    """

    values: Tensor
    action: Tensor
    is_first: bool
    told: bool
    judged: bool = False
    images: Images = field(default_factory=dict)


class BeliefTracker:
    """Carries a model's belief from one observation to the next.

    The actions are those that the plant says it applied, as in the transitions that models are
    trained on: a command may be late or lost. A model that takes over another one's place gets a
    belief of its own, from the newest observations.

    Attributes:
        belief: after the newest observation; None before the first, or without a model.
        steps: the newest ones on end whose actions are known, oldest first.
    """

    def __init__(self, action: Space, resting: FloatArray, window: int, memory: int) -> None:
        """Know nothing yet.

        Args:
            action: A dimensions.
            resting: what acts as an episode begins where the plant does not tell, shape ``(A,)``.
            window: most of `steps`.
            memory: control steps after which what happened counts 1/e for a correction.
        """
        self.belief: Belief | None = None
        self.steps: deque[Step] = deque(maxlen=window)
        self._action, self._resting = action, resting
        self._model: WorldModel | None = None
        self._last: Observation | None = None
        # Of a correction only those count that it can begin with, and what these need before them.
        self._remembered = min(2 * memory, _MOST_STEPS)
        self._seen: deque[_Seen] = deque(maxlen=self._remembered + _MOST_MISSING)
        # Observations until the acting actions of all since are known again.
        self._blind = 0

    @property
    def believed(self) -> tuple[WorldModel, Belief] | None:
        """The model and its belief, for any thread; None: there is none, or it changes now."""
        model, belief = self._model, self.belief
        if model is None or belief is None or self._model is not model:
            return None
        return model, belief

    def new_episode(self) -> None:
        """Have the next observation begin an episode."""
        self._last = None
        self.steps.clear()

    def observe(self, observation: Observation, model: WorldModel | None) -> Step | None:
        """Take in an observation, unless it is not newer than the last one.

        Args:
            observation: of the right size and finite.
            model: in use; None: none is yet.

        Returns:
            what led to it; None where that is not known, or not for this model.
        """
        last = self._last
        if last is not None and observation.step <= last.step:
            return None
        had_model = self._model is not None
        self._take_over(model)
        self._last = observation
        gap = 0 if last is None else observation.step - last.step - 1
        begins = last is None or gap > _MOST_MISSING
        if not begins:
            for _ in range(gap):
                before = self._seen[-1]
                self._take(_Seen(before.values, before.action, is_first=False, told=False))
        try:
            applied = self._action.check(observation.action, "action")
            action, told = torch.from_numpy(applied).float(), True
        except ValueError:
            told = observation.step == 0
            resting = torch.from_numpy(self._resting).float()
            action = resting if begins else self._seen[-1].action
        values = torch.from_numpy(observation.values)
        judged = had_model and not gap and not observation.ended
        images = {name: torch.from_numpy(image) for name, image in observation.images.items()}
        return self._take(_Seen(values, action, begins, told, judged, images))

    def past(self, model: WorldModel) -> list[Step]:
        """Return the newest steps as a model knows them, oldest first; for any thread."""
        seen = tuple(self._seen)
        if not seen:
            return []
        # What came before the oldest is forgotten, and no step may be made up of it.
        steps, _, _ = _filtered(model, seen, model.context)
        return [step for step in steps if step is not None][-self._remembered :]

    def _take_over(self, model: WorldModel | None) -> None:
        """Give another model a belief, from what was seen of the episode so far."""
        if model is self._model:
            return
        self._model, self.belief = model, None
        self.steps.clear()
        if model is None or self._last is None:
            return
        recent = list(self._seen)[-(model.context + (self.steps.maxlen or 0)) :]
        begin = max((i for i, one in enumerate(recent) if one.is_first), default=0)
        steps, self.belief, self._blind = _filtered(model, recent[begin:], 0)
        for step in steps:
            self._note(step)

    def _take(self, one: _Seen) -> Step | None:
        self._seen.append(one)
        model = self._model
        if model is None:
            return None
        step, self._blind = _led_to(model, self.belief, one, self._blind)
        seen = _told(model, one.values)
        # Only kinds that see need to know of images.
        given = (one.images,) if one.images else ()
        self.belief = model.observe(self.belief, one.action, seen, one.is_first, *given)
        self._note(step)
        return step

    def _note(self, step: Step | None) -> None:
        if step is None:
            self.steps.clear()
        else:
            self.steps.append(step)


def _filtered(
    model: WorldModel, seen: Sequence[_Seen], blind: int
) -> tuple[list[Step | None], Belief, int]:
    """Return what led to each observation, the belief after the last, and `_led_to`'s ``blind``.

    Args:
        model: takes them in.
        seen: successive observations, at least one.
        blind: see `_led_to`.
    """
    actions = torch.stack([one.action for one in seen])
    observations = _told(model, torch.stack([one.values for one in seen]))
    images = [one.images for one in seen]
    given = (images,) if any(images) else ()
    beliefs = model.filter(actions, observations, [one.is_first for one in seen], *given)
    steps: list[Step | None] = []
    for one, before in zip(seen, (None, *beliefs), strict=False):
        step, blind = _led_to(model, before, one, blind)
        steps.append(step)
    return steps, beliefs[-1], blind


def _told(model: WorldModel, values: Tensor) -> Tensor:
    return values if model.precise else values.float()


def _led_to(
    model: WorldModel, belief: Belief | None, one: _Seen, blind: int
) -> tuple[Step | None, int]:
    """Return what led to an observation, None where that is not known, and ``blind`` after it.

    Args:
        model: of the belief.
        belief: before the observation; None: unknown.
        one: the observation.
        blind: observations until the acting actions of all since are known again.
    """
    if one.is_first:
        blind = 0
    if not one.told:
        # With a delay, an action that nobody knows acts only later.
        blind = max(blind, model.delay + 1)
    known = belief is not None and not one.is_first and one.judged and blind == 0
    step = (
        Step(belief, one.action, _told(model, one.values)) if known and belief is not None else None
    )
    return step, max(0, blind - 1)
