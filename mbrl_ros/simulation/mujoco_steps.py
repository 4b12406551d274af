"""Single control steps of many observations with MuJoCo."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from mbrl_ros.core.spaces import FloatArray, Space
from mbrl_ros.simulation.environments import make_plant
from mbrl_ros.simulation.fit import check_fit
from mbrl_ros.simulation.mujoco_dynamics import find_sight
from mbrl_ros.simulation.perturbation import scaled_model
from mbrl_ros.simulation.settings import PhysicsSettings, SimulatorSettings
from mbrl_ros.simulation.state_sight import StateSight

# Tolerance for sums of time steps [s].
_SAME_TIME = 1e-6


class MujocoSteps:
    """Steps a simulation from observations, which must determine its state.

    Unlike `MujocoDynamics`, it begins at any observation, not at the plant's present state. Several
    threads may call it, one after another.
    """

    def __init__(
        self,
        settings: SimulatorSettings,
        observation: Space,
        action: Space,
        period: float,
        *,
        time_steps: int = 0,
        threads: int = 1,
    ) -> None:
        """Create the simulation.

        Args:
            settings: name the environment; its action_repeat is what the period asks for.
            observation: O dimensions.
            action: A dimensions.
            period: of a control step [s].
            time_steps: of MuJoCo in it; 0: as many as the environment makes.
            threads: that compute it.

        Raises:
            ValueError: naming what does not fit, or keeps it from being stepped from observations.
        """
        import mujoco
        from mujoco import rollout

        plant = make_plant(settings, observation)
        try:
            if plant.physics is None:
                raise ValueError(f"environment '{plant.name}': it is no MuJoCo simulation")
            plant.action_repeat = max(1, round(period / plant.time_step))
            plant.period = plant.action_repeat * plant.time_step
            check_fit(plant, observation, action, period)
            plant.reset(seed=0)
            sight = find_sight(plant.environment.unwrapped)
            if sight is None:
                raise ValueError(f"environment '{plant.name}': its observation is not known")
            model, data = plant.physics.model, plant.physics.data

            def observe(state: FloatArray) -> FloatArray:
                data.qpos[:], data.qvel[:] = np.split(state, 2)
                mujoco.mj_forward(model, data)
                sight.settle(model, data)
                return plant.encode(sight.observe())

            try:
                self._sight = StateSight(model, observe, list(observation.names))
            except ValueError as error:
                raise ValueError(f"environment '{plant.name}': {error}") from None
            self.name = plant.name
            self._original = scaled_model(model, PhysicsSettings(), plant.name)
        finally:
            plant.close()
        self._steps = time_steps or max(1, round(period / self._original.opt.timestep))
        self._original.opt.timestep = period / self._steps
        if action.dim != self._original.nu:
            raise ValueError(
                f"environment '{self.name}': expected one action for each of its "
                f"{self._original.nu} actuators, got {action.dim}"
            )
        self._low, self._high = np.array(action.low), np.array(action.high)
        self._rollout = rollout.Rollout(nthread=threads if threads > 1 else 0)
        self._lock = threading.Lock()
        self._workers = [mujoco.MjData(self._original) for _ in range(threads)]
        self._model: Any = self._original

    def change(self, physics: PhysicsSettings) -> None:
        """Use other physics from now on.

        Raises:
            ValueError: naming the parameter that does not fit the model.
        """
        self._model = scaled_model(self._original, physics, self.name)

    def __call__(self, observations: FloatArray, actions: FloatArray) -> FloatArray:
        """Return the observations ``(N, O)`` one control step after others.

        Args:
            observations: shape ``(N, O)``.
            actions: shape ``(N, A)``.

        Where the simulation diverges, they are NaN.
        """
        return self.follow(observations, actions[:, None])[:, 0]

    def follow(self, observations: FloatArray, actions: FloatArray) -> FloatArray:
        """Return the observations ``(N, H, O)`` after each of H actions ``(N, H, A)``."""
        n, horizon, _ = actions.shape
        start = self._sight.state(observations)
        known = np.isfinite(start.sum(axis=1))
        # The state of MuJoCo begins with the time.
        initial = np.hstack([np.zeros((n, 1)), np.where(known[:, None], start, 0.0)])
        control = np.clip(actions, self._low, self._high).repeat(self._steps, axis=1)
        with self._lock:
            states, _ = self._rollout.rollout(self._model, self._workers, initial, control)
        after = states[:, self._steps - 1 :: self._steps, 1:]
        seen = self._sight.observation(after.reshape(n * horizon, -1)).reshape(n, horizon, -1)
        # MuJoCo sets a state that diverged back to the start, where its time is, too.
        time = states[:, self._steps - 1 :: self._steps, 0]
        passed = self._model.opt.timestep * self._steps * np.arange(1, horizon + 1)
        lost = np.abs(time - passed).max(axis=1) > _SAME_TIME
        seen[lost | ~known] = np.nan
        return seen
