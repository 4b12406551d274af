"""The shapes of a MuJoCo model as triangles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mbrl_ros.core.spaces import FloatArray

#: Groups that MuJoCo's own viewer shows; others are for collisions.
SHOWN_GROUPS = 3
_DEFAULT = (0.5, 0.5, 0.5, 1.0)


@dataclass(frozen=True)
class Shape:
    """A shape that is fixed to a body.

    Attributes:
        body: index.
        vertices: shape ``(V, 3)``, in the body's frame [m].
        faces: shape ``(F, 3)``, indices of vertices.
        color: red, green, blue and opacity, 0 to 1.
    """

    body: int
    vertices: FloatArray
    faces: Any
    color: tuple[float, float, float, float]


def shapes_of(model: Any) -> list[Shape]:
    """Return the visible shapes of a ``mujoco.MjModel``, without planes and height fields."""
    made = []
    for geom in range(model.ngeom):
        if model.geom_group[geom] >= SHOWN_GROUPS:
            continue
        color = _color(model, geom)
        mesh = _triangles(model, geom) if color[3] > 0 else None
        if mesh is not None:
            vertices = _rotated(mesh[0], model.geom_quat[geom]) + model.geom_pos[geom]
            made.append(Shape(int(model.geom_bodyid[geom]), vertices, mesh[1], color))
    return made


def tips(model: Any, shapes: list[Shape]) -> dict[int, FloatArray]:
    """Return, for each body that carries no other, its outermost point in its own frame [m]."""
    parents = {int(parent) for parent in model.body_parentid}
    return {body: point for body, point in far_points(shapes).items() if body not in parents}


def far_points(shapes: list[Shape]) -> dict[int, FloatArray]:
    """Return the outermost point of each body in its own frame [m]."""
    found: dict[int, FloatArray] = {}
    for shape in shapes:
        if shape.body:
            far = np.linalg.norm(shape.vertices, axis=1)
            point = shape.vertices[far > far.max() - 1e-3 * far.max()].mean(axis=0)
            before = found.get(shape.body)
            if before is None or np.linalg.norm(point) > np.linalg.norm(before):
                found[shape.body] = point
    return found


def placed(point: FloatArray, position: FloatArray, quaternion: FloatArray) -> FloatArray:
    """Return a body's point, or points ``(..., 3)``, in the world."""
    return _rotated(point, quaternion) + position


def _rotated(points: FloatArray, quaternion: FloatArray) -> FloatArray:
    w, axis = quaternion[0], np.asarray(quaternion[1:])
    across = np.cross(axis, points)
    return np.asarray(points + 2.0 * (w * across + np.cross(axis, across)))


def _color(model: Any, geom: int) -> tuple[float, float, float, float]:
    own, material = model.geom_rgba[geom], int(model.geom_matid[geom])
    if material >= 0 and np.allclose(own, _DEFAULT):
        own = model.mat_rgba[material]
    red, green, blue, opacity = map(float, own)
    return red, green, blue, opacity


def _triangles(model: Any, geom: int) -> tuple[FloatArray, Any] | None:
    import mujoco

    try:
        from trimesh import creation
    except ModuleNotFoundError:
        missing = "a robot's shapes need the package trimesh: pip install 'mbrl_ros[view]'"
        raise ValueError(missing) from None
    kinds, size, kind = mujoco.mjtGeom, model.geom_size[geom], int(model.geom_type[geom])
    if kind == kinds.mjGEOM_SPHERE:
        mesh = creation.icosphere(subdivisions=2, radius=size[0])
    elif kind == kinds.mjGEOM_ELLIPSOID:
        mesh = creation.icosphere(subdivisions=2).apply_scale(size)
    elif kind == kinds.mjGEOM_CAPSULE:
        mesh = creation.capsule(height=2 * size[1], radius=size[0], count=[12, 16])
    elif kind == kinds.mjGEOM_CYLINDER:
        mesh = creation.cylinder(radius=size[0], height=2 * size[1], sections=24)
    elif kind == kinds.mjGEOM_BOX:
        mesh = creation.box(extents=2 * size)
    elif kind == kinds.mjGEOM_MESH:
        i = int(model.geom_dataid[geom])
        vertex, face = int(model.mesh_vertadr[i]), int(model.mesh_faceadr[i])
        vertices = model.mesh_vert[vertex : vertex + int(model.mesh_vertnum[i])]
        return np.array(vertices, float), model.mesh_face[face : face + int(model.mesh_facenum[i])]
    else:
        return None
    return np.asarray(mesh.vertices, float), np.asarray(mesh.faces)
