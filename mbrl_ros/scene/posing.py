"""The robot's pose in its MuJoCo model, from what is observed."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mbrl_ros.core.joint_names import read_joints
from mbrl_ros.core.spaces import FloatArray
from mbrl_ros.scene.shapes import SHOWN_GROUPS
from mbrl_ros.simulation.description import describe
from mbrl_ros.simulation.environments import make_environment
from mbrl_ros.simulation.physics import Physics
from mbrl_ros.simulation.settings import SimulatorSettings

# Letters of a free body's coordinates, as `simulation.naming` has them; its heading is our own.
_PLACE, _TURN, _HEADING = "xyz", ("qw", "qx", "qy", "qz"), "yaw"


@dataclass(frozen=True)
class Coordinate:
    """One number of a pose that observations tell.

    Attributes:
        body: that it moves, index.
        joint: index.
        at: where it is in qpos; of a heading, where the quaternion is.
        dimensions: of the observation: one, or the sine's and the cosine's.
        turns: whether it is an angle [rad], not a length [m].
        place: 0, 1 or 2: along this axis of the world; None: as the joint's axis is.
        heading: whether it is the turn of a free body around the vertical.
    """

    body: int
    joint: int
    at: int
    dimensions: tuple[int, ...]
    turns: bool
    place: int | None = None
    heading: bool = False

    def of(self, observation: FloatArray) -> float:
        """Return its value in an observation."""
        told = [float(observation[i]) for i in self.dimensions]
        return math.atan2(*told) if len(told) == 2 else told[0]

    def put(self, observation: FloatArray, value: float) -> None:
        """Write a value into an observation."""
        told = [math.sin(value), math.cos(value)] if len(self.dimensions) == 2 else [value]
        observation[list(self.dimensions)] = told

    def pose(self, qpos: FloatArray, value: float) -> None:
        """Write a value into a pose."""
        if self.heading:
            qpos[self.at : self.at + 4] = math.cos(value / 2), 0.0, 0.0, math.sin(value / 2)
        else:
            qpos[self.at] = value


def readable(model: Any) -> list[str]:
    """Return what `Poser` reads of a model.

    The name of a hinge, with ``_sin`` or ``_cos``, too, and of a slide; that of what is free, or
    turns freely, with ``_x``, ``_qw``, ``_yaw`` and so on.
    """
    import mujoco

    kinds, found = mujoco.mjtJoint, []
    for i in range(model.njnt):
        name, kind = _name(model, i), int(model.jnt_type[i])
        ends: Sequence[str] = (*_TURN, _HEADING)
        if kind in (kinds.mjJNT_HINGE, kinds.mjJNT_SLIDE):
            found.append(name)
            ends = ("sin", "cos") if kind == kinds.mjJNT_HINGE else ()
        elif kind == kinds.mjJNT_FREE:
            ends = (*_PLACE, *ends)
        found += [f"{name}_{end}" for end in ends]
    return found


def _name(model: Any, joint: int) -> str:
    return model.joint(joint).name or f"joint_{joint}"


class Poser:
    """Puts a model in the pose that an observation tells.

    Attributes:
        model: the ``mujoco.MjModel``.
        told: names of the joints whose position observations tell.
        coordinates: that observations tell.
        jointed: names of all hinges and slides, which `joint_states` tells.
        dimensions: indices of the observation's dimensions that tell joints' positions.
    """

    def __init__(self, model: Any, names: Sequence[str]) -> None:
        """Find the joints among the dimensions of an observation.

        Args:
            model: a ``mujoco.MjModel``.
            names: of the dimensions, O of them: ``<joint>_angle``, or ``_sin`` and ``_cos``, of a
                hinge; ``<joint>_position`` of a slide; ``<joint>_x``, ``_qw`` and so on of what is
                free (see `simulation.naming`), or its ``_yaw``; or the joint's own.
        """
        import mujoco

        self.model = model
        self._data = mujoco.MjData(model)
        self._rest = np.array(model.key_qpos[0] if model.nkey else model.qpos0)
        kinds, found = mujoco.mjtJoint, {name: i for i, name in enumerate(names)}
        self.coordinates: list[Coordinate] = []
        self._quaternions: list[tuple[int, int]] = []  # index in qpos, dimension
        self._joints: dict[str, int] = {}
        told = []
        for i in range(model.njnt):
            name, kind = _name(model, i), int(model.jnt_type[i])
            body, at = int(model.jnt_bodyid[i]), int(model.jnt_qposadr[i])
            before = len(self.coordinates) + len(self._quaternions)
            if kind in (kinds.mjJNT_HINGE, kinds.mjJNT_SLIDE):
                self._joints[name] = at
                turns = kind == kinds.mjJNT_HINGE
                own = f"{name}_angle" if turns else f"{name}_position"
                direct = found.get(own, found.get(name))
                pair = [found[n] for n in (f"{name}_sin", f"{name}_cos") if n in found]
                dimensions = (direct,) if direct is not None else tuple(pair)
                if direct is not None or len(pair) == 2:
                    self.coordinates.append(Coordinate(body, i, at, dimensions, turns))
            else:
                place = _PLACE if kind == kinds.mjJNT_FREE else ""
                for axis, letter in enumerate(place):
                    if (dimension := found.get(f"{name}_{letter}")) is not None:
                        self.coordinates.append(
                            Coordinate(body, i, at + axis, (dimension,), False, place=axis)
                        )
                turn = at + len(place)
                if (dimension := found.get(f"{name}_{_HEADING}")) is not None:
                    self.coordinates.append(
                        Coordinate(body, i, turn, (dimension,), True, heading=True)
                    )
                self._quaternions += [
                    (turn + k, found[f"{name}_{part}"])
                    for k, part in enumerate(_TURN)
                    if f"{name}_{part}" in found
                ]
            if len(self.coordinates) + len(self._quaternions) > before:
                told.append(name)
        self.told, self.jointed = tuple(told), tuple(self._joints)
        self.dimensions = tuple(i for c in self.coordinates for i in c.dimensions) + tuple(
            i for _, i in self._quaternions
        )
        self._needed = 1 + max(self.dimensions, default=-1)

    @classmethod
    def of_plant(cls, settings: SimulatorSettings) -> Poser:
        """Return the poser of a simulated plant, whose dimensions are found by trying it out.

        Raises:
            ValueError: if it cannot be made, or has no MuJoCo model; one line.
        """
        environment, _ = make_environment(settings)
        try:
            environment.reset(seed=0)
            physics = Physics.find(environment.unwrapped)
            if physics is None:
                raise ValueError(f"{settings.environment} has no MuJoCo model")
            model, placed = copy.copy(physics.model), np.array(physics.model.geom_pos)
            environment.reset(seed=1)
            # Where a target that every reset puts elsewhere is now, nobody tells.
            elsewhere = (np.array(physics.model.geom_pos) != placed).any(axis=1)
            model.geom_group[elsewhere] = SHOWN_GROUPS
        finally:
            environment.close()
        return cls(model, describe(settings).observation_names)

    @classmethod
    def of_file(cls, path: str, names: Sequence[str], joints: Sequence[str] = ()) -> Poser:
        """Return the poser of an MJCF file, by the task's own names.

        Args:
            path: of the file.
            names: of the dimensions.
            joints: ``DIMENSION = JOINT``, one of `readable`, where the dimension is called
                otherwise.

        Raises:
            ValueError: if it cannot be read, or naming the entry that does not fit; one line.
        """
        import mujoco

        try:
            model = mujoco.MjModel.from_xml_path(str(Path(path).expanduser()))
        except ValueError as error:
            raise ValueError(f"drawn.model: {path}: {' '.join(str(error).split())}") from None
        told = read_joints(joints, "drawn.joints", names, readable(model))
        called = {dimension: joint for joint, dimension in told.items()}
        if len(called) < len(told):
            raise ValueError(f"drawn.joints: expected each dimension once, got {list(joints)}")
        return cls(model, [called.get(name, name) for name in names])

    def bodies(
        self, observation: FloatArray | None, joints: Mapping[str, float] | None = None
    ) -> tuple[FloatArray, FloatArray]:
        """Return where the bodies are.

        Args:
            observation: shape ``(O,)``; None, or of another task and too short: at rest.
            joints: positions of joints by name, which come first.

        Returns:
            positions ``(B, 3)`` [m] and quaternions ``(B, 4)``, w first.
        """
        import mujoco

        qpos = self._rest.copy()
        if observation is not None and len(observation) >= self._needed:
            for coordinate in self.coordinates:
                coordinate.pose(qpos, coordinate.of(observation))
            for at, dimension in self._quaternions:
                qpos[at] = observation[dimension]
        for name, position in (joints or {}).items():
            if name in self._joints:
                qpos[self._joints[name]] = position
        self._data.qpos[:] = qpos
        mujoco.mj_kinematics(self.model, self._data)
        return self._data.xpos.copy(), self._data.xquat.copy()

    def moves(self, coordinate: Coordinate, point: FloatArray, share: float) -> bool:
        """Return whether a coordinate moves a point of its body, in the pose put last.

        Args:
            coordinate: of this poser.
            point: in the body's frame, shape ``(3,)`` [m].
            share: a point nearer to the axis than this share of its distance is turned on the spot.
        """
        if not coordinate.turns:
            return True
        data, body, joint = self._data, coordinate.body, coordinate.joint
        if coordinate.heading:
            anchor, axis = data.xpos[body], np.array([0.0, 0.0, 1.0])
        else:
            anchor, axis = data.xanchor[joint], data.xaxis[joint]
        away = data.xmat[body].reshape(3, 3) @ point + data.xpos[body] - anchor
        return float(np.linalg.norm(np.cross(axis, away))) > share * np.linalg.norm(away)

    def directions(self, coordinate: Coordinate, share: float) -> FloatArray:
        """Return along which axes of the world a coordinate moves things, in the pose put last.

        Args:
            coordinate: of this poser.
            share: of a motion, below which an axis is none of its directions.

        Returns:
            three times 0 or 1.
        """
        axis = np.array(self._data.xaxis[coordinate.joint])
        if coordinate.place is not None or coordinate.heading:
            axis = np.eye(3)[2 if coordinate.place is None else coordinate.place]
        along = 1.0 - axis**2 if coordinate.turns else axis**2
        return np.asarray(along > share**2, dtype=np.float64)
