"""What the plant did of late, as models are told of it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mbrl_ros.core.records import Observation
from mbrl_ros.dynamics.adaptation import Step, remembered
from mbrl_ros.dynamics.model import DynamicsModel
from mbrl_ros.spaces import FloatArray, Space

# Observations that are remembered: more than any history and any delay that a model knows of.
_MOST_SEEN = 64


@dataclass(frozen=True)
class _Seen:
    """An observation, and the action that led to it; None where the plant tells none."""

    step: int
    values: FloatArray
    applied: FloatArray | None


class Past:
    """Remembers the observations and actions of an episode, and the newest steps of all.

    The actions are those that the plant says it applied, as in the transitions that models are
    trained on: a command may be late or lost.
    """

    def __init__(self, action: Space, resting: FloatArray, memory: int) -> None:
        """Remember nothing yet.

        Args:
            action: A dimensions.
            resting: what acts as an episode begins where the plant does not tell, shape ``(A,)``.
            memory: control steps after which what happened counts 1/e.
        """
        self._steps = remembered(memory)
        self._told: tuple[int, int] | None = None
        self._action = action
        self._resting = resting
        self._seen: deque[_Seen] = deque(maxlen=_MOST_SEEN)
        self._before: tuple[int, Tensor] | None = None

    def new_episode(self) -> None:
        """Forget the observations."""
        self._seen.clear()
        self._before = None

    def see(self, observation: Observation) -> None:
        """Take in an observation and the action that led to it."""
        applied: FloatArray | None
        try:
            applied = self._action.check(observation.action, "action")
        except ValueError:
            applied = None if observation.step else self._resting
        self._seen.append(_Seen(observation.step, observation.values, applied))

    def steps_for(self, model: DynamicsModel) -> list[Step]:
        """Return the newest steps as a model is told of them, oldest first; none if of another."""
        return list(self._steps) if self._told == _told(model) else []

    def state(self, step: int, model: DynamicsModel) -> Tensor:
        """Return what a model is told of the plant at a step that was seen, shape ``(S,)``."""
        history = model.encoding.history
        seen = [self._at(step - i).values for i in range(history)]
        applied = [self._applied(step - model.delay - i) for i in range(history - 1)]
        return torch.from_numpy(np.concatenate([*seen, *applied])).float()

    def last_step(self, observation: Observation, model: DynamicsModel) -> Step | None:
        """Return what led to the newest observation; None where that is not known.

        Args:
            observation: the newest observation, already seen.
            model: to be told of it.
        """
        if self._told != _told(model):
            self._steps.clear()
            self._told, self._before = _told(model), None
        state = self.state(observation.step, model)
        before, self._before = self._before, (observation.step, state)
        if before is None or before[0] != observation.step - 1:
            return None
        led = observation.step - model.delay
        if led > 0 and (self._at(led).step != led or self._at(led).applied is None):
            return None
        values = torch.from_numpy(observation.values).float()
        step = Step(before[1], torch.from_numpy(self._applied(led)).float(), values)
        self._steps.append(step)
        return step

    def _applied(self, step: int) -> FloatArray:
        """Return the action that led to a step, or the last one known before it.

        Before an episode it is what acted as that began.
        """
        told = [s.applied for s in self._seen if s.step <= max(step, 0) and s.applied is not None]
        return told[-1] if told else self._resting

    def _at(self, step: int) -> _Seen:
        """Return the newest observation at a step or before; before all, the first one.

        As for the model's training: before an episode the plant stood where it began.
        """
        earlier = [seen for seen in self._seen if seen.step <= step]
        return earlier[-1] if earlier else self._seen[0]


def _told(model: DynamicsModel) -> tuple[int, int]:
    """Return what of a model a step depends on."""
    return model.delay, model.encoding.history
