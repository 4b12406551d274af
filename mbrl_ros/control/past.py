"""What the plant did of late, as models are told of it."""

from __future__ import annotations

from collections import deque

import numpy as np
import torch
from torch import Tensor

from mbrl_ros.control.command import Reading
from mbrl_ros.control.latency import Latency
from mbrl_ros.dynamics.adaptation import Step, remembered
from mbrl_ros.dynamics.model import DynamicsModel
from mbrl_ros.spaces import FloatArray

# Observations that are remembered for models with a history.
_MOST_SEEN = 20


class Past:
    """Remembers the observations of an episode, and the newest steps of all.

    Attributes:
        steps: of late, oldest first.
    """

    def __init__(self, latency: Latency, memory: int) -> None:
        """Remember nothing yet.

        Args:
            latency: knows the commands.
            memory: control steps after which what happened counts 1/e.
        """
        self.steps = remembered(memory)
        self._latency = latency
        self._seen: deque[tuple[int, FloatArray]] = deque(maxlen=_MOST_SEEN)
        self._before: tuple[int, Tensor] | None = None

    def new_episode(self) -> None:
        """Forget the observations."""
        self._seen.clear()
        self._before = None

    def see(self, reading: Reading) -> None:
        """Take in an observation."""
        self._seen.append((reading.step, reading.values))

    def state(self, step: int, model: DynamicsModel) -> Tensor:
        """Return what a model is told of the plant at a step that was seen, shape ``(S,)``."""
        history = model.encoding.history
        seen = [self._seen_at(step - i) for i in range(history)]
        acted = self._latency.acted(step, history - 1, model.delay)
        return torch.from_numpy(np.concatenate([*seen, *acted])).float()

    def last_step(self, reading: Reading, model: DynamicsModel) -> Step | None:
        """Return what led to the newest observation; None where that is not known.

        Args:
            reading: the newest observation, already seen.
            model: to be told of it.
        """
        state = self.state(reading.step, model)
        before, self._before = self._before, (reading.step, state)
        if before is None or before[0] != reading.step - 1 or before[1].shape != state.shape:
            return None
        acted = self._latency.acted(reading.step, 1, model.delay)[0]
        values = torch.from_numpy(reading.values).float()
        step = Step(before[1], torch.from_numpy(acted).float(), values)
        self.steps.append(step)
        return step

    def _seen_at(self, step: int) -> FloatArray:
        """Return the newest observation at a step or before; before all, the first one.

        As for the model's training: before an episode the plant stood where it began.
        """
        for seen, values in reversed(self._seen):
            if seen <= step:
                return values
        return self._seen[0][1]
