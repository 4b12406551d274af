"""A plant: any Gymnasium environment with flat vectors, stepped in control periods."""

from __future__ import annotations

import math
from typing import Any, cast

import gymnasium
import numpy as np
from gymnasium import spaces

from mbrl_ros.core.numbers import shown
from mbrl_ros.core.spaces import FloatArray, Space
from mbrl_ros.simulation.answers import (
    PlantError,
    call,
    check_reset,
    read_numbers,
    read_reset,
    read_step,
)
from mbrl_ros.simulation.flattening import flatten_action, flatten_observation
from mbrl_ros.simulation.perturbation import Perturbation
from mbrl_ros.simulation.physics import Physics
from mbrl_ros.simulation.settings import PhysicsSettings


class PlantDivergedError(RuntimeError):
    """The simulation diverged; a reset is necessary."""


class Plant(gymnasium.Env[Any, Any]):
    """An environment with flat float64 observation and action, and time.

    One step of the plant is one control step: ``action_repeat`` of the environment's own
    steps with the same action, whose rewards are summed, ending early where the episode does.

    Attributes:
        name: of the environment, in messages.
        encode: turns an observation of the environment into the vector.
        decode: turns a vector into an action of the environment.
        observation_names: a suggestion, one per dimension of the observation.
        action_names: a suggestion, one per dimension of the action.
        observation_whole: whether each dimension of the observation takes integers only.
        choices: whether the observation has a choice that is one-hot.
        environment: the wrapped one.
        action_repeat: its own steps in one step of the plant.
        period: time of one step [s].
        env_steps: the environment's own steps taken so far, over all episodes.
        physics: the MuJoCo simulation; None: the environment has none.
    """

    observation_space: spaces.Box
    action_space: spaces.Box

    def __init__(
        self,
        environment: gymnasium.Env[Any, Any],
        name: str,
        *,
        action_repeat: int = 1,
        time_step: float = 0.0,
        time_limit: float = 0.0,
        divergences: tuple[type[Exception], ...] = (),
        observation: Space | None = None,
    ) -> None:
        """Wrap an environment.

        Args:
            environment: any with supported spaces.
            name: in messages.
            action_repeat: its own steps in one step of the plant.
            time_step: time of an environment step, if the environment does not define it [s]; 0:
                not given.
            time_limit: an episode is truncated after this time [s]; 0, inf: only by the
                environment.
            divergences: exceptions of the environment that mean divergence.
            observation: as the task names it; a choice that it declares discrete is an index.

        Raises:
            ValueError: for unsupported spaces, or if the time of a step is unknown.
        """
        self.name = name
        self._who = f"environment '{name}'"
        self.environment = environment
        self.action_repeat = action_repeat
        check_reset(self._who, environment.unwrapped.reset)
        self._divergences = divergences
        named = (observation.names, observation.discrete) if observation else ()
        seen = flatten_observation(environment.observation_space, name, *named)
        action = flatten_action(environment.action_space, name)
        self.encode, self.decode = seen.encode, action.decode
        self.observation_names = seen.names
        self.observation_whole = seen.whole
        self.choices = seen.choices
        self.action_names = action.names
        self.observation_space = _box(seen.low, seen.high)
        self.action_space = _box(action.low, action.high)
        self.time_step = _time_step(environment.unwrapped, name, time_step)
        self.period = action_repeat * self.time_step
        limited = 0 < time_limit < math.inf
        self._step_limit = round(time_limit / self.time_step) if limited else math.inf
        self._episode_steps = 0
        self.env_steps = 0
        self.physics = Physics.find(environment.unwrapped)
        self._perturbation = Perturbation(self.physics, name)

    @property
    def ends(self) -> bool:
        """Whether every episode ends for certain, after the time limit that was given."""
        return math.isfinite(self._step_limit)

    @property
    def initial_action(self) -> FloatArray | None:
        """Action in effect at the start of an episode, shape ``(action_dim,)``; None: unknown.

        An environment defines it by an attribute of this name.
        """
        initial = getattr(self.environment.unwrapped, "initial_action", None)
        if initial is None:
            return None
        values = read_numbers(f"{self._who}: initial_action", initial).ravel()
        if values.shape != self.action_space.shape or not np.isfinite(values).all():
            raise ValueError(
                f"environment '{self.name}': initial_action: expected "
                f"{self.action_space.shape[0]} finite numbers, got {initial!r}"
            )
        return values

    def change_physics(self, settings: PhysicsSettings) -> None:
        """Change the physics from the next step or reset on; from any thread.

        An episode's initial state is sampled with the original physics.

        Raises:
            ValueError: naming the invalid parameter; nothing is changed then.
        """
        self._perturbation.ask(settings)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[FloatArray, dict[str, Any]]:
        """Start an episode and return its first observation, shape ``(observation_dim,)``.

        Raises:
            PlantError: if the environment fails, or returns what it must not.
        """
        self._perturbation.undo()
        answer = call(self._who, "reset", self.environment.reset, seed=seed, options=options)
        observation, info = read_reset(self._who, answer)
        self._perturbation.act()
        self._episode_steps = 0
        return self.encode(observation), info

    def step(self, action: FloatArray) -> tuple[FloatArray, float, bool, bool, dict[str, Any]]:
        """Take one control step.

        Args:
            action: shape ``(action_dim,)``, within the limits.

        Returns:
            observation ``(observation_dim,)``, summed reward, terminated, truncated, info.

        Raises:
            PlantDivergedError: if the simulation diverged.
            PlantError: if the environment fails, or returns what it must not.
        """
        self._perturbation.act()
        decoded = self.decode(action)
        total = 0.0
        for _ in range(self.action_repeat):
            observation, reward, terminated, truncated, info = self._step_once(decoded)
            total += reward
            if terminated or truncated:
                break
        values = self.encode(observation)
        if not np.isfinite(values).all():
            which = ", ".join(str(i) for i in np.flatnonzero(~np.isfinite(values))[:5])
            raise PlantDivergedError(
                f"environment '{self.name}': its observation is not finite (dimensions {which})"
            )
        if self.physics and self.physics.diverged():
            raise PlantDivergedError(f"environment '{self.name}': the simulation is unstable")
        return values, total, terminated, truncated, info

    def _step_once(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        # Counted before: a plant that diverges in every step must not take for ever to make some.
        self.env_steps += 1
        self._episode_steps += 1
        try:
            answer = call(self._who, "step", self.environment.step, action)
        except PlantError as error:
            if not isinstance(error.__cause__, self._divergences):
                raise
            reason = " ".join(str(error.__cause__).split())
            raise PlantDivergedError(f"{self._who}: {reason}") from None
        observation, reward, terminated, truncated, info = read_step(self._who, answer)
        cut = truncated or self._episode_steps >= self._step_limit
        return observation, reward, terminated, cut, info

    def close(self) -> None:
        """Free the environment."""
        self.environment.close()


def _box(low: FloatArray, high: FloatArray) -> spaces.Box:
    return spaces.Box(low, high, dtype=np.float64)


def own_time_step(environment: Any) -> float:
    """Return the time of an unwrapped environment's step as it says itself [s]; 0: it does not."""
    # MuJoCo, dm_control, Pendulum and Acrobot call it dt, CartPole tau.
    for attribute in ("dt", "tau"):
        value = getattr(environment, attribute, None)
        if isinstance(value, int | float | np.number) and math.isfinite(cast(float, value)):
            return max(0.0, float(cast(float, value)))
    return 0.0


def _time_step(environment: Any, name: str, given: float) -> float:
    """Return the time of an environment step: the environment's own, else the given one."""
    known = own_time_step(environment)
    if known > 0 and given > 0 and not math.isclose(known, given, rel_tol=1e-6):
        raise ValueError(
            f"time_step: environment '{name}' has steps of {shown(known)} s, got {shown(given)}; "
            "leave the parameter out"
        )
    if known <= 0 and given <= 0:
        raise ValueError(
            f"time_step: environment '{name}' does not say how long its steps are; "
            "give the parameter time_step [s]"
        )
    return known if known > 0 else given
