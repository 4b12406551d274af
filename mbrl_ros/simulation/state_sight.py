"""Which joint each dimension of an observation tells of, so that it determines MuJoCo's state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mbrl_ros.core.spaces import FloatArray

# States that are looked at, and how far what is seen may be from what is expected.
_LOOKS, _TOLERANCE = 8, 1e-6
_FORMS: dict[str, Callable[[FloatArray], FloatArray]] = {
    "position": lambda state: state,
    "sine": np.sin,
    "cosine": np.cos,
}


@dataclass(frozen=True)
class Source:
    """What a dimension of the observation shows.

    Attributes:
        form: of a coordinate: one of `_FORMS`, or ``velocity``.
        index: of the coordinate, in qpos or qvel.
    """

    form: str
    index: int


class StateSight:
    """Turns observations into positions and velocities of all joints, and back.

    Attributes:
        sources: of each dimension of the observation.
    """

    def __init__(self, model: Any, observe: Callable[[Any], FloatArray], names: list[str]) -> None:
        """Find out what each dimension shows, by looking at some states.

        Args:
            model: the ``mujoco.MjModel``.
            observe: returns the observation ``(O,)`` of its data, after qpos and qvel were set.
            names: of the observation's dimensions.

        Raises:
            ValueError: naming the dimension that shows anything else, or the joint that none shows.
        """
        import mujoco

        if model.na:
            raise ValueError("its actuators have states of their own, which no observation shows")
        if model.nq != model.nv:
            raise ValueError("it has free or ball joints, whose positions are quaternions")
        self._nq = model.nq
        rng = np.random.default_rng(0)
        states = rng.uniform(-0.5, 0.5, (_LOOKS, 2 * model.nq))
        seen = np.stack([observe(state) for state in states])
        self.sources = [
            self._source(name, states, values) for name, values in zip(names, seen.T, strict=True)
        ]
        self._shown = {
            form: [(i, s.index) for i, s in enumerate(self.sources) if s.form == form]
            for form in (*_FORMS, "velocity")
        }
        told = {form: {index for _, index in pairs} for form, pairs in self._shown.items()}
        for i in range(model.nq):
            joint = mujoco.mj_id2name(model, int(mujoco.mjtObj.mjOBJ_JOINT), i) or f"number {i}"
            if i not in told["position"] | (told["sine"] & told["cosine"]):
                raise ValueError(f"no observation shows where joint '{joint}' is")
            if i not in told["velocity"]:
                raise ValueError(f"no observation shows how fast joint '{joint}' moves")

    def state(self, observations: FloatArray) -> FloatArray:
        """Return positions and velocities ``(N, nq + nv)`` of observations ``(N, O)``."""
        state = np.zeros((len(observations), 2 * self._nq))
        cosines = {index: i for i, index in self._shown["cosine"]}
        for i, index in self._shown["sine"]:
            if index in cosines:
                state[:, index] = np.arctan2(observations[:, i], observations[:, cosines[index]])
        for i, index in self._shown["position"]:
            state[:, index] = observations[:, i]
        for i, index in self._shown["velocity"]:
            state[:, self._nq + index] = observations[:, i]
        return state

    def observation(self, states: FloatArray) -> FloatArray:
        """Return observations ``(N, O)`` of positions and velocities ``(N, nq + nv)``."""
        seen = np.empty((len(states), len(self.sources)))
        for i, source in enumerate(self.sources):
            seen[:, i] = self._shows(source, states)
        return seen

    def _shows(self, source: Source, states: FloatArray) -> FloatArray:
        if source.form == "velocity":
            return states[:, self._nq + source.index]
        return _FORMS[source.form](states[:, source.index])

    def _source(self, name: str, states: FloatArray, values: FloatArray) -> Source:
        for form in (*_FORMS, "velocity"):
            for index in range(self._nq):
                source = Source(form, index)
                if np.abs(self._shows(source, states) - values).max() < _TOLERANCE:
                    return source
        raise ValueError(
            f"'{name}' is not position, sine, cosine or velocity of one joint, so that the "
            "observation does not determine the state"
        )
