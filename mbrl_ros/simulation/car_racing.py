"""Gymnasium's CarRacing-v3 as a plant: its picture is a camera's, its instruments are named.

It is registered when this module is imported, as ``environment:
mbrl_ros.simulation.car_racing:mbrl_ros/CarRacing-v0`` does, and needs ``gymnasium[box2d]``.
"""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

# Rows of the picture above the bar with the instruments, and columns in its middle.
_ROAD, _MARGIN = 84, 6


class CarRacing(gymnasium.Env[Any, Any]):
    """The observation is what the instruments below the picture show, `render` the rest of it.

    Observed are the speed [m/s], how fast the car slides to its right [m/s], the angle of the front
    wheels [rad] and the yaw rate [rad/s].
    """

    def __init__(self, **given: Any) -> None:
        self.render_mode = "rgb_array"
        self._game = gymnasium.make("CarRacing-v3", disable_env_checker=True, **given).unwrapped
        self.action_space = self._game.action_space
        self.observation_space = spaces.Box(-np.inf, np.inf, (4,), np.float64)
        self._picture: NDArray[np.uint8] = np.zeros((96, 96, 3), np.uint8)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float64], dict[str, Any]]:
        """See `gymnasium.Env.reset`: a new track."""
        self._picture, info = self._game.reset(seed=seed, options=options)
        return self._instruments(), info

    def step(self, action: Any) -> tuple[NDArray[np.float64], float, bool, bool, dict[str, Any]]:
        """See `gymnasium.Env.step`."""
        self._picture, reward, terminated, truncated, info = self._game.step(np.asarray(action))
        return self._instruments(), float(reward), terminated, truncated, info

    def render(self) -> NDArray[np.uint8]:
        """Return the road as it was drawn with the last step, RGB, ``(84, 84, 3)``."""
        return self._picture[:_ROAD, _MARGIN:-_MARGIN]

    def close(self) -> None:
        """See `gymnasium.Env.close`."""
        self._game.close()

    def _instruments(self) -> NDArray[np.float64]:
        car = self._game.car  # type: ignore[attr-defined]
        forward, right = (car.hull.GetWorldVector(axis) for axis in ((0.0, 1.0), (1.0, 0.0)))
        velocity = car.hull.linearVelocity
        wheel = car.wheels[0].joint.angle
        return np.array(
            [velocity.dot(forward), velocity.dot(right), wheel, car.hull.angularVelocity]
        )


gymnasium.register("mbrl_ros/CarRacing-v0", CarRacing, max_episode_steps=1000)
