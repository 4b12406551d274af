"""The robot in 3-D, where the plan takes it, and the ground."""

from __future__ import annotations

from typing import Any

import numpy as np

from mbrl_ros.core.spaces import FloatArray
from mbrl_ros.scene.places import Outline
from mbrl_ros.scene.posing import Poser
from mbrl_ros.web.bodies import Bodies
from mbrl_ros.web.drawn_plan import DrawnPlan
from mbrl_ros.web.watched import Watched

_FIELD_OF_VIEW = 0.8  # [rad]
_PLAN, _WHAT_IF = (0, 150, 50), (156, 54, 181)


class Scene:
    """Draws a model in viser; only poses travel once the shapes have.

    Attributes:
        extent: of the robot [m].
    """

    def __init__(self, server: Any, poser: Poser) -> None:
        """Send the shapes.

        Args:
            server: viser's.
            poser: of the model.
        """
        self._server, self._poser = server, poser
        outline = Outline(poser)
        self._robot = Bodies(server.scene, "/robot", outline.shapes)
        self._plan = DrawnPlan(server.scene, "/plan", poser, outline, _PLAN)
        self._what_if = DrawnPlan(server.scene, "/what_if", poser, outline, _WHAT_IF)
        self._center, self.extent = outline.center, outline.extent
        center, extent = self._center, self.extent
        self._resting = self._middle(None)
        # Where viewers look at, of the way from there.
        self._aimed: FloatArray | None = None
        server.scene.add_grid(
            "/ground", width=8 * extent, height=8 * extent, cell_size=_round(extent / 4),
            section_size=_round(extent), position=(center[0], center[1], _ground(poser.model)),
        )  # fmt: skip
        server.initial_camera.fov = _FIELD_OF_VIEW
        self._aim(server.initial_camera, np.zeros(3))
        self._robot.place(*poser.bodies(None))

    def draw(self, watched: Watched) -> None:
        """Show the newest pose and plans."""
        poser, now = self._poser, watched.observation
        if now is None or (not poser.told and not watched.joints):
            return
        self._follow(self._middle(now) - self._resting)
        with self._server.atomic():
            self._robot.place(*poser.bodies(now, watched.joints))
            self._plan.draw(watched.future)
            self._what_if.draw(watched.supposed)

    def _middle(self, observation: FloatArray | None) -> FloatArray:
        """Return the middle of the bodies, shape ``(3,)`` [m]."""
        positions, _ = self._poser.bodies(observation)
        return np.asarray(positions[1:].mean(axis=0) if len(positions) > 1 else np.zeros(3))

    def _follow(self, moved: FloatArray) -> None:
        """Have viewers look at where the robot has gone, by steps of its extent.

        Who looks already keeps their view of it, but for the first time: they came before it was
        known where the robot is.
        """
        if not np.isfinite(moved).all():
            return
        aim, before = self.extent * np.round(moved / self.extent), self._aimed
        if before is not None and (aim == before).all():
            return
        self._aimed = aim
        self._aim(self._server.initial_camera, aim)
        for client in self._server.get_clients().values():
            if before is None:
                self._aim(client.camera, aim)
            else:
                client.camera.position = client.camera.position + aim - before

    def _aim(self, camera: Any, moved: FloatArray) -> None:
        look_at = self._center + moved
        # In this order: a camera that is put elsewhere goes on looking the same way.
        camera.position = tuple(look_at + self.extent * np.array([0.25, -1.5, 0.5]))
        camera.look_at = tuple(look_at)


def _ground(model: Any) -> float:
    """Return the height of the lowest plane [m]; without one, 0."""
    import mujoco

    planes = np.flatnonzero(model.geom_type == int(mujoco.mjtGeom.mjGEOM_PLANE))
    return float(min((model.geom_pos[i][2] for i in planes), default=0.0))


def _round(value: float) -> float:
    """Return a power of ten near a length."""
    return float(10.0 ** np.round(np.log10(value)))
