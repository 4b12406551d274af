"""Topic metadata of bags: definition, hash and offered QoS."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from mbrl_ros.core.resources import resource_directory

# rosbag2's representation of an unlimited duration.
_INFINITE = {"sec": 9223372036, "nsec": 854775807}


@dataclass(frozen=True)
class Topic:
    """One topic of a bag.

    Attributes:
        name: absolute, such as ``/observation``.
        type: such as ``mbrl_ros/msg/Observation``.
        definition: the type as ros2msg text, with all nested types.
        hash: the type's ROS 2 hash, ``RIHS01_...``; empty if ROS 2 has none.
        latched: offered as transient local, so that a late subscriber gets the last message.
    """

    name: str
    type: str
    definition: str
    hash: str
    latched: bool = False


@cache
def typestore() -> Typestore:
    """Return the standard ROS 2 messages and this package's own."""
    store = get_typestore(Stores.ROS2_JAZZY)
    types: dict[str, Any] = {}
    for path in sorted(resource_directory("msg").glob("*.msg")):
        text = path.read_text(encoding="utf-8")
        types.update(get_types_from_msg(text, f"mbrl_ros/msg/{path.stem}"))
    store.register(types)
    return store


def offered_qos(latched: bool) -> str:
    """Return the QoS that a playback offers, as the YAML of rosbag2 version 9.

    Reliable, whatever the recorded publisher offered: it is compatible with all subscribers.
    """
    profile = {
        "history": "keep_last",
        "depth": 1 if latched else 10,
        "reliability": "reliable",
        "durability": "transient_local" if latched else "volatile",
        "deadline": dict(_INFINITE),
        "lifespan": dict(_INFINITE),
        "liveliness": "automatic",
        "liveliness_lease_duration": dict(_INFINITE),
        "avoid_ros_namespace_conventions": False,
    }
    return yaml.safe_dump([profile], sort_keys=False)
