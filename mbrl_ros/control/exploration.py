"""What to do before anything is known."""

from __future__ import annotations

import numpy as np
import torch

from mbrl_ros.control.settings import ExplorationSettings
from mbrl_ros.core.spaces import FloatArray, Space
from mbrl_ros.planning.noise import coloured_noise

# Long enough for slow noise to swing, short enough to draw within a tick.
_BLOCK = 256


class Exploration:
    """Coloured noise: unlike white noise it moves a system that has inertia."""

    def __init__(self, action: Space, settings: ExplorationSettings, seed: int) -> None:
        self._action = action
        self._settings = settings
        self._centre = (action.lower + action.upper) / 2
        self._scale = settings.std * (action.upper - action.lower) / 2
        self._generator = torch.Generator().manual_seed(seed)
        self._block = np.empty((0, action.dim))
        self._used = 0

    def __call__(self) -> FloatArray:
        """Return the next action, shape ``(A,)``, within the limits."""
        if self._used == len(self._block):
            shape = (self._action.dim, _BLOCK)
            noise = coloured_noise(shape, self._settings.noise_beta, self._generator)
            self._block, self._used = noise.T.double().numpy(), 0
        sample = self._block[self._used]
        self._used += 1
        return self._action.clip(self._centre + self._scale * sample)
