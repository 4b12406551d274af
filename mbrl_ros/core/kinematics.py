"""Where parts of a robot are, by its joints: the forward kinematics of an MJCF or URDF file."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from mbrl_ros.core.joint_names import read_joints
from mbrl_ros.core.spaces import FloatArray, Space

AXES = ("x", "y", "z")
# States whose points are remembered: those around one at which barriers are differentiated.
_REMEMBERED = 256


@dataclass(frozen=True)
class Joint:
    """A joint between a link and the one that it hangs on.

    Attributes:
        slides: whether it is a slide, otherwise a hinge.
        axis: of length one, shape ``(3,)``.
        anchor: on the axis, shape ``(3,)`` [m].
        dimension: of an observation, that tells its position [rad or m].
        reference: its position where the file has drawn the link.
    """

    slides: bool
    axis: FloatArray
    anchor: FloatArray
    dimension: int
    reference: float


@dataclass(frozen=True)
class Link:
    """A body of a robot.

    Attributes:
        parent: index of the link that it hangs on; -1: the world.
        place: in the parent, shape ``(3,)`` [m].
        turn: in the parent, shape ``(3, 3)``.
        joints: one after the other.
    """

    parent: int
    place: FloatArray
    turn: FloatArray
    joints: tuple[Joint, ...]


class Kinematics:
    """Points of a robot, and the ranges of its joints.

    Attributes:
        names: ``NAME_x``, ``NAME_y``, ``NAME_z`` of each point, 3 P of them.
        reads: the dimensions that each of these depends on.
        ranges: of the joints that have one: dimension to least and most [rad or m], within which
            all joints are that the dimension tells.
        links: those that the points hang on, each after its parent.
        points: link and place in it, shape ``(3,)`` [m], of each.
    """

    def __init__(
        self, path: str, joints: Sequence[str], points: Sequence[str], space: Space
    ) -> None:
        """Read a file.

        Args:
            path: MJCF or URDF file; of a URDF no meshes are needed.
            joints: ``DIMENSION = JOINT`` each; none: dimensions that are called as joints are.
            points: sites or bodies.
            space: of observations.

        Raises:
            ValueError: naming the parameter that does not fit.
        """
        import mujoco

        self._mujoco, self._model = mujoco, _load(path)
        self._data = mujoco.MjData(self._model)
        self._dimensions = self._joints(joints, space)
        model = self._model
        self.ranges: dict[int, tuple[float, float]] = {}
        for j, d in self._dimensions.items():
            if model.jnt_limited[j]:
                # One dimension may tell several joints, as of a gripper's two fingers.
                least, most = self.ranges.get(d, (-math.inf, math.inf))
                low, high = model.jnt_range[j].tolist()
                self.ranges[d] = max(least, low), min(most, high)
        self._addresses = [int(model.jnt_qposadr[j]) for j in self._dimensions]
        self._told = list(self._dimensions.values())
        self._found = [self._point(name, path) for name in points]
        self.names = tuple(f"{name}_{axis}" for name in points for axis in AXES)
        for name in self.names:
            if name in space.names or self.names.count(name) > 1:
                raise ValueError(f"limits.points: '{name}' is another dimension already")
        self.reads = tuple(
            self._reads(name, body)
            for name, (_, body, _) in zip(points, self._found, strict=True)
            for _ in AXES
        )
        self._lock = threading.Lock()
        self._remember = lru_cache(maxsize=_REMEMBERED)(self._compute)

    def __call__(self, observed: FloatArray) -> FloatArray:
        """Return where the points are.

        Args:
            observed: shape ``(O,)``.

        Returns:
            shape ``(3 P,)`` [m]; not to be changed.
        """
        return self._remember(tuple(observed[self._told].tolist()))

    @cached_property
    def links(self) -> tuple[Link, ...]:
        """See above."""
        model, numbers = self._model, {body: i for i, body in enumerate(self._bodies)}
        return tuple(
            Link(
                numbers.get(int(model.body_parentid[body]), -1),
                model.body_pos[body].copy(),
                self._matrix(model.body_quat[body]),
                tuple(
                    Joint(
                        int(model.jnt_type[j]) == int(self._mujoco.mjtJoint.mjJNT_SLIDE),
                        model.jnt_axis[j].copy(),
                        model.jnt_pos[j].copy(),
                        self._dimensions[j],
                        float(model.qpos0[model.jnt_qposadr[j]]),
                    )
                    for j in self._joints_of(body)
                ),
            )
            for body in self._bodies
        )

    @cached_property
    def points(self) -> tuple[tuple[int, FloatArray], ...]:
        """See above."""
        numbers = {body: i for i, body in enumerate(self._bodies)}
        return tuple((numbers.get(body, -1), place) for _, body, place in self._found)

    @property
    def _bodies(self) -> list[int]:
        """All but the world that a point hangs on."""
        return sorted({b for _, body, _ in self._found for b in self._above(body)})

    def _compute(self, positions: tuple[float, ...]) -> FloatArray:
        data, found = self._data, self._found
        with self._lock:
            data.qpos[self._addresses] = positions
            self._mujoco.mj_kinematics(self._model, data)
            places = [data.xpos[b] if site < 0 else data.site_xpos[site] for site, b, _ in found]
            return np.array(places, dtype=np.float64).reshape(-1)

    def _joints(self, lines: Sequence[str], space: Space) -> dict[int, int]:
        """Return the dimension of each joint that is observed."""
        model = self._model
        ids = {model.joint(j).name: j for j in range(model.njnt)}
        same = {n: n for n in space.names if n in ids and self._is_single(ids[n])}
        told = read_joints(lines, "limits.joints", space.names, [*ids]) or same
        for joint in told:
            if not self._is_single(ids[joint]):
                raise ValueError(f"limits.joints: '{joint}' is neither a hinge nor a slide")
        return {ids[joint]: space.index(dimension) for joint, dimension in told.items()}

    def _point(self, name: str, path: str) -> tuple[int, int, FloatArray]:
        """Return site (-1: a body), body and place in it."""
        model = self._model
        if not name.isidentifier():
            raise ValueError(
                f"limits.points: expected names of letters, digits and _, got '{name}'"
            )
        kinds = self._mujoco.mjtObj
        site = self._mujoco.mj_name2id(model, kinds.mjOBJ_SITE, name)
        if site >= 0:
            return site, int(model.site_bodyid[site]), model.site_pos[site].copy()
        body = self._mujoco.mj_name2id(model, kinds.mjOBJ_BODY, name)
        if body < 0:
            sites = [model.site(i).name for i in range(model.nsite)]
            known = [*sites, *(model.body(i).name for i in range(1, model.nbody))]
            raise ValueError(
                f"limits.points: expected sites or bodies of {path}, "
                f"{', '.join(filter(None, known)) or 'which has none'}, got '{name}'"
            )
        return -1, body, np.zeros(3)

    def _reads(self, name: str, body: int) -> tuple[int, ...]:
        """Return the dimensions that a point depends on.

        Raises:
            ValueError: if one of its joints is not observed.
        """
        found = []
        for j in (j for above in self._above(body) for j in self._joints_of(above)):
            if j not in self._dimensions:
                what = self._model.joint(j).name or f"of body {self._model.jnt_bodyid[j]}"
                raise ValueError(
                    f"limits.points: '{name}' hangs on the joint {what}, which no observation "
                    "dimension tells: expected it in limits.joints"
                )
            found.append(self._dimensions[j])
        return tuple(found)

    def _above(self, body: int) -> list[int]:
        """Return a body and those that it hangs on, without the world."""
        found = []
        while body > 0:
            found.append(body)
            body = int(self._model.body_parentid[body])
        return found

    def _joints_of(self, body: int) -> range:
        first = int(self._model.body_jntadr[body])
        return range(first, first + int(self._model.body_jntnum[body]))

    def _is_single(self, joint: int) -> bool:
        kinds = self._mujoco.mjtJoint
        return int(self._model.jnt_type[joint]) in (int(kinds.mjJNT_HINGE), int(kinds.mjJNT_SLIDE))

    def _matrix(self, quaternion: FloatArray) -> FloatArray:
        turn = np.zeros(9)
        self._mujoco.mju_quat2Mat(turn, quaternion)
        return turn.reshape(3, 3)


@lru_cache(maxsize=8)
def kinematics(
    path: str, joints: tuple[str, ...], points: tuple[str, ...], space: Space
) -> Kinematics:
    """Return the kinematics of a file, read once; see `Kinematics`."""
    return Kinematics(path, joints, points, space)


def _load(path: str) -> Any:
    """Return an MJCF or URDF file as a MuJoCo model.

    Raises:
        ValueError: if it cannot be read; one line.
    """
    import mujoco

    file = Path(path).expanduser()
    if not file.is_file():
        raise ValueError(f"limits.model: expected an MJCF or URDF file, got '{path}'")
    try:
        if file.suffix != ".urdf":
            return mujoco.MjModel.from_xml_path(str(file))
        spec = mujoco.MjSpec.from_file(str(file))
        # A tool's frame is a link without mass that is fixed: it is not to be melted into another.
        spec.compiler.fusestatic = False
        spec.compiler.boundmass = spec.compiler.boundinertia = 1e-3
        for shape in [*spec.geoms, *spec.meshes]:  # which may not be there
            spec.delete(shape)
        return spec.compile()
    except ValueError as error:
        raise ValueError(f"limits.model: {path}: {' '.join(str(error).split())}") from None
