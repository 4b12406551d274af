"""Records of observations, transitions and camera frames."""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mbrl_ros.core.spaces import FloatArray

#: Encodings of a frame; the first is lossless.
ENCODINGS = ("png", "jpeg")


@dataclass(frozen=True)
class Observation:
    """The plant's measurement at the start of a control step, and the step that led to it.

    The fields of ``msg/Observation``; not validated.

    Attributes:
        episode: counts resets, from 0.
        step: control steps since the reset, from 0.
        values: shape ``(O,)``, SI units.
        action: in effect from the previous observation to this one, or at the start of the episode;
            shape ``(A,)``, SI units; empty: not reported. A delay of the motors is not included.
        action_step: the step whose observation that action answered; -1: none, or the safe command.
        reward: of the step that led here; NaN: none.
        terminated: the task ended here.
        truncated: the episode was cut off here.
        stamp: when the values were read, on the plant's clock [ns].
        received: time of reception on ``time.monotonic`` [s]; NaN: irrelevant.
        images: of the same step by camera, as models see them, RGB, shape ``(side, side, 3)``,
            uint8; empty: none are observed, or they did not come.
    """

    episode: int
    step: int
    values: FloatArray
    action: FloatArray = field(default_factory=lambda: np.empty(0))
    action_step: int = -1
    reward: float = math.nan
    terminated: bool = False
    truncated: bool = False
    stamp: int = 0
    received: float = math.nan
    images: Mapping[str, NDArray[np.uint8]] = field(default_factory=dict)

    @property
    def ended(self) -> bool:
        """Whether the next observation belongs to a new episode."""
        return self.terminated or self.truncated

    @property
    def time(self) -> float:
        """When the values were read, on the plant's clock [s]."""
        return 1e-9 * self.stamp


class Actor(enum.IntEnum):
    """Whose action was applied: the constants of ``msg/Transition``."""

    UNKNOWN = 0
    CONTROLLER = 1
    PERSON = 2
    GUARD = 3
    FALLBACK = 4


@dataclass(frozen=True)
class Transition:
    """One control step: the fields of ``msg/Transition``; not validated.

    Attributes:
        observation: at the start of the step; shape ``(O,)``, SI units.
        action: applied during the step; shape ``(A,)``, SI units.
        next_observation: at the end of the step; shape ``(O,)``, SI units.
        episode: counts resets.
        step: of ``observation``, within its episode.
        reward: of the step; NaN: none.
        terminated: the task ended at ``next_observation``.
        truncated: the episode was cut off at ``next_observation``.
        stamp: when ``next_observation`` was read [ns]; 0: unknown.
        previous_action: in effect before the step; shape ``(A,)``, SI units; None: unknown.
        source: whose action it was.
    """

    observation: ArrayLike
    action: ArrayLike
    next_observation: ArrayLike
    episode: int
    step: int
    reward: float = math.nan
    terminated: bool = False
    truncated: bool = False
    stamp: int = 0
    previous_action: ArrayLike | None = None
    source: Actor = Actor.UNKNOWN


@dataclass(frozen=True)
class Frame:
    """A camera image at a control step: the fields of ``msg/Frame``; not validated.

    Attributes:
        episode: of the observation it belongs to.
        step: of the observation it belongs to.
        camera: name of the camera.
        encoding: of ``data``, one of `ENCODINGS`.
        width: of the image [pixels].
        height: of the image [pixels].
        data: the encoded image, RGB with 8 bits per channel.
        stamp: when the image was taken, on the plant's clock [ns].
    """

    episode: int
    step: int
    camera: str
    encoding: str
    width: int
    height: int
    data: bytes = field(repr=False)
    stamp: int = 0


@dataclass(frozen=True)
class PlanGains:
    """The start of a plan with feedback around it: the fields of ``msg/PlanGains``.

    While action i acts, a plant in the state x is best given ``actions[i] + gains[i] (x -
    states[i])``, for small deviations.

    Attributes:
        episode: of the observation planned from.
        step: of the same.
        acts: control step from which on the first action is expected to act.
        states: observations expected from there on, shape ``(S + 1, O)``, SI units.
        actions: shape ``(S, A)``, SI units.
        gains: shape ``(S, A, O)``.
    """

    episode: int
    step: int
    acts: int
    states: FloatArray
    actions: FloatArray
    gains: FloatArray


def finite_reward(reward: float) -> float:
    """Return a reward; NaN if it is not finite, as where there is none."""
    return float(reward) if math.isfinite(reward) else math.nan


def add_reward(total: float, reward: float) -> float:
    """Return a sum of rewards with a further one, which is left out unless it is finite.

    Args:
        total: of the rewards before; NaN: there was none.
        reward: of a step.
    """
    if not math.isfinite(reward):
        return total
    return float(reward) if math.isnan(total) else total + reward
