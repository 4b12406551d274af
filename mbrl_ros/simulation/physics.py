"""The MuJoCo model and data inside an environment: joints, actuators, state."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import numpy as np

from mbrl_ros.core.spaces import FloatArray


@dataclass(frozen=True)
class JointReading:
    """State of the hinge and slide joints.

    Attributes:
        names: joint names of the model; ``joint_<index>`` for an unnamed one.
        positions: shape ``(joints,)``, rad or m.
        velocities: shape ``(joints,)``, rad/s or m/s.
        efforts: from the actuators; shape ``(joints,)``, Nm or N.
    """

    names: tuple[str, ...]
    positions: FloatArray
    velocities: FloatArray
    efforts: FloatArray


class Physics:
    """Access to the MuJoCo simulation of an environment, for several libraries."""

    def __init__(self, environment: Any, wrapped: bool) -> None:
        """Use ``find`` instead."""
        self._environment = environment
        self._wrapped = wrapped
        self._joints: tuple[Any, tuple[str, ...], list[int], list[int]] | None = None

    @classmethod
    def find(cls, environment: Any) -> Physics | None:
        """Return the physics of an unwrapped environment; None: not MuJoCo."""
        # Importing MuJoCo takes time, and an environment that uses it has imported it.
        if "mujoco" not in sys.modules:
            return None
        import mujoco

        for wrapped in (False, True):
            physics = cls(environment, wrapped)
            model, data = physics.model, physics.data
            if isinstance(model, mujoco.MjModel) and isinstance(data, mujoco.MjData):
                return physics
        return None

    @property
    def _owner(self) -> Any:
        """The owner of the model; dm_control wraps it, some tasks anew for each episode."""
        return getattr(self._environment, "physics", None) if self._wrapped else self._environment

    @property
    def model(self) -> Any:
        """The ``mujoco.MjModel``; some environments exchange it when they are reset."""
        return _handles(self._owner)[0]

    @property
    def data(self) -> Any:
        """The ``mujoco.MjData`` that belongs to the model."""
        return _handles(self._owner)[1]

    def joints(self) -> JointReading:
        """Read the hinge and slide joints."""
        model, data = _handles(self._owner)
        if self._joints is None or self._joints[0] is not model:
            self._joints = _scalar_joints(model)
        _, names, positions, velocities = self._joints
        return JointReading(
            names,
            data.qpos[positions].astype(np.float64),
            data.qvel[velocities].astype(np.float64),
            data.qfrc_actuator[velocities].astype(np.float64),
        )

    def state(self) -> FloatArray:
        """Return a copy of the full state, for ``mj_setState``."""
        import mujoco

        model, data = _handles(self._owner)
        kind = mujoco.mjtState.mjSTATE_INTEGRATION
        state = np.empty(mujoco.mj_stateSize(model, kind))
        mujoco.mj_getState(model, data, state, kind)
        return state

    def diverged(self) -> bool:
        """Return whether MuJoCo found a non-finite or huge state since the last reset."""
        import mujoco

        warnings = mujoco.mjtWarning
        bad = (warnings.mjWARN_BADQPOS, warnings.mjWARN_BADQVEL, warnings.mjWARN_BADQACC)
        return any(self.data.warning[kind].number > 0 for kind in bad)


def _handles(owner: Any) -> tuple[Any, Any]:
    model, data = getattr(owner, "model", None), getattr(owner, "data", None)
    return getattr(model, "ptr", model), getattr(data, "ptr", data)


def _scalar_joints(model: Any) -> tuple[Any, tuple[str, ...], list[int], list[int]]:
    import mujoco

    scalar = (int(mujoco.mjtJoint.mjJNT_HINGE), int(mujoco.mjtJoint.mjJNT_SLIDE))
    ids = [i for i in range(model.njnt) if int(model.jnt_type[i]) in scalar]
    names = tuple(model.joint(i).name or f"joint_{i}" for i in ids)
    return (
        model,
        names,
        [int(model.jnt_qposadr[i]) for i in ids],
        [int(model.jnt_dofadr[i]) for i in ids],
    )
