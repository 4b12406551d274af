"""Conversion of messages, from a node or a bag, to records."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np

from mbrl_ros.core.limits import LIVE, LimitSettings
from mbrl_ros.core.records import Actor, Frame, Observation, PlanGains, Transition
from mbrl_ros.core.settings import build, flat
from mbrl_ros.core.spaces import Space


def read_observation(message: Any, received: float = math.nan) -> Observation:
    """Convert a ``msg/Observation``.

    Args:
        message: as received.
        received: time of reception on ``time.monotonic`` [s].
    """
    return Observation(
        message.episode,
        message.step,
        np.asarray(message.values, dtype=np.float64),
        np.asarray(message.action, dtype=np.float64),
        message.action_step,
        message.reward,
        message.terminated,
        message.truncated,
        nanoseconds(message.header.stamp),
        received,
    )


def read_transition(message: Any) -> Transition:
    """Convert a ``msg/Transition``."""
    return Transition(
        message.observation,
        message.action,
        message.next_observation,
        message.episode,
        message.step,
        message.reward,
        message.terminated,
        message.truncated,
        nanoseconds(message.header.stamp),
        # Older bags have no such field.
        previous if len(previous := getattr(message, "previous_action", ())) else None,
        actor_of(getattr(message, "source", Actor.UNKNOWN)),
    )


def actor_of(number: int) -> Actor:
    """Return whose action a number stands for; that of a later version is unknown."""
    return Actor(number) if number in set(Actor) else Actor.UNKNOWN


def read_frame(message: Any) -> Frame:
    """Convert a ``msg/Frame``; the image stays encoded."""
    return Frame(
        message.episode,
        message.step,
        message.camera,
        message.encoding,
        message.width,
        message.height,
        bytes(message.data),
        nanoseconds(message.header.stamp),
    )


def read_gains(message: Any, observation: Space, action: Space) -> PlanGains:
    """Convert a ``msg/PlanGains``.

    Args:
        message: as received.
        observation: O dimensions.
        action: A dimensions.

    Raises:
        ValueError: if it is not of these spaces, or not of finite numbers.
    """
    o, a = observation.dim, action.dim
    steps = len(message.actions) // a
    shapes = {"states": (steps + 1, o), "actions": (steps, a), "gains": (steps, a, o)}
    found = {}
    for name, shape in shapes.items():
        values = np.array(getattr(message, name), dtype=np.float64)
        if steps == 0 or values.size != math.prod(shape) or not np.isfinite(values).all():
            raise ValueError(
                f"plan_gains: {name}: expected finite numbers of shape {shape}, with one step or "
                f"more, got {values.size} numbers"
            )
        found[name] = values.reshape(shape)
    return PlanGains(message.episode, message.step, message.acts, **found)


def read_limits(message: Any, limits: LimitSettings) -> LimitSettings:
    """Convert a ``msg/Limits``.

    Args:
        message: as received.
        limits: of the task; what the message does not tell is theirs.

    Raises:
        ValueError: naming the parameter that does not fit.
    """
    told = {name: list(getattr(message, name)) for name in LIVE}
    return build(LimitSettings, {**flat(limits), **told}, "limits")


def signed_content(update: Any) -> bytes:
    """Return what the signature of a ``msg/ModelUpdate`` is of: all but its header.

    The hash of each part stands for its weights; who unpacks them compares the two.
    """
    told = {
        "run": update.run,
        "epoch": int(update.epoch),
        "sequence": int(update.sequence),
        "transitions": int(update.transitions),
        "holdout_error": float(update.holdout_error),
        "kind": update.kind,
        "settings": update.settings,
        "parts": sorted((part.name, part.sha256) for part in update.parts),
    }
    return json.dumps(told, sort_keys=True).encode()


def nanoseconds(stamp: Any) -> int:
    """Return a ``builtin_interfaces/Time`` in nanoseconds."""
    return int(stamp.sec) * 10**9 + int(stamp.nanosec)
