"""Quality of service compatible with existing endpoints."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from mbrl_ros.ros import DurabilityPolicy, QoSProfile, ReliabilityPolicy

_LATCHED, _RELIABLE = DurabilityPolicy.TRANSIENT_LOCAL, ReliabilityPolicy.RELIABLE
_DEPTH = 100


def to_hear(publishers: list[Any], arguments: argparse.Namespace) -> QoSProfile:
    """Return the strictest QoS compatible with every publisher.

    Args:
        publishers: endpoint information.
        arguments: with the user's choices.
    """
    profiles = [publisher.qos_profile for publisher in publishers]
    reliable = [profile.reliability == _RELIABLE for profile in profiles]
    latched = [profile.durability == _LATCHED for profile in profiles]
    for offered, name, given in (
        (reliable, "reliable", arguments.qos_reliability),
        (latched, "transient local", arguments.qos_durability),
    ):
        if any(offered) and not all(offered) and not given:
            print(f"WARNING: some, but not all, publishers are {name}", file=sys.stderr)
    # Without publishers, a QoS that is compatible with every publisher.
    return _profile(arguments, bool(reliable) and all(reliable), bool(latched) and all(latched))


def to_be_heard(subscriptions: list[Any], arguments: argparse.Namespace) -> QoSProfile:
    """Return a QoS compatible with every subscription.

    Args:
        subscriptions: endpoint information.
        arguments: with the user's choices.
    """
    latched = any(end.qos_profile.durability == _LATCHED for end in subscriptions)
    return _profile(arguments, True, latched)


def _profile(arguments: argparse.Namespace, reliable: bool, latched: bool) -> QoSProfile:
    if arguments.qos_reliability:
        reliable = arguments.qos_reliability == "reliable"
    if arguments.qos_durability:
        latched = arguments.qos_durability == "transient_local"
    return QoSProfile(
        depth=arguments.qos_depth or _DEPTH,
        reliability=_RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
        durability=_LATCHED if latched else DurabilityPolicy.VOLATILE,
    )
