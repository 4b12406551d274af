"""Parameters shared by all nodes of a system: the task's spaces and its timing."""

from __future__ import annotations

import math
from dataclasses import dataclass

from mbrl_ros.core.limits import LimitSettings
from mbrl_ros.core.prior import PriorSettings
from mbrl_ros.core.settings import group, setting
from mbrl_ros.core.spaces import Space


@dataclass(frozen=True)
class ObservationSettings:
    """The observation vector."""

    names: list[str] = setting([], "name of each observation dimension, in order")
    low: list[float] = setting([], "lower limit of each dimension [SI]; empty: none")
    high: list[float] = setting([], "upper limit of each dimension [SI]; empty: none")
    angles: list[str] = setting([], "names of dimensions that are angles [rad] and wrap")
    discrete: list[str] = setting(
        [], "names of dimensions that take integers only, from low to high, such as a cell's number"
    )
    images: list[str] = setting(
        [], "cameras whose frames are observed too, for kinds of models that see; one at each step"
    )
    image_size: int = setting(
        64, "side of the images that models see [pixels], 64, 48 or 32: the frame's middle square"
    )


@dataclass(frozen=True)
class ActionSettings:
    """The action vector."""

    names: list[str] = setting([], "name of each action dimension, in order")
    low: list[float] = setting([], "lower limit of each dimension [SI]")
    high: list[float] = setting([], "upper limit of each dimension [SI]")
    discrete: list[str] = setting(
        [], "names of dimensions that take integers only, from low to high"
    )


SAFE_COMMANDS = ("zero", "hold", "damp", "values")


@dataclass(frozen=True)
class TaskSettings:
    """Parameters below ``/**`` in a parameter file, shared by all nodes."""

    task: str = setting("", "name of the task")
    learner: str = setting(
        "ensemble",
        "kind of model to learn, and that the controller accepts: ensemble, "
        "gaussian_process, rssm, tabular, vae_mdn_rnn, or a kind of your own as module:attribute",
    )
    trainer: str = setting(
        "",
        "namespace of a fleet's trainer, such as /fleet, that learns for this robot, too; empty: "
        "it has one of its own",
    )
    seed: int = setting(0, "seed of all randomness in the run", low=0, high=2**31 - 1)
    run_dir: str = setting("", "folder for the run's output; empty: no output")
    period: float = setting(0.04, "control period in plant time [s]", low=1e-4, high=10.0)
    real_time_factor: float = setting(
        1.0, "plant seconds per wall second, in real time", low=0.01, high=100.0
    )
    lock_step: bool = setting(
        False, "the plant waits for the action that answers its observation, without deadlines"
    )
    safe_command: str = setting(
        "zero",
        "action in case of e-stop, no fresh command, a bad observation, or shutdown: zero; hold "
        "(the last one applied, for actions that are positions); damp (against the velocity of "
        "each action); values (always safe_values); or a feedback law of your own, from an "
        "observation to an action, as module:attribute",
    )
    safe_fallback: str = setting(
        "zero",
        "for a law of your own: what is sent where the law fails, the observation is not known or, "
        "in real time, no answer comes within half a period, at least 10 ms and at most 0.1 s; "
        "zero, hold, damp or values",
        choices=SAFE_COMMANDS,
    )
    safe_values: list[float] = setting(
        [],
        "for values: the action [its units]; for hold: the action before the plant has reported "
        "one, if not zero",
    )
    safe_velocities: list[str] = setting(
        [], "for damp: the observation dimension that is the velocity of each action dimension"
    )
    safe_damping: float = setting(
        1.0, "for damp: action per velocity [action unit / (rad/s or m/s)]", low=0.0
    )
    observation: ObservationSettings = group(ObservationSettings)
    action: ActionSettings = group(ActionSettings)
    limits: LimitSettings = group(LimitSettings)
    prior: PriorSettings = group(PriorSettings)

    def observation_space(self) -> Space:
        """Return the observation's space.

        Raises:
            ValueError: naming the parameter that does not fit.
        """
        return _space("observation", self.observation)

    def action_space(self) -> Space:
        """Return the action's space, whose limits are finite.

        Raises:
            ValueError: naming the parameter that does not fit.
        """
        a = self.action
        if not (len(a.low) == len(a.high) == len(a.names)):
            raise ValueError(
                f"action.low and action.high: expected {len(a.names)} values each, "
                f"got {len(a.low)} and {len(a.high)}"
            )
        for field, values in (("low", a.low), ("high", a.high)):
            if not all(map(math.isfinite, values)):
                raise ValueError(f"action.{field}: expected finite limits, got {values}")
        return _space("action", a)


def _space(what: str, told: ObservationSettings | ActionSettings) -> Space:
    if not told.names:
        raise ValueError(
            f"{what}.names: expected at least one name, got none: is the task's parameter file "
            "given (--ros-args --params-file FILE)?"
        )
    try:
        return Space.of(**vars(told))
    except ValueError as error:
        raise ValueError(f"{what}.{error}") from None
