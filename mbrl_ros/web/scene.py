"""The robot in 3-D, where the plan takes it, and the ground."""

from __future__ import annotations

from typing import Any

import numpy as np

from mbrl_ros.core.spaces import FloatArray
from mbrl_ros.scene.places import Outline, pieces, thinned
from mbrl_ros.scene.posing import Poser
from mbrl_ros.scene.shapes import Shape
from mbrl_ros.web.watched import Watched

_GHOST = 0.35
_FIELD_OF_VIEW = 0.8  # [rad]
_PLAN, _SPREAD = (0, 150, 50), (90, 190, 110)
# Poses of a plan that are drawn, at most.
_POSES = 40


class Scene:
    """Draws a model in viser; only poses travel once the shapes have."""

    def __init__(self, server: Any, poser: Poser) -> None:
        """Send the shapes.

        Args:
            server: viser's.
            poser: of the model.
        """
        self._server, self._poser = server, poser
        self._outline = Outline(poser)
        shapes = self._outline.shapes
        self._robot = self._add("/robot", shapes)
        self._ghost = self._add("/plan/ghost", [s for s in shapes if s.body], ghost=True)
        center, extent = self._outline.center, self._outline.extent
        server.scene.add_grid(
            "/ground", width=8 * extent, height=8 * extent, cell_size=_round(extent / 4),
            section_size=_round(extent), position=(center[0], center[1], _ground(poser.model)),
        )  # fmt: skip
        server.initial_camera.look_at = tuple(center)
        server.initial_camera.fov = _FIELD_OF_VIEW
        server.initial_camera.position = tuple(center + extent * np.array([0.25, -1.5, 0.5]))
        self._lines: dict[str, Any] = {}
        self._drawn: Any = None
        for frame in self._ghost.values():
            frame.visible = False
        self._place(self._robot, *poser.bodies(None))

    def draw(self, watched: Watched) -> None:
        """Show the newest pose and plan."""
        poser, now = self._poser, watched.observation
        if now is None or (not poser.told and not watched.joints):
            return
        with self._server.atomic():
            self._place(self._robot, *poser.bodies(now, watched.joints))
            if watched.future is not self._drawn:
                self._drawn = watched.future
                self._draw_future(watched)

    def _draw_future(self, watched: Watched) -> None:
        """Draw the ways of all outermost points, the members' spread around them, and the end."""
        future = watched.future
        known = future is not None and bool(self._outline.dimensions)
        for handle in self._ghost.values():
            handle.visible = known
        if not known or future is None or not np.isfinite(future.mean).all():
            for line in self._lines.values():
                line.visible = False
            return
        mean, std = thinned(future.mean, _POSES), thinned(future.std, _POSES)
        for name, trajectories, color, width in (
            ("mean", [mean], _PLAN, 4.0),
            ("spread", [mean - std, mean + std], _SPREAD, 1.5),
        ):
            ways = [pieces(self._outline.way(trajectory)) for trajectory in trajectories]
            lines = np.concatenate(ways).astype(np.float32)
            line = self._lines.get(name)
            if line is not None and line.points.shape == lines.shape:
                line.points, line.visible = lines, True
                continue
            self._lines[name] = self._server.scene.add_line_segments(
                f"/plan/{name}", lines, color, thickness=width, thickness_units="screen"
            )
        self._place(self._ghost, *self._poser.bodies(future.mean[-1]))

    def _add(self, root: str, shapes: list[Shape], ghost: bool = False) -> dict[int, Any]:
        """Return the frame of each body that has shapes."""
        frames: dict[int, Any] = {}
        for i, shape in enumerate(shapes):
            name = f"{root}/{shape.body}"
            if shape.body not in frames:
                frames[shape.body] = self._server.scene.add_frame(name, show_axes=False)
            *color, opacity = shape.color
            self._server.scene.add_mesh_simple(
                f"{name}/{i}",
                shape.vertices,
                shape.faces,
                color=_PLAN if ghost else tuple(round(255 * c) for c in color),
                opacity=_GHOST if ghost else (opacity if opacity < 1 else None),
                cast_shadow=not ghost,
                receive_shadow=not ghost,
            )
        return frames

    @staticmethod
    def _place(frames: dict[int, Any], positions: FloatArray, turns: FloatArray) -> None:
        for body, frame in frames.items():
            frame.position, frame.wxyz = positions[body], turns[body]


def _ground(model: Any) -> float:
    """Return the height of the lowest plane [m]; without one, 0."""
    import mujoco

    planes = np.flatnonzero(model.geom_type == int(mujoco.mjtGeom.mjGEOM_PLANE))
    return float(min((model.geom_pos[i][2] for i in planes), default=0.0))


def _round(value: float) -> float:
    """Return a power of ten near a length."""
    return float(10.0 ** np.round(np.log10(value)))
