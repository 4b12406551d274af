"""MuJoCo rollouts of many action sequences, with the environment's own observations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np

from mbrl_ros.core.spaces import FloatArray
from mbrl_ros.simulation.mjcf import MjcfEnv
from mbrl_ros.simulation.physics import Physics
from mbrl_ros.simulation.plant import Plant


@dataclass(frozen=True)
class Sight:
    """How an environment computes its observation after its last time step.

    Attributes:
        settle: computed first, from model and data.
        observe: returns the observation of the environment's own data.
    """

    settle: Callable[[Any, Any], None]
    observe: Callable[[], Any]


class MujocoDynamics:
    """Rolls out action sequences with MuJoCo's rollout, on several threads.

    Only the last time step of every control step is repeated in the environment's own data, so that
    lagging quantities (forces, contacts, positions of bodies) lag as in the environment. The data
    is restored exactly.
    """

    def __init__(self, plant: Plant, physics: Physics, sight: Sight, threads: int) -> None:
        """Use ``of`` instead."""
        from mujoco import rollout

        self._plant = plant
        self._physics = physics
        self._sight = sight
        # MuJoCo's 0 is the calling thread.
        self._rollout = rollout.Rollout(nthread=threads if threads > 1 else 0)
        self._threads = threads
        self._model: Any = None
        self._workers: list[Any] = []
        self._kept: Any = None

    @classmethod
    def of(cls, plant: Plant, physics: Physics, threads: int) -> MujocoDynamics | None:
        """Return the dynamics of a plant; None: its observation function is unknown.

        Args:
            plant: on MuJoCo.
            physics: of the plant.
            threads: maximum number of computing threads.
        """
        sight = find_sight(plant.environment.unwrapped)
        return None if sight is None else cls(plant, physics, sight, threads)

    def __call__(self, actions: FloatArray) -> FloatArray:
        """Return the observations ``(N, H, O)`` after actions ``(N, H, A)``."""
        import mujoco

        model, data = self._physics.model, self._physics.data
        self._follow(model)
        controls = self._controls(actions)
        before = self._states_before_last(controls)
        mujoco.mj_copyData(self._kept, model, data)
        try:
            observed = [
                self._observed(state, control)
                for state, control in zip(
                    before.reshape(-1, before.shape[-1]),
                    controls.reshape(-1, controls.shape[-1]),
                    strict=True,
                )
            ]
        finally:
            mujoco.mj_copyData(data, model, self._kept)
        return np.stack(observed).reshape(*actions.shape[:2], -1)

    def _follow(self, model: Any) -> None:
        """Allocate buffers, again if the environment has exchanged its model."""
        import mujoco

        if self._model is not model:
            self._model = model
            self._workers = [mujoco.MjData(model) for _ in range(max(self._threads, 1))]
            self._kept = mujoco.MjData(model)

    def _controls(self, actions: FloatArray) -> FloatArray:
        """Return the controls that the environment passes to the actuators."""
        box = self._plant.environment.action_space
        assert isinstance(box, gymnasium.spaces.Box)
        # Rounded as in the plant, which converts to the environment's dtype.
        return np.clip(actions, box.low, box.high).astype(box.dtype).astype(np.float64)

    def _states_before_last(self, controls: FloatArray) -> FloatArray:
        """Return the states before the last time step of every control step, ``(N, H, S)``."""
        import mujoco

        model, data, kinds = self._model, self._physics.data, mujoco.mjtState
        first = _state(model, data, kinds.mjSTATE_FULLPHYSICS)
        # The actuators come first; the rest are other external inputs.
        inputs = _state(model, data, kinds.mjSTATE_USER)
        steps = round(self._plant.period / model.opt.timestep)
        n, horizon, dim = controls.shape
        user = np.broadcast_to(inputs, (n, horizon * steps, len(inputs))).copy()
        user[..., :dim] = np.repeat(controls, steps, axis=1)
        states, _ = self._rollout.rollout(
            model,
            self._workers,
            first[None],
            user,
            control_spec=kinds.mjSTATE_USER,
            initial_warmstart=data.qacc_warmstart[None],
        )
        start = np.broadcast_to(first, (n, 1, len(first)))
        return np.concatenate([start, states], axis=1)[:, steps - 1 : -1 : steps]

    def _observed(self, state: FloatArray, control: FloatArray) -> FloatArray:
        """Return the observation one time step after a state."""
        import mujoco

        data = self._physics.data
        mujoco.mj_setState(self._model, data, state, mujoco.mjtState.mjSTATE_FULLPHYSICS)
        data.ctrl[:] = control
        mujoco.mj_step(self._model, data)
        self._sight.settle(self._model, data)
        return self._plant.encode(self._sight.observe())


def _state(model: Any, data: Any, kind: Any) -> FloatArray:
    import mujoco

    state = np.empty(mujoco.mj_stateSize(model, kind))
    mujoco.mj_getState(model, data, state, kind)
    return state


def find_sight(environment: Any) -> Sight | None:
    """Return the observation function of an unwrapped environment; None: unknown."""
    import mujoco
    from gymnasium.envs.mujoco import MujocoEnv

    if isinstance(environment, MjcfEnv):
        return Sight(mujoco.mj_step1, environment.observe)
    if isinstance(environment, MujocoEnv) and hasattr(environment, "_get_obs"):
        return Sight(mujoco.mj_rnePostConstraint, environment._get_obs)
    try:
        from dm_control.suite.base import Task
    except ImportError:
        return None
    task = getattr(environment, "task", None)
    if isinstance(task, Task):
        return Sight(mujoco.mj_step1, lambda: task.get_observation(environment.physics))
    return None
