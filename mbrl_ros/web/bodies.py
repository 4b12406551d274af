"""A robot's bodies in viser."""

from __future__ import annotations

from typing import Any

from mbrl_ros.core.spaces import FloatArray
from mbrl_ros.scene.shapes import Shape

Color = tuple[int, int, int]


class Bodies:
    """The shapes of a robot, each with its body; only poses travel once they are sent."""

    def __init__(
        self,
        scene: Any,
        root: str,
        shapes: list[Shape],
        ghost: Color | None = None,
        opacity: float = 1.0,
    ) -> None:
        """Send the shapes.

        Args:
            scene: viser's.
            root: name in the scene.
            shapes: of the robot.
            ghost: color of all of them, which cast no shadows then; None: their own.
            opacity: of a ghost.
        """
        self._frames: dict[int, Any] = {}
        for i, shape in enumerate(shapes):
            name = f"{root}/{shape.body}"
            if shape.body not in self._frames:
                self._frames[shape.body] = scene.add_frame(name, show_axes=False)
            *color, own = shape.color
            scene.add_mesh_simple(
                f"{name}/{i}",
                shape.vertices,
                shape.faces,
                color=ghost or tuple(round(255 * c) for c in color),
                opacity=opacity if ghost else (own if own < 1 else None),
                cast_shadow=not ghost,
                receive_shadow=not ghost,
            )

    def place(self, positions: FloatArray, turns: FloatArray) -> None:
        """Put them where `Poser.bodies` says, to be seen."""
        for body, frame in self._frames.items():
            frame.position, frame.wxyz, frame.visible = positions[body], turns[body], True

    def hide(self) -> None:
        """Show none, until they are placed."""
        for frame in self._frames.values():
            frame.visible = False
