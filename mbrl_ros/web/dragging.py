"""Targets of the objective as points in space, and dragged points as targets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mbrl_ros.core.spaces import FloatArray, Space
from mbrl_ros.scene.posing import Coordinate, Poser
from mbrl_ros.scene.shapes import far_points, placed, shapes_of

# A point nearer to a hinge's axis than this share of its distance to it is turned on the spot.
_ON_AXIS = 0.1
# An axis of the world along which less than this share of a motion goes is none of its directions.
_SHARE = 0.1
# Farther away is nothing [m or rad].
_FAR = 1e6
# Where a dragged point leads to: steps of the search, the difference by which it looks around [m or
# rad], the longest step of an angle [rad], and the damping, so that what changes nothing stays.
_STEPS, _DIFFERENCE, _LONGEST, _DAMPING = 25, 1e-5, 0.4, 1e-6


@dataclass(frozen=True)
class Marker:
    """A target in space.

    Attributes:
        body: index of the body whose target it is.
        point: where that is wanted, shape ``(3,)`` [m].
        axes: of the world, along which it can be moved.
    """

    body: int
    point: FloatArray
    axes: tuple[bool, bool, bool]


@dataclass(frozen=True)
class _Wanted:
    """A body that is wanted somewhere.

    Attributes:
        point: of it that is marked, in its own frame [m].
        coordinates: those that are aimed at and move the point, of the body and of those before it.
    """

    point: FloatArray
    coordinates: tuple[Coordinate, ...]


class Goals:
    """Places the targets of an objective in the scene; for one thread.

    A target can be placed where the dimension is a coordinate of the robot: the place of a slide,
    the angle of a hinge (or its sine and cosine, if both have targets), the place of what is free.
    The other coordinates are as they are now.

    Attributes:
        space: of the observation.
    """

    def __init__(self, poser: Poser, space: Space) -> None:
        """Place nothing yet.

        Args:
            poser: of the robot, used by the same thread only.
            space: of the observation.
        """
        self._poser, self.space = poser, space
        self._far = far_points(shapes_of(poser.model))
        self._dimensions = {name: i for i, name in enumerate(space.names)}

    def markers(self, wanted: Mapping[str, float], observation: FloatArray) -> list[Marker]:
        """Return where the targets are.

        Args:
            wanted: dimension to target.
            observation: the newest, shape ``(O,)``.
        """
        there = self._there(wanted, observation)
        made = []
        for body, one in self._bodies(wanted, there).items():
            positions, turns = self._poser.bodies(there)
            axes = np.zeros(3)
            for coordinate in one.coordinates:
                axes = np.maximum(axes, self._poser.directions(coordinate, _SHARE))
            point = placed(one.point, positions[body], turns[body])
            made.append(Marker(body, point, (bool(axes[0]), bool(axes[1]), bool(axes[2]))))
        return made

    def dragged(
        self, body: int, point: FloatArray, wanted: Mapping[str, float], observation: FloatArray
    ) -> dict[str, float]:
        """Return the targets that bring a body's marker as near as possible to a point.

        Args:
            body: of the marker; empty where it has none (any more).
            point: shape ``(3,)`` [m].
            wanted: the present targets, from where it is searched.
            observation: the newest, shape ``(O,)``.

        Returns:
            dimension to target, within the dimensions' limits.
        """
        there = self._there(wanted, observation)
        one = self._bodies(wanted, there).get(body)
        if one is None or not np.isfinite(point).all():
            return {}
        values = np.array([c.of(there) for c in one.coordinates])
        turning = np.array([c.turns for c in one.coordinates])

        def reached(values: FloatArray) -> FloatArray:
            positions, turns = self._poser.bodies(self._put(one, values, there))
            return placed(one.point, positions[body], turns[body])

        # Levenberg's damped least squares.
        for _ in range(_STEPS):
            at = reached(values)
            moves = np.eye(len(values)) * _DIFFERENCE
            slopes = np.stack([(reached(values + m) - at) / _DIFFERENCE for m in moves], axis=1)
            damped = slopes.T @ slopes + _DAMPING * np.eye(len(values))
            step = np.linalg.solve(damped, slopes.T @ (point - at))
            step = np.where(turning, np.clip(step, -_LONGEST, _LONGEST), step)
            values = self._within(one, values + step)
            if np.abs(step).max() < _DIFFERENCE:
                break
        found = self._put(one, values, there)
        changed = {i for c in one.coordinates for i in c.dimensions}
        return {self.space.names[i]: float(found[i]) for i in sorted(changed)}

    def _there(self, wanted: Mapping[str, float], observation: FloatArray) -> FloatArray:
        """Return the observation with the targets in it."""
        there = np.array(observation, dtype=np.float64)
        for name, value in wanted.items():
            there[self._dimensions[name]] = value
        return there

    def _bodies(self, wanted: Mapping[str, float], there: FloatArray) -> dict[int, _Wanted]:
        """Return each body that has a marker.

        A coordinate that turns its body's point on the spot moves those of the bodies that hang on
        it: it goes to the next one that has a target as well.
        """
        told = list(self._poser.dimensions)
        # Of another task; or not a number, or as good as infinite: nowhere.
        if max(told, default=-1) >= len(there) or not (np.abs(there[told]) < _FAR).all():
            return {}
        aimed = {self._dimensions[name] for name in wanted}
        self._poser.bodies(there)
        found: dict[int, _Wanted] = {}
        waiting: dict[int, tuple[Coordinate, ...]] = {}
        for body in range(1, self._poser.model.nbody):
            before = waiting.get(int(self._poser.model.body_parentid[body]), ())
            own = [
                c for c in self._poser.coordinates if c.body == body and aimed >= {*c.dimensions}
            ]
            turned = any(c.turns for c in own)
            point = self._far.get(body, np.zeros(3)) if turned else np.zeros(3)
            if any(self._poser.moves(c, point, _ON_AXIS) for c in own):
                found[body] = _Wanted(point, (*before, *own))
            else:
                waiting[body] = (*before, *own)
        return found

    def _put(self, one: _Wanted, values: FloatArray, there: FloatArray) -> FloatArray:
        made = there.copy()
        for coordinate, value in zip(one.coordinates, values, strict=True):
            coordinate.put(made, float(value))
        return made

    def _within(self, one: _Wanted, values: FloatArray) -> FloatArray:
        """Return values of coordinates within the limits of their dimensions."""
        low, high = np.array(self.space.low), np.array(self.space.high)
        return np.array(
            [
                np.clip(v, low[c.dimensions[0]], high[c.dimensions[0]])
                if len(c.dimensions) == 1
                else v
                for c, v in zip(one.coordinates, values, strict=True)
            ]
        )
