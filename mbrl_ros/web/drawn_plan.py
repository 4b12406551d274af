"""A plan in 3-D: where it takes the robot's outermost points, and the robot at its end."""

from __future__ import annotations

from typing import Any

import numpy as np

from mbrl_ros.scene.places import Outline, pieces, thinned
from mbrl_ros.scene.posing import Poser
from mbrl_ros.web.bodies import Bodies, Color
from mbrl_ros.web.watched import Future

_GHOST = 0.35
# Poses of a plan that are drawn, and of each other candidate, at most.
_POSES, _FEW = 40, 15


class DrawnPlan:
    """Draws one plan after the other under the same name."""

    def __init__(self, scene: Any, root: str, poser: Poser, outline: Outline, color: Color) -> None:
        """Send the robot's shapes, not to be seen yet.

        Args:
            scene: viser's.
            root: name of the drawing in the scene.
            poser: of the robot.
            outline: of the robot.
            color: of the way; that of the spread is paler, and that of other candidates still more.
        """
        self._scene, self._root, self._poser, self._outline = scene, root, poser, outline
        moving = [shape for shape in outline.shapes if shape.body]
        self._ghost = Bodies(scene, f"{root}/ghost", moving, color, _GHOST)
        self._colors = color, _paler(color), _paler(_paler(color))
        self._lines: dict[str, Any] = {}
        self._drawn: Future | None = None
        self._hide()

    def draw(self, future: Future | None) -> None:
        """Draw the ways of all outermost points, the members' spread around them, and the end.

        The best of the other candidates are drawn below.

        Args:
            future: None: nothing is planned.
        """
        if future is self._drawn:
            return
        self._drawn = future
        known = future is not None and bool(self._outline.dimensions)
        if not known or future is None or not np.isfinite(future.mean).all():
            self._hide()
            return
        others = future.candidates[np.isfinite(future.candidates).all(axis=(1, 2))]
        mean, std = thinned(future.mean, _POSES), thinned(future.std, _POSES)
        for name, trajectories, color, width in (
            ("mean", [mean], self._colors[0], 4.0),
            ("spread", [mean - std, mean + std], self._colors[1], 1.5),
            ("candidates", [thinned(each, _FEW) for each in others], self._colors[2], 1.0),
        ):
            ways = [pieces(self._outline.way(trajectory)) for trajectory in trajectories]
            lines = np.concatenate([np.empty((0, 2, 3)), *ways]).astype(np.float32)
            line = self._lines.get(name)
            if line is not None and line.points.shape == lines.shape:
                line.points, line.visible = lines, True
            elif len(lines):
                self._lines[name] = self._scene.add_line_segments(
                    f"{self._root}/{name}", lines, color, thickness=width, thickness_units="screen"
                )
            elif line is not None:
                line.visible = False
        self._ghost.place(*self._poser.bodies(future.mean[-1]))

    def _hide(self) -> None:
        self._ghost.hide()
        for line in self._lines.values():
            line.visible = False


def _paler(color: Color) -> Color:
    red, green, blue = (round(0.55 * part + 0.45 * 255) for part in color)
    return red, green, blue
