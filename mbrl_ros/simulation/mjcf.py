"""A MuJoCo model from an MJCF file, with a user-defined task."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from mbrl_ros.core.extensions import describe, load
from mbrl_ros.core.spaces import FloatArray
from mbrl_ros.simulation.answers import call, read_flag, read_numbers, read_reward

_FUNCTIONS = ("observation", "reward", "reset", "terminated")


class MjcfEnv(gymnasium.Env[FloatArray, FloatArray]):
    """An MJCF model whose actions are its actuators' controls.

    Its step is one MuJoCo time step. The task defines observation and reward; it is a class, an
    object or a module with any of these functions:

    - ``observation(model, data) -> vector``; without it: qpos, then qvel.
    - ``reward(model, data, action) -> float``, after each time step; without it, or None: NaN.
    - ``reset(model, data, rng)``: changes the initial state, which is keyframe 0 if the
      model has one, drawing from a ``numpy.random.Generator``.
    - ``terminated(model, data) -> bool``; without it: never.

    ``model`` and ``data`` are ``mujoco.MjModel`` and ``mujoco.MjData``. For example::

        class Reach:
            def observation(self, model, data):
                return [*data.qpos, *data.qvel, *data.site("tip").xpos]

            def reward(self, model, data, action):
                return -abs(data.site("tip").xpos[0] - 0.3)

            def reset(self, model, data, rng):
                data.qpos[0] = rng.uniform(-0.1, 0.1)
    """

    def __init__(self, path: Path, task: Any = None) -> None:
        """Load a model.

        Args:
            path: the MJCF file.
            task: see above; None: all defaults.

        Raises:
            ValueError: if the file cannot be read, the model has no actuators or a function
                of the task fails.
        """
        import mujoco

        if not path.is_file():
            raise ValueError(f"environment '{path}': there is no such file")
        try:
            self.model = mujoco.MjModel.from_xml_path(str(path))
        except ValueError as error:
            raise ValueError(f"environment '{path}': {_one_line(error)}") from None
        if self.model.nu == 0:
            raise ValueError(f"environment '{path}': the model has no actuators to act with")
        self.data = mujoco.MjData(self.model)
        self._functions = {name: getattr(task, name, None) for name in _FUNCTIONS}
        limited = self.model.actuator_ctrllimited.astype(bool)
        low = np.where(limited, self.model.actuator_ctrlrange[:, 0], -np.inf)
        high = np.where(limited, self.model.actuator_ctrlrange[:, 1], np.inf)
        self.action_space = spaces.Box(low, high, dtype=np.float64)
        self._who = f"environment '{path}': task_module"
        dim = self._try_out()
        self.observation_space = spaces.Box(-np.inf, np.inf, (dim,), dtype=np.float64)

    @property
    def dt(self) -> float:
        """Time of one step [s]."""
        return float(self.model.opt.timestep)

    @property
    def initial_action(self) -> FloatArray:
        """The controls at the start of an episode, from the keyframe; ``(actuators,)``."""
        if self.model.nkey > 0:
            return np.array(self.model.key_ctrl[0], dtype=np.float64)
        return np.zeros(self.model.nu)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[FloatArray, dict[str, Any]]:
        """Start an episode and return its first observation, shape ``(observation_dim,)``."""
        import mujoco

        super().reset(seed=seed)
        if self.model.nkey > 0:
            mujoco.mj_resetDataKeyframe(self.model, self.data, 0)
        else:
            mujoco.mj_resetData(self.model, self.data)
        if (initialise := self._functions["reset"]) is not None:
            self._call("reset", initialise, self.np_random)
        mujoco.mj_forward(self.model, self.data)
        return self.observe(), {}

    def step(self, action: FloatArray) -> tuple[FloatArray, float, bool, bool, dict[str, Any]]:
        """Take one MuJoCo time step; ``action`` has shape ``(actuators,)``."""
        import mujoco

        self.data.ctrl[:] = action
        # After mj_step, derived quantities are older than the positions; split stepping, as in
        # dm_control, computes sites, bodies and sensors at the time of the observation.
        if self.model.opt.integrator == mujoco.mjtIntegrator.mjINT_RK4:
            mujoco.mj_step(self.model, self.data)
        else:
            mujoco.mj_step2(self.model, self.data)
        mujoco.mj_step1(self.model, self.data)
        return self.observe(), self._reward(action), self._terminated(), False, {}

    def observe(self) -> FloatArray:
        """Return the observation of the present data, shape ``(observation_dim,)``."""
        if (observe := self._functions["observation"]) is None:
            return np.concatenate([self.data.qpos, self.data.qvel])
        values = self._call("observation", observe)
        return np.array(read_numbers(f"{self._who}: observation", values)).ravel()

    def _reward(self, action: FloatArray) -> float:
        if (reward := self._functions["reward"]) is None:
            return float("nan")
        return read_reward(f"reward of {self._who}", self._call("reward", reward, action))

    def _terminated(self) -> bool:
        if (terminated := self._functions["terminated"]) is None:
            return False
        what = f"terminated of {self._who}"
        return read_flag(what, "its answer", self._call("terminated", terminated))

    def _call(self, name: str, function: Callable[..., Any], *further: Any) -> Any:
        return call(self._who, name, function, self.model, self.data, *further)

    def _try_out(self) -> int:
        """Call every function of the task once and return the observation's size."""
        dim = int(self.reset(seed=0)[0].size)
        self._reward(np.zeros(self.model.nu))
        self._terminated()
        return dim


def load_task(reference: str) -> Any:
    """Load a task from ``module:attribute`` or ``file.py:attribute``.

    A class is instantiated without arguments; without an attribute, the module is the task.

    Raises:
        ValueError: if it cannot be loaded or has none of the task's functions.
    """
    task = load(reference, "task_module")
    if inspect.isclass(task):
        try:
            task = task()
        except Exception as error:
            raise ValueError(f"task_module '{reference}': {describe(error)}") from error
    if not any(callable(getattr(task, name, None)) for name in _FUNCTIONS):
        raise ValueError(
            f"task_module '{reference}': expected at least one of the functions "
            f"{', '.join(_FUNCTIONS)}"
        )
    return task


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
