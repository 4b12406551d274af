"""The points of a robot by which the ways of trajectories are drawn."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np

from mbrl_ros.core.spaces import FloatArray
from mbrl_ros.scene.posing import Poser
from mbrl_ros.scene.shapes import placed, shapes_of, tips


class Places(ABC):
    """Finds some points of a robot in its observations.

    Attributes:
        dimensions: indices of those dimensions that say where they are; none: nothing does.
        extent: of the robot [m].
    """

    dimensions: tuple[int, ...]
    extent = 1.0

    @abstractmethod
    def points(self, observation: FloatArray) -> FloatArray:
        """Return where an observation, shape ``(O,)``, has the points [m], shape ``(K, 3)``."""

    def way(self, trajectory: FloatArray) -> FloatArray:
        """Return where observations ``(T, O)`` have them [m], shape ``(T, K, 3)``."""
        return np.stack([self.points(observation) for observation in trajectory])


class Outline(Places):
    """The outermost point of each body of a model that carries no other.

    Attributes:
        shapes: of the model, that are visible.
        center: of all shapes at rest [m], shape ``(3,)``.
    """

    def __init__(self, poser: Poser) -> None:
        """Find them.

        Args:
            poser: of the model.
        """
        self._poser = poser
        self.shapes = shapes_of(poser.model)
        self._tips = tips(poser.model, self.shapes)
        self.dimensions = poser.dimensions if self._tips else ()
        positions, turns = poser.bodies(None)
        points = [placed(s.vertices, positions[s.body], turns[s.body]) for s in self.shapes]
        corners = np.concatenate(points or [np.array([[-0.5] * 3, [0.5] * 3])])
        low, high = corners.min(axis=0), corners.max(axis=0)
        self.center: FloatArray = (low + high) / 2
        self.extent = float(np.linalg.norm(high - low))

    def points(self, observation: FloatArray) -> FloatArray:
        """See `Places.points`."""
        positions, turns = self._poser.bodies(observation)
        return np.stack([placed(p, positions[b], turns[b]) for b, p in self._tips.items()])


class Point(Places):
    """The robot as a point, whose coordinates are dimensions."""

    def __init__(self, position: Sequence[str], names: Sequence[str]) -> None:
        """Find the dimensions.

        Args:
            position: names of x, y and, if there are three, z; without, z is 0.
            names: of the observation's dimensions.

        Raises:
            ValueError: naming the dimension that is unknown, or their wrong number.
        """
        if len(position) not in (2, 3) or not {*position} <= {*names}:
            expected = f"two or three of {', '.join(names)}"
            raise ValueError(f"position: expected {expected}, got {', '.join(position)}")
        self.dimensions = tuple(list(names).index(name) for name in position)

    def points(self, observation: FloatArray) -> FloatArray:
        """See `Places.points`."""
        x, y, *z = observation[[*self.dimensions]]
        return np.array([[x, y, z[0] if z else 0.0]])


def pieces(way: FloatArray) -> FloatArray:
    """Return the lines between the points of ways ``(T, K, 3)``, shape ``((T - 1) * K, 2, 3)``."""
    return np.stack([way[:-1], way[1:]], axis=2).reshape(-1, 2, 3)


def thinned(trajectory: FloatArray, most: int) -> FloatArray:
    """Return at most so many of a trajectory's observations, evenly, with the first and last."""
    return trajectory[np.unique(np.linspace(0, len(trajectory) - 1, most).astype(int))]
