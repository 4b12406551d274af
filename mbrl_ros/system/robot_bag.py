"""Transitions of a bag that was recorded on a robot's own topics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mbrl_ros.core.settings import SettingsError, build
from mbrl_ros.core.task import TaskSettings
from mbrl_ros.data.bags import read_messages, types_in
from mbrl_ros.data.pairing import TransitionPairer
from mbrl_ros.data.streaming import BagError
from mbrl_ros.data.transitions import Transitions
from mbrl_ros.robot.fields import FindClass
from mbrl_ros.robot.recorded import RecordedRobot, observations
from mbrl_ros.robot.settings import BridgeSettings
from mbrl_ros.safety.safe_command import SafeCommand
from mbrl_ros.system.configuration import Configuration
from mbrl_ros.system.launch_kinds import BRIDGE

# Control steps begin with commands that come at this share of the control rate or faster.
_OFTEN = 0.8


@dataclass
class RobotLog:
    """What was made of a robot's bag.

    Attributes:
        log: the transitions.
        without: why control steps have no observation, or commands are no actions; how often.
        skipped: why observations have no transition; see `TransitionPairer`.
    """

    log: Transitions
    without: Counter[str]
    skipped: Counter[str]


def read_robot_bag(path: Path, configuration: Configuration, find: FindClass) -> RobotLog:
    """Pair what was recorded on a robot's own topics, as its bridge does.

    Args:
        path: of the bag, of any storage of rosbag2.
        configuration: of the robot's task.
        find: the class of a message by its full name; raises LookupError if there is none.

    Raises:
        SettingsError: if the task is no robot's, or a parameter does not fit.
        BagError: if the bag cannot be read, or lacks what the robot sends or is sent.
    """
    if not configuration.nodes.get(BRIDGE):
        raise SettingsError(f"--robot: expected a task with parameters of {BRIDGE}, got none")
    task = build(TaskSettings, configuration.shared)
    settings: BridgeSettings = configuration.build(BRIDGE)
    if settings.cameras:
        cameras = ", ".join(settings.cameras)
        raise SettingsError(
            f"--robot: pictures are not imported: expected no cameras, got {cameras}"
        )
    robot = RecordedRobot(task, settings, find)
    topics = _topics(path, settings, robot, configuration.namespace)
    leader = _leader(path, robot, topics)
    log = Transitions(task.observation_space(), task.action_space())
    pairer = TransitionPairer(
        log.observation_space, log.action_space, SafeCommand.of(task).resting, task.period
    )
    for seen in observations(robot, _messages(path, topics), leader):
        if (transition := pairer.feed(seen)) is not None:
            log.append(transition)
    return RobotLog(log, robot.without, pairer.skipped)


def _topics(
    path: Path, settings: BridgeSettings, robot: RecordedRobot, namespace: str
) -> dict[str, list[str]]:
    """Return the names of sources and commands by the bag's topics.

    Raises:
        BagError: naming what is not in the bag.
    """
    there = types_in(path)
    found: dict[str, list[str]] = {}
    for name in (*settings.sources, *robot.commands):
        own = getattr(settings, name)
        topic = own.topic if own.topic.startswith("/") else f"{namespace.rstrip('/')}/{own.topic}"
        if there.get(topic) != own.type:
            holds = ", ".join(f"{t} ({kind})" for t, kind in sorted(there.items())) or "nothing"
            raise BagError(
                f"{path}: {name}: expected messages of type {own.type} on {topic}, it holds {holds}"
            )
        found.setdefault(topic, []).append(name)
    return found


def _leader(path: Path, robot: RecordedRobot, topics: dict[str, list[str]]) -> str:
    """Return whose messages control steps begin with: commands, if they come often enough."""
    first = next(iter(robot.listener.sources))
    for command in robot.commands[:1]:
        topic = next(topic for topic, names in topics.items() if command in names)
        times = np.array([time for _, time, _ in read_messages(path, topics=[topic])])
        if len(times) > 1 and _OFTEN * np.median(np.diff(times)) <= 1e9 * robot.period:
            return command
    return first


def _messages(path: Path, topics: dict[str, list[str]]) -> Iterator[tuple[str, Any, int]]:
    for topic, time, message in read_messages(path, topics=list(topics)):
        for name in topics[topic]:
            yield name, message, time
