"""The outermost points of a robot, by which the ways of trajectories are drawn."""

from __future__ import annotations

import numpy as np

from mbrl_ros.core.spaces import FloatArray
from mbrl_ros.scene.posing import Poser
from mbrl_ros.scene.shapes import placed, shapes_of, tips


class Outline:
    """A model's shapes, and the outermost point of each body that carries no other.

    Attributes:
        shapes: that are visible.
        bodies: indices of the bodies with such a point, K of them.
    """

    def __init__(self, poser: Poser) -> None:
        """Find them.

        Args:
            poser: of the model.
        """
        self._poser = poser
        self.shapes = shapes_of(poser.model)
        self._tips = tips(poser.model, self.shapes)
        self.bodies = tuple(self._tips)

    def points(self, observation: FloatArray) -> FloatArray:
        """Return where an observation, shape ``(O,)``, has the points [m], shape ``(K, 3)``."""
        positions, turns = self._poser.bodies(observation)
        points = [placed(p, positions[b], turns[b]) for b, p in self._tips.items()]
        return np.array(points).reshape(len(points), 3)

    def way(self, trajectory: FloatArray) -> FloatArray:
        """Return where observations ``(T, O)`` have them [m], shape ``(T, K, 3)``."""
        return np.stack([self.points(observation) for observation in trajectory])


def pieces(way: FloatArray) -> FloatArray:
    """Return the lines between the points of ways ``(T, K, 3)``, shape ``((T - 1) * K, 2, 3)``."""
    return np.stack([way[:-1], way[1:]], axis=2).reshape(-1, 2, 3)


def thinned(trajectory: FloatArray, most: int) -> FloatArray:
    """Return at most so many of a trajectory's observations, evenly, with the first and last."""
    return trajectory[np.unique(np.linspace(0, len(trajectory) - 1, most).astype(int))]
