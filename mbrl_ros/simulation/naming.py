"""Names of a plant's dimensions, from its MuJoCo model."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from mbrl_ros.core.spaces import FloatArray

# Share of the readings in which an observation equals what it is named after; environments clip
# velocities.
_EQUAL = 0.9


def readings(model: Any, data: Any) -> dict[str, float]:
    """Return the present state of all joints, and what the sensors read, by name.

    Args:
        model: ``mujoco.MjModel``.
        data: ``mujoco.MjData``.
    """
    import mujoco

    kinds, found = mujoco.mjtJoint, dict[str, float]()
    for i in range(model.njnt):
        name, kind = model.joint(i).name or f"joint_{i}", int(model.jnt_type[i])
        qpos, qvel = data.qpos[model.jnt_qposadr[i] :], data.qvel[model.jnt_dofadr[i] :]
        if kind == kinds.mjJNT_HINGE:
            found |= {f"{name}_angle": qpos[0], f"{name}_velocity": qvel[0]}
            found |= {f"{name}_sin": np.sin(qpos[0]), f"{name}_cos": np.cos(qpos[0])}
        elif kind == kinds.mjJNT_SLIDE:
            found |= {f"{name}_position": qpos[0], f"{name}_velocity": qvel[0]}
        else:
            free = kind == kinds.mjJNT_FREE
            at = ["x", "y", "z", "qw", "qx", "qy", "qz"][0 if free else 3 :]
            of = ["vx", "vy", "vz", "wx", "wy", "wz"][0 if free else 3 :]
            found |= {f"{name}_{k}": v for k, v in zip(at, qpos, strict=False)}
            found |= {f"{name}_{k}": v for k, v in zip(of, qvel, strict=False)}
    for i in range(model.nsensor):
        name, size = model.sensor(i).name or f"sensor_{i}", int(model.sensor_dim[i])
        values = data.sensordata[model.sensor_adr[i] :][:size]
        keys = [name] if size == 1 else [f"{name}_{k}" for k in range(size)]
        found |= {key: value for key, value in zip(keys, values, strict=True) if key not in found}
    return {name: float(value) for name, value in found.items()}


def turning(model: Any) -> set[str]:
    """Return the readings of hinges that turn without a limit: angles that wrap."""
    import mujoco

    hinge = int(mujoco.mjtJoint.mjJNT_HINGE)
    return {
        f"{model.joint(i).name or f'joint_{i}'}_angle"
        for i in range(model.njnt)
        if int(model.jnt_type[i]) == hinge and not model.jnt_limited[i]
    }


def matched(observed: FloatArray, read: Sequence[Mapping[str, float]]) -> dict[int, str]:
    """Return which observations are which readings.

    Args:
        observed: shape ``(N, O)``.
        read: the readings at the same times, N of them.

    Returns:
        index of an observation to the name of a reading, each at most once.
    """
    found: dict[int, str] = {}
    for name in read[0] if read else ():
        values = np.array([each.get(name, np.nan) for each in read])
        # Environments may keep their observations in float32.
        equal = np.isclose(observed, values[:, None], rtol=1e-5, atol=1e-7)
        for i in np.flatnonzero(equal.mean(axis=0) >= _EQUAL):
            # What does not move, such as the force of a contact that is never made, may be any.
            if int(i) not in found and np.ptp(values[equal[:, i]]) > 1e-6:
                found[int(i)] = name
                break
    return found


def identifiers(names: Iterable[str], taken: Iterable[str] = ()) -> list[str]:
    """Return names that formulas can have, each another one.

    Args:
        names: anything.
        taken: names that are others' already.
    """
    used, found = set(taken), []
    for name in names:
        base = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_") or "unnamed"
        base = f"_{base}" if base[0].isdigit() else base
        made, count = base, 2
        while made in used:
            made, count = f"{base}_{count}", count + 1
        used.add(made)
        found.append(made)
    return found
