"""The robot's pose in its MuJoCo model, from what is observed."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mbrl_ros.core.spaces import FloatArray
from mbrl_ros.simulation.description import describe
from mbrl_ros.simulation.environments import make_environment
from mbrl_ros.simulation.physics import Physics
from mbrl_ros.simulation.settings import SimulatorSettings


class Poser:
    """Puts a model in the pose that an observation tells.

    Attributes:
        model: the ``mujoco.MjModel``.
        told: names of the joints whose position observations tell.
        jointed: names of all hinges and slides, which `joint_states` tells.
        dimensions: indices of the observation's dimensions that tell joints' positions.
    """

    def __init__(self, model: Any, names: Sequence[str]) -> None:
        """Find the joints among the dimensions of an observation.

        Args:
            model: a ``mujoco.MjModel``.
            names: of the dimensions, O of them: ``<joint>_angle``, or ``_sin`` and ``_cos``, of a
                hinge; ``<joint>_position`` of a slide; ``<joint>_x``, ``_qw`` and so on of what is
                free (see `simulation.naming`); or the joint's own.
        """
        import mujoco

        self.model = model
        self._data = mujoco.MjData(model)
        self._rest = np.array(model.key_qpos[0] if model.nkey else model.qpos0)
        kinds, found = mujoco.mjtJoint, {name: i for i, name in enumerate(names)}
        self._direct: list[tuple[int, int]] = []  # index in qpos, dimension
        self._turned: list[tuple[int, int, int]] = []  # index in qpos, of the sine, of the cosine
        self._joints: dict[str, int] = {}
        told = []
        for i in range(model.njnt):
            name, kind = model.joint(i).name or f"joint_{i}", int(model.jnt_type[i])
            at, before = int(model.jnt_qposadr[i]), len(self._direct) + len(self._turned)
            scalar = kind in (kinds.mjJNT_HINGE, kinds.mjJNT_SLIDE)
            if scalar:
                self._joints[name] = at
                own = f"{name}_angle" if kind == kinds.mjJNT_HINGE else f"{name}_position"
                direct = found.get(own, found.get(name))
                sine, cosine = found.get(f"{name}_sin"), found.get(f"{name}_cos")
                if direct is not None:
                    self._direct.append((at, direct))
                elif sine is not None and cosine is not None:
                    self._turned.append((at, sine, cosine))
            else:
                parts = ["x", "y", "z"] if kind == kinds.mjJNT_FREE else []
                for offset, part in enumerate([*parts, "qw", "qx", "qy", "qz"]):
                    if f"{name}_{part}" in found:
                        self._direct.append((at + offset, found[f"{name}_{part}"]))
            if len(self._direct) + len(self._turned) > before:
                told.append(name)
        self.told, self.jointed = tuple(told), tuple(self._joints)
        self.dimensions = tuple(
            i for _, *dimensions in [*self._direct, *self._turned] for i in dimensions
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
            model = copy.copy(physics.model)
        finally:
            environment.close()
        return cls(model, describe(settings).observation_names)

    @classmethod
    def of_file(cls, path: str, names: Sequence[str]) -> Poser:
        """Return the poser of an MJCF file, by the task's own names.

        Raises:
            ValueError: if it cannot be read; one line.
        """
        import mujoco

        try:
            model = mujoco.MjModel.from_xml_path(str(Path(path).expanduser()))
        except ValueError as error:
            raise ValueError(f"model '{path}': {' '.join(str(error).split())}") from None
        return cls(model, names)

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
            for at, dimension in self._direct:
                qpos[at] = observation[dimension]
            for at, sine, cosine in self._turned:
                qpos[at] = math.atan2(observation[sine], observation[cosine])
        for name, position in (joints or {}).items():
            if name in self._joints:
                qpos[self._joints[name]] = position
        self._data.qpos[:] = qpos
        mujoco.mj_kinematics(self.model, self._data)
        return self._data.xpos.copy(), self._data.xquat.copy()
