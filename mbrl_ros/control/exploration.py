"""What to do before anything is known."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch

from mbrl_ros.control.settings import ExplorationSettings
from mbrl_ros.core.limits import per_name
from mbrl_ros.core.spaces import FloatArray, Space
from mbrl_ros.planning.noise import coloured_noise

# Long enough for slow noise to swing, short enough to draw within a tick.
_BLOCK = 256


class Exploration:
    """Coloured noise: unlike white noise it moves a system that has inertia."""

    def __init__(
        self,
        action: Space,
        settings: ExplorationSettings,
        seed: int,
        period: float = math.inf,
        rate: Sequence[float] = (),
    ) -> None:
        """Make an exploration.

        Args:
            action: A dimensions.
            settings: how far and how fast.
            seed: of the noise.
            period: of control [s].
            rate: most change [action unit / s], one number or A; empty: any.
        """
        self._action = action
        self._settings = settings
        self._centre = (action.lower + action.upper) / 2
        half = (action.upper - action.lower) / 2
        self._scale = settings.std * half
        self._most = settings.amplitude * half if settings.amplitude < 1.0 else np.inf
        self._period = period
        self.keep_to(rate)
        self._generator = torch.Generator().manual_seed(seed)
        self._block = np.empty((0, action.dim))
        self._used = 0

    def keep_to(self, rate: Sequence[float]) -> None:
        """Change no faster from now on.

        Args:
            rate: see above.

        Raises:
            ValueError: if there are too few or too many, or one is NaN; nothing is changed then.
        """
        action = self._action
        rates = np.minimum(
            (action.upper - action.lower) * (self._settings.rate or np.inf),
            per_name("limits.rate", rate, action.names, math.inf),
        )
        rates[list(action.discrete_indices)] = np.inf
        self._change = rates * self._period

    def __call__(self, previous: FloatArray) -> FloatArray:
        """Return the next action, shape ``(A,)``, within the limits.

        Args:
            previous: the action before, shape ``(A,)``.
        """
        if self._used == len(self._block):
            shape = (self._action.dim, _BLOCK)
            noise = coloured_noise(shape, self._settings.noise_beta, self._generator)
            self._block, self._used = noise.T.double().numpy(), 0
        sample = self._block[self._used]
        self._used += 1
        away = np.clip(self._scale * sample, -self._most, self._most)
        wished = self._action.clip(self._centre + away)
        return np.clip(wished, previous - self._change, previous + self._change)
