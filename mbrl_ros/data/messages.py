"""Conversion of messages, from a node or a bag, to records."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mbrl_ros.core.records import Frame, Observation, Transition


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
    )


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


def nanoseconds(stamp: Any) -> int:
    """Return a ``builtin_interfaces/Time`` in nanoseconds."""
    return int(stamp.sec) * 10**9 + int(stamp.nanosec)
