"""The launch descriptions for `ros2 launch`, built from the same data as `mbrl-ros launch`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from ament_index_python.packages import PackageNotFoundError, get_package_prefix
from launch.actions import (
    DeclareLaunchArgument,
    ExecuteProcess,
    LogInfo,
    OpaqueFunction,
    RegisterEventHandler,
    Shutdown,
    TimerAction,
)
from launch.event_handlers import OnProcessExit
from launch.events.process import ProcessExited
from launch_ros.actions import Node

from launch import (  # type: ignore[attr-defined]  # mypy sees our folder of that name
    LaunchContext,
    LaunchDescription,
)
from mbrl_ros.core.resources import resource_directory
from mbrl_ros.core.settings import SettingsError
from mbrl_ros.nodes.runner import dying_with_this_process
from mbrl_ros.ros import RUNTIME
from mbrl_ros.system.configuration import versions_in
from mbrl_ros.system.launch_kinds import MARKERS, MONITOR, REFUSED, LaunchKind
from mbrl_ros.system.launching import System, is_meant, plan

_RESPAWN_DELAY = 0.5
_LINE_PERIOD = 5.0
# Time to stop [s]: the logger finishes its bag, then the monitor writes the report of it.
_TIMEOUTS = {"data_logger": "30", MONITOR: "90"}
_TIMEOUT = "10"


def describe(kind: LaunchKind) -> LaunchDescription:
    """Return the launch description of a kind of system, with its declared arguments."""
    return LaunchDescription(
        [
            *(
                DeclareLaunchArgument(a.name, default_value=a.default, description=a.description)
                for a in kind.arguments
            ),
            OpaqueFunction(function=_start, args=[kind]),
        ]
    )


def describe_graduation() -> LaunchDescription:
    """Return the launch description that runs `mbrl-ros graduate`."""
    told = {
        "task": (None, "a robot or task, as for robot.launch.py"),
        "model": (None, "the checkpoint to graduate"),
        "out": (None, "new or empty folder to write to"),
        "settings": ("", "ranges and thresholds (.yaml); empty: the shipped ones"),
        "standin": ("", "the robot's stand-in (.yaml); empty: that of the same name"),
        "key": ("", "Ed25519 private key (PEM) to sign the stamp with; empty: none"),
        "parameters": ("", "parameters of the nodes, name:=value, with spaces between"),
    }
    arguments = [
        DeclareLaunchArgument(name, default_value=default, description=text)
        for name, (default, text) in told.items()
    ]
    return LaunchDescription([*arguments, OpaqueFunction(function=_graduate, args=[[*told]])])


def _graduate(context: LaunchContext, names: list[str]) -> list[Any]:
    given = {name: context.launch_configurations[name] for name in names}
    task, parameters = given.pop("task"), given.pop("parameters").split()
    options = [f"--{name}={text}" for name, text in given.items() if text]
    # Unlike `ros2`, it is run by the environment's python3.
    command = ["python3", "-m", "mbrl_ros.cli", "graduate", task, *parameters, *options]
    return [ExecuteProcess(cmd=command, output="screen", on_exit=_graduated)]


def _graduated(event: ProcessExited, context: LaunchContext) -> None:
    if event.returncode:
        # An exception ends the launch as a failure.
        raise SettingsError(f"graduate: it did not pass (exit code {event.returncode})")


def _start(context: LaunchContext, kind: LaunchKind) -> list[Any]:
    parent = context.launch_configurations.get("ros_namespace", "")
    system = plan(kind, _given(context, kind), parent)
    viewers = [_rviz(system)] if MARKERS in system.kind.nodes else []
    # Unlike `ros2`, the nodes are run by the environment's python3.
    system.prepare_folder(RUNTIME, versions_in("python3"))
    nodes = [_node(system, name, []) for name in system.kind.nodes]
    actions: list[Any] = [LogInfo(msg=note) for note in system.configuration.notes]
    actions += [*nodes, *viewers, _monitor(system)]
    actions += [
        RegisterEventHandler(OnProcessExit(target_action=node, on_exit=_on_exit)) for node in nodes
    ]
    if system.duration > 0:
        reason = f"{system.duration:g} s are over"
        actions.append(TimerAction(period=system.duration, actions=[Shutdown(reason=reason)]))
    return actions


def _given(context: LaunchContext, kind: LaunchKind) -> dict[str, str]:
    """Return the declared arguments and, of all others, those that are meant for the nodes.

    Launched directly, these are all on the command line. Included by another launch file, that
    one's own are among them.
    """
    given = context.launch_configurations
    if any(Path(word).name == f"{kind.name}.launch.py" for word in sys.argv):
        meant = {word.partition(":=")[0] for word in context.argv}
    else:
        meant = {name for name in given if is_meant(name)}
    meant |= {a.name for a in kind.arguments}
    return {name: text for name, text in given.items() if name in meant}


def _node(system: System, name: str, parameters: list[Any], respawn: bool = True) -> Node:
    return Node(
        package="mbrl_ros",
        executable=name,
        # `ros2 launch` stops nothing when a SIGTERM ends it, as systemd and docker send it.
        arguments=dying_with_this_process(),
        # Where SROS 2 is on, each has the keys of its own name and may do no more than it does.
        ros_arguments=["--enclave", f"{system.namespace.rstrip('/')}/{name}"],
        namespace=system.namespace,
        remappings=system.remappings,
        parameters=[str(system.parameter_file), *parameters],
        output="screen",
        respawn=respawn,
        respawn_delay=_RESPAWN_DELAY,
        sigterm_timeout=_TIMEOUTS.get(name, _TIMEOUT),
    )


def _monitor(system: System) -> Node:
    parameters = {
        **system.monitor_parameters,
        "report": True,
        "line_period": _LINE_PERIOD if system.view != "none" else 0.0,
    }
    return _node(system, MONITOR, [parameters], respawn=False)


def _rviz(system: System) -> Node:
    """Return RViz, with our layout.

    Raises:
        SettingsError: if it is not installed.
    """
    try:
        get_package_prefix("rviz2")
    except PackageNotFoundError:
        name = f"ros-{os.environ.get('ROS_DISTRO', '<distro>')}-rviz2"
        missing = f"rviz2 is not installed: sudo apt install {name}, or leave rviz:=true out"
        raise SettingsError(f"rviz: {missing}") from None
    layout = resource_directory("config") / "layouts" / "mbrl_ros.rviz"
    frame = system.configuration.build(MARKERS).frame
    return Node(
        package="rviz2",
        executable="rviz2",
        arguments=["-d", str(layout), "-f", frame],
        # The layout's topics are relative.
        namespace=system.namespace,
        parameters=[str(system.parameter_file)],
    )


def _on_exit(event: ProcessExited, context: LaunchContext) -> None:
    if event.returncode == REFUSED:
        # If restarted, it would refuse again. An exception ends the launch as a failure.
        raise SettingsError(f"{event.action.node_executable}: refused its configuration")
