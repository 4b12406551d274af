"""Orientations of ROS messages: unit quaternions with x, y, z and w."""

from __future__ import annotations

import math
from typing import Any

# Tolerance of a quaternion's length; a message that nobody filled in has zeros.
_TOLERANCE = 0.1


def roll(quaternion: Any) -> float:
    """Return the angle around x of a rotation z, y', x'' [rad]; REP-103."""
    x, y, z, w = _unit(quaternion)
    return math.atan2(2 * (w * x + y * z), 1 - 2 * (x * x + y * y))


def pitch(quaternion: Any) -> float:
    """Return the angle around y of a rotation z, y', x'' [rad], from -pi/2 to pi/2."""
    x, y, z, w = _unit(quaternion)
    return math.asin(max(-1.0, min(1.0, 2 * (w * y - z * x))))


def yaw(quaternion: Any) -> float:
    """Return the angle around z of a rotation z, y', x'' [rad]."""
    x, y, z, w = _unit(quaternion)
    return math.atan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z))


def rotation6d(quaternion: Any) -> tuple[float, ...]:
    """Return the first two columns of the rotation matrix, which are continuous.

    Zhou et al. 2019, On the Continuity of Rotation Representations in Neural Networks.
    """
    x, y, z, w = _unit(quaternion)
    return (
        1 - 2 * (y * y + z * z),
        2 * (x * y + w * z),
        2 * (x * z - w * y),
        2 * (x * y - w * z),
        1 - 2 * (x * x + z * z),
        2 * (y * z + w * x),
    )


def _unit(quaternion: Any) -> tuple[float, float, float, float]:
    try:
        parts = [float(getattr(quaternion, axis)) for axis in "xyzw"]
    except AttributeError:
        raise ValueError("expected a quaternion, with x, y, z and w") from None
    length = math.hypot(*parts)
    if not abs(length - 1.0) <= _TOLERANCE:
        raise ValueError(f"expected a unit quaternion, got one of length {length:.3g}")
    x, y, z, w = (part / length for part in parts)
    return x, y, z, w
