"""Targets in viser's scene: balls for everybody, handles to drag for those who steer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from mbrl_ros.core.spaces import FloatArray
from mbrl_ros.scene.posing import Poser
from mbrl_ros.web.dragging import Goals, Marker
from mbrl_ros.web.watched import Watched

_COLOR = (240, 140, 0)
_OPACITY = 0.75
# Of the robot's extent.
_BALL, _HANDLES = 0.03, 0.2
# Of a target that was asked for and that no objective has after this long, no more is said [s].
_PATIENCE = 1.0


class GoalHandles:
    """What one viewer drags; what they hold is moved by nobody else."""

    def __init__(self, scene: Any) -> None:
        """Offer none yet.

        Args:
            scene: viser's, of that viewer.
        """
        self._scene = scene
        self._handles: dict[tuple[int, tuple[bool, bool, bool]], Any] = {}
        self._held: set[int] = set()
        self._moved: dict[int, FloatArray] = {}

    @property
    def holding(self) -> bool:
        """Whether one is held."""
        return bool(self._held)

    def show(self, markers: Sequence[Marker], extent: float) -> None:
        """Offer handles for these targets, and no others.

        Args:
            markers: the targets.
            extent: of the robot [m].
        """
        points = {(marker.body, marker.axes): marker.point for marker in markers}
        for key in self._handles.keys() - points.keys():
            self._held.discard(key[0])
            self._handles.pop(key).remove()
        for (body, axes), point in points.items():
            handle = self._handles.get((body, axes))
            if handle is None:
                self._handles[body, axes] = self._add(body, axes, point, extent)
            elif body not in self._held:
                _move(handle, point)

    def dragged(self) -> dict[int, FloatArray]:
        """Return where those were dragged that moved since the last call, by body [m]."""
        moved, self._moved = self._moved, {}
        return moved

    def _add(
        self, body: int, axes: tuple[bool, bool, bool], point: FloatArray, extent: float
    ) -> Any:
        handle = self._scene.add_transform_controls(
            f"/drag/{body}", _HANDLES * extent, active_axes=axes, disable_rotations=True,
            disable_sliders=sum(axes) < 2, depth_test=False, position=tuple(point),
        )  # fmt: skip

        # On the event loop: in order.
        async def moved(event: Any) -> None:
            (self._held.discard if event.phase == "end" else self._held.add)(body)
            if event.phase == "update":
                self._moved[body] = np.array(event.target.position, dtype=np.float64)

        handle.on_update(moved)
        return handle


class GoalMarkers:
    """Follows the targets of the objective, whoever sets them, and what viewers drag."""

    def __init__(self, scene: Any, poser: Poser, extent: float) -> None:
        """Draw nothing yet.

        Args:
            scene: viser's, of all viewers.
            poser: of the robot.
            extent: of the robot [m].
        """
        self._scene, self._poser, self._extent = scene, poser, extent
        self._goals: Goals | None = None
        self._balls: dict[int, Any] = {}
        # Targets that were asked for, which objective was in use then, and when that was.
        self._asked: dict[str, float] = {}
        self._before: Any = None
        self._asked_at = -math.inf

    def draw(
        self, watched: Watched, handles: Sequence[GoalHandles], now: float
    ) -> dict[str, float]:
        """Draw the targets, and return those that viewers drag elsewhere.

        Args:
            watched: the system.
            handles: of each viewer who steers.
            now: the time [s].
        """
        space, seen = watched.observation_space, watched.observation
        asked: dict[str, float] = {}
        markers: list[Marker] = []
        if space is not None and seen is not None and len(seen) == space.dim:
            if self._goals is None or self._goals.space != space:
                self._goals = Goals(self._poser, space)
            wanted = self._wanted(watched, any(one.holding for one in handles), now)
            for one in handles:
                for body, point in one.dragged().items():
                    asked |= self._goals.dragged(body, point, {**wanted, **asked}, seen)
            if asked:
                self._asked |= asked
                self._before, self._asked_at = watched.objective, now
            markers = self._goals.markers({**wanted, **asked}, seen)
        self._show(markers)
        for one in handles:
            one.show(markers, self._extent)
        return asked

    def _wanted(self, watched: Watched, held: bool, now: float) -> dict[str, float]:
        """Return the targets, those that were asked for included until they are answered."""
        answered = watched.objective is not self._before or now - self._asked_at > _PATIENCE
        if answered and not held:
            self._asked = {}
        known = watched.targets
        return {**known, **{name: v for name, v in self._asked.items() if name in known}}

    def _show(self, markers: Sequence[Marker]) -> None:
        points = {marker.body: marker.point for marker in markers}
        for body in self._balls.keys() - points.keys():
            self._balls.pop(body).remove()
        for body, point in points.items():
            if body in self._balls:
                _move(self._balls[body], point)
                continue
            self._balls[body] = self._scene.add_icosphere(
                f"/goal/{body}", _BALL * self._extent, _COLOR, opacity=_OPACITY,
                cast_shadow=False, position=tuple(point),
            )  # fmt: skip


def _move(handle: Any, point: FloatArray) -> None:
    if not np.allclose(handle.position, point, atol=1e-6):
        handle.position = tuple(point)
