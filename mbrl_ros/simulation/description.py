"""What an environment says of itself, and shows when it is tried out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium import spaces

from mbrl_ros.core.spaces import FloatArray, Space
from mbrl_ros.simulation.environments import make_environment
from mbrl_ros.simulation.naming import identifiers, matched, readings, turning
from mbrl_ros.simulation.plant import Plant, PlantDivergedError, own_time_step
from mbrl_ros.simulation.settings import SimulatorSettings

# Environment steps with random actions, for names, angles and rewards.
_STEPS = 500
# Stands for an action's limit that there is none of.
_UNLIMITED = 1.0
# Larger limits are none: environments write the largest float.
_LARGE = 1e30
# More whole numbers than this are no choice.
_MOST_CHOICES = 1000


@dataclass(frozen=True)
class Description:
    """An environment, described.

    Attributes:
        observation_names: O names.
        observation_low: lower limits, ``-inf``: none; shape ``(O,)``.
        observation_high: upper limits, ``inf``: none; shape ``(O,)``.
        angles: names of those observations that are hinges without a limit.
        countable: whether observations and actions are choices and whole numbers only.
        action_names: A names, none of them an observation's.
        action_low: as of observations, shape ``(A,)``.
        action_high: as of observations, shape ``(A,)``.
        discrete: names of those actions that take whole numbers only.
        positions: whether all actions are positions, as of servos.
        time_step: time of an environment step as it says itself [s]; 0: it does not.
        frame_rate: of its pictures [1/s]; 0: it does not say.
        limited: whether it ends its episodes after some time.
        paid: the largest reward that was seen, NaN: none is paid.
        before: observations before random actions, shape ``(N, O)``.
        after: observations after them, shape ``(N, O)``.
    """

    observation_names: tuple[str, ...]
    observation_low: FloatArray
    observation_high: FloatArray
    angles: tuple[str, ...]
    countable: bool
    action_names: tuple[str, ...]
    action_low: FloatArray
    action_high: FloatArray
    discrete: tuple[str, ...]
    positions: bool
    time_step: float
    frame_rate: float
    limited: bool
    paid: float
    before: FloatArray
    after: FloatArray


def describe(settings: SimulatorSettings, indices: bool = False) -> Description:
    """Try an environment out and describe it; the same settings give the same description.

    Args:
        settings: of the plant.
        indices: whether an observation that is a choice is one dimension, its index.

    Raises:
        ValueError: one line that names the environment and the problem.
    """
    environment, divergences = make_environment(settings)
    own = own_time_step(environment.unwrapped)
    try:
        making: dict[str, Any] = {
            "time_step": settings.time_step or (0.0 if own else 1.0),
            "divergences": divergences,
        }
        plant = Plant(environment, settings.environment, **making)
        if indices:
            count = len(plant.observation_names)
            names = [str(i) for i in range(count)]
            declared = Space.of(names, [0.0] * count, [1.0] * count, discrete=names)
            plant = Plant(environment, settings.environment, observation=declared, **making)
        whole = _whole(plant)
        tried = _Trial(plant, whole)
        metadata = getattr(environment.unwrapped, "metadata", None) or {}
        spec = environment.spec
        observations, angles = tried.observation_names()
        actions = identifiers(tried.action_names(), observations)
        return Description(
            tuple(observations),
            *_limits(plant.observation_space),
            tuple(angles),
            all(plant.observation_whole) and all(whole),
            tuple(actions),
            *_limits(plant.action_space),
            tuple(name for name, is_whole in zip(actions, whole, strict=True) if is_whole),
            tried.positions(),
            own,
            float(metadata.get("render_fps") or 0.0),
            # All tasks of dm_control are; its environments diverge by exceptions of their own.
            bool(divergences) or bool(spec and spec.max_episode_steps),
            max((r for r in tried.rewards if np.isfinite(r)), default=np.nan),
            np.array(tried.before),
            np.array(tried.after),
        )
    finally:
        environment.close()


def _whole(plant: Plant) -> list[bool]:
    """Return which actions take whole numbers only: those that a quarter does not change."""
    low, high = plant.action_space.low, plant.action_space.high
    rest = np.where(np.isfinite(low), low, 0.0)
    found = []
    for i in range(len(rest)):
        nearby = rest.copy()
        nearby[i] += 0.25
        alike = repr(plant.decode(rest)) == repr(plant.decode(nearby))
        found.append(alike and 0.25 < high[i] - low[i] <= _MOST_CHOICES)
    return found


def _limits(box: spaces.Box) -> tuple[FloatArray, FloatArray]:
    """Return limits without those that are none, such as the largest float or low = high."""
    none = ~(box.low < box.high)
    low = np.array([_short(v) for v in box.low])
    high = np.array([_short(v) for v in box.high])
    low[none | (low < -_LARGE)], high[none | (high > _LARGE)] = -np.inf, np.inf
    return low, high


def _short(value: float) -> float:
    """Return a number of float32 as one would write it, 0.4189 and not 0.41890001."""
    single = np.float32(value)
    return float(str(single)) if single == value else float(value)


class _Trial:
    """Random actions, and what came of them.

    Attributes:
        before: observations before each step.
        after: observations after each.
        rewards: of each.
    """

    def __init__(self, plant: Plant, whole: list[bool]) -> None:
        self.before: list[FloatArray] = []
        self.after: list[FloatArray] = []
        self.rewards: list[float] = []
        self._plant = plant
        self._read: list[dict[str, float]] = []
        low, high = plant.action_space.low, plant.action_space.high
        low = np.where(np.isfinite(low), low, np.minimum(-_UNLIMITED, high - 2 * _UNLIMITED))
        high = np.where(np.isfinite(high), high, np.maximum(_UNLIMITED, low + 2 * _UNLIMITED))
        rng, over, seed = np.random.default_rng(0), True, 0
        for _ in range(_STEPS):
            if over:
                now, _ = plant.reset(seed=seed)
                seed += 1
            drawn = rng.uniform(low - np.where(whole, 0.5, 0.0), high + np.where(whole, 0.5, 0.0))
            action = np.clip(np.where(whole, np.round(drawn), drawn), low, high)
            try:
                seen, reward, terminated, truncated, _ = plant.step(action)
            except PlantDivergedError:
                over = True
                continue
            self.before.append(now)
            self.after.append(seen)
            self.rewards.append(reward)
            if plant.physics:
                self._read.append(readings(plant.physics.model, plant.physics.data))
            now, over = seen, terminated or truncated
        if not self.after:
            raise ValueError(f"environment '{plant.name}': its simulation diverges at once")

    def observation_names(self) -> tuple[list[str], list[str]]:
        """Return a name for each observation, and those that are angles."""
        own, physics = list(self._plant.observation_names), self._plant.physics
        found = matched(np.array(self.after), self._read)
        turn = turning(physics.model) if physics else set()
        names = identifiers(found.get(i, name) for i, name in enumerate(own))
        return names, [names[i] for i, name in found.items() if name in turn]

    def action_names(self) -> list[str]:
        """Return a name for each action: the actuator's, if they are the actuators."""
        own, physics = list(self._plant.action_names), self._plant.physics
        if physics is None or physics.model.nu != len(own):
            return own
        model = physics.model
        return [model.actuator(i).name or _driven(model, i) or name for i, name in enumerate(own)]

    def positions(self) -> bool:
        """Return whether all actuators are position servos."""
        physics = self._plant.physics
        if physics is None or physics.model.nu != len(self._plant.action_names):
            return False
        gain, bias = physics.model.actuator_gainprm[:, 0], physics.model.actuator_biasprm[:, 1]
        return bool(((gain > 0) & (bias == -gain)).all())


def _driven(model: object, actuator: int) -> str:
    """Return the name of the joint that an actuator drives, for one without a name of its own."""
    import mujoco

    joint = (int(mujoco.mjtTrn.mjTRN_JOINT), int(mujoco.mjtTrn.mjTRN_JOINTINPARENT))
    if int(model.actuator_trntype[actuator]) not in joint:  # type: ignore[attr-defined]
        return ""
    name = model.joint(int(model.actuator_trnid[actuator][0])).name  # type: ignore[attr-defined]
    return f"{name}_motor" if name else ""
