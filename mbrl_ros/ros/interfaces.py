"""Message and service classes, by one import for both runtimes.

``from mbrl_ros.ros.interfaces import Observation, Reset, Header`` gives the classes that
rosidl generated where ROS 2 is in use, and classes built from the same files otherwise.
"""

import importlib
import json
import re
from pathlib import Path
from typing import Any

from mbrl_ros.ros import RUNTIME

#: What can be imported by its short name.
_SHORT_NAMES = {
    name.rpartition("/")[2]: name
    for name in (
        "mbrl_ros/msg/Action",
        "mbrl_ros/msg/ControllerStatus",
        "mbrl_ros/msg/Frame",
        "mbrl_ros/msg/ModelPart",
        "mbrl_ros/msg/ModelUpdate",
        "mbrl_ros/msg/Goal",
        "mbrl_ros/msg/GoalSequence",
        "mbrl_ros/msg/Objective",
        "mbrl_ros/msg/Observation",
        "mbrl_ros/msg/Plan",
        "mbrl_ros/msg/TrainingStatus",
        "mbrl_ros/msg/Transition",
        "mbrl_ros/msg/Waypoint",
        "mbrl_ros/srv/GetTransitions",
        "mbrl_ros/srv/Reset",
        "mbrl_ros/srv/SetObjective",
        "mbrl_ros/srv/Step",
        "mbrl_ros/srv/WhatIf",
        "builtin_interfaces/msg/Duration",
        "builtin_interfaces/msg/Time",
        "diagnostic_msgs/msg/DiagnosticArray",
        "diagnostic_msgs/msg/DiagnosticStatus",
        "diagnostic_msgs/msg/KeyValue",
        "geometry_msgs/msg/Point",
        "geometry_msgs/msg/Pose",
        "geometry_msgs/msg/PoseStamped",
        "geometry_msgs/msg/Quaternion",
        "geometry_msgs/msg/Twist",
        "geometry_msgs/msg/TwistStamped",
        "geometry_msgs/msg/Vector3",
        "geometry_msgs/msg/WrenchStamped",
        "lifecycle_msgs/msg/State",
        "lifecycle_msgs/msg/TransitionEvent",
        "lifecycle_msgs/srv/ChangeState",
        "lifecycle_msgs/srv/GetAvailableTransitions",
        "lifecycle_msgs/srv/GetState",
        "nav_msgs/msg/Odometry",
        "rcl_interfaces/msg/Log",
        "rcl_interfaces/msg/ParameterEvent",
        "rcl_interfaces/srv/DescribeParameters",
        "rcl_interfaces/srv/GetParameters",
        "rcl_interfaces/srv/ListParameters",
        "rcl_interfaces/srv/SetParameters",
        "rcl_interfaces/srv/SetParametersAtomically",
        "rosgraph_msgs/msg/Clock",
        "sensor_msgs/msg/Image",
        "sensor_msgs/msg/Imu",
        "sensor_msgs/msg/JointState",
        "std_msgs/msg/Bool",
        "std_msgs/msg/Empty",
        "std_msgs/msg/Float64",
        "std_msgs/msg/Float64MultiArray",
        "std_msgs/msg/Header",
        "std_msgs/msg/Int64",
        "std_msgs/msg/String",
        "std_msgs/msg/UInt64",
        "std_srvs/srv/SetBool",
        "std_srvs/srv/Trigger",
        "trajectory_msgs/msg/JointTrajectory",
        "trajectory_msgs/msg/JointTrajectoryPoint",
    )
}
_PRIMITIVE = re.compile(
    r"(bool|byte|char|u?int(8|16|32|64)|float(32|64)|w?string)(<=\d+)?(\[.*\])?$"
)
_SEPARATOR = "=" * 80

__all__ = ["definition", "interface", "interface_name", "type_hash"]


def __getattr__(name: str) -> Any:
    if name not in _SHORT_NAMES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    found = interface(_SHORT_NAMES[name])
    globals()[name] = found
    return found


def interface(name: str) -> Any:
    """Return the class of a message or service, by its full name.

    Args:
        name: such as ``mbrl_ros/msg/Observation`` or ``std_srvs/srv/Trigger``.

    Raises:
        LookupError: if it is unknown, or its package is not installed.
    """
    package, kind, stem = _parts(name)
    if RUNTIME == "embedded":
        from mbrl_ros.ros.embedded.messages import message_class, service_class

        return message_class(name) if kind == "msg" else service_class(name)
    try:
        return getattr(importlib.import_module(f"{package}.{kind}"), stem)
    except (ImportError, AttributeError) as error:
        raise LookupError(f"unknown interface '{name}': {error}") from None


def interface_name(interface_class: Any) -> str:
    """Return the full name of a message or service class."""
    package, kind = interface_class.__module__.split(".")[:2]
    return f"{package}/{kind}/{interface_class.__name__}"


def _parts(name: str) -> list[str]:
    parts = name.split("/")
    if len(parts) != 3 or parts[1] not in ("msg", "srv") or not all(parts):
        raise LookupError(f"'{name}' is no interface name such as std_msgs/msg/String")
    return parts


def _share_file(name: str, suffix: str) -> Path:
    from ament_index_python.packages import get_package_share_directory

    package, kind, stem = _parts(name)
    return Path(get_package_share_directory(package)) / kind / f"{stem}.{suffix}"


def _text(name: str) -> str:
    if RUNTIME == "embedded":
        from mbrl_ros.ros.embedded.definitions import text_of

        return text_of(name)
    try:
        return _share_file(name, "msg").read_text(encoding="utf-8")
    except (OSError, LookupError) as error:
        raise LookupError(f"no definition of '{name}': {error}") from None


def _dependencies(name: str, text: str) -> list[str]:
    """Return the full names of the messages that a definition uses, in order."""
    found = []
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        if not words or _PRIMITIVE.match(words[0]):
            continue
        base = words[0].partition("[")[0]
        parts = base.split("/")
        package = parts[0] if len(parts) > 1 else name.split("/")[0]
        found.append(f"{package}/msg/{parts[-1]}")
    return list(dict.fromkeys(found))


def definition(name: str) -> str:
    """Return the text of a message with those of all it contains, as bags want it.

    Raises:
        LookupError: if it is unknown.
    """
    texts = {name: _text(name)}
    waiting = _dependencies(name, texts[name])
    while waiting:
        inner = waiting.pop(0)
        if inner not in texts:
            texts[inner] = _text(inner)
            waiting += _dependencies(inner, texts[inner])
    first, *others = texts
    parts = [texts[first]]
    for other in others:
        parts.append(f"{_SEPARATOR}\nMSG: {other.replace('/msg/', '/')}\n{texts[other]}")
    return "\n".join(part.rstrip("\n") for part in parts) + "\n"


def type_hash(name: str) -> str:
    """Return the RIHS01 hash of a message, "" on releases before Iron, which have none.

    Raises:
        LookupError: if the message is unknown.
    """
    if RUNTIME == "embedded":
        from mbrl_ros.ros.embedded.definitions import hash_of

        return hash_of(name)
    interface(name)
    try:
        hashes = json.loads(_share_file(name, "json").read_text(encoding="utf-8"))["type_hashes"]
    except (OSError, KeyError):
        return ""
    return next(entry["hash_string"] for entry in hashes if entry["type_name"] == name)
