"""Settings of the bridge to a robot."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from mbrl_ros.core.settings import SettingsError, group, setting

RELIABILITIES = ("best_effort", "reliable")


@dataclass(frozen=True)
class SourceSettings:
    """A topic of the robot that is heard."""

    topic: str = setting("", "its name")
    type: str = setting("", "of its messages, such as sensor_msgs/msg/JointState")
    rate: float = setting(
        0.0, "messages per second; 0: at least one in each control period", low=0.0, high=1e5
    )
    max_age: float = setting(
        0.0,
        "age from which on it counts as missing [s]; 0: 2.5 times the time between two messages, "
        "at least 0.1 s",
        low=0.0,
        high=1e5,
    )
    reliability: str = setting(
        RELIABILITIES[0],
        "best_effort hears every publisher; reliable does not hear those that are best effort",
        choices=RELIABILITIES,
    )

    def expected_rate(self, period: float) -> float:
        """Return the lowest rate at a control period [Hz]."""
        return self.rate or 1.0 / period

    def oldest(self, period: float) -> float:
        """Return the age from which on it counts as missing, at a control period [s]."""
        return self.max_age or max(0.1, 2.5 / self.expected_rate(period))


@dataclass(frozen=True)
class CommandSettings:
    """A topic of the robot that is commanded."""

    topic: str = setting("", "its name")
    type: str = setting("", "of its messages, such as std_msgs/msg/Float64MultiArray")
    send: list[str] = setting(
        [], "its fields, such as data[0] = 10 * motor; the names are those of the actions"
    )


@dataclass(frozen=True)
class BridgeSettings:
    """Parameters of the node robot_bridge, besides those of each source and each command."""

    sources: list[str] = setting(
        [],
        "names of the topics that are heard, each with its parameters; control steps begin with "
        "messages of the first one, if they come often enough",
    )
    cameras: list[str] = setting(
        [],
        "names of observation.images, each with its parameters: topics of type "
        "sensor_msgs/msg/Image (rgb8, bgr8, mono8) or CompressedImage (jpeg, png)",
    )
    commands: list[str] = setting(
        [], "names of the topics that are commanded, each with its parameters"
    )
    observe: list[str] = setting(
        [],
        "what each observation dimension is, such as pole_cos = cos(joints.position[pole]), after "
        "the name of a source",
    )
    applied: list[str] = setting(
        [],
        "which actions really are in effect, where the robot tells: as observe, for each action; "
        "empty: what was sent",
    )
    resting: list[str] = setting(
        [],
        "the actions that keep the robot as it is when an episode begins, such as shoulder = "
        "joints.position[shoulder]; empty: those in effect, or else the safe command",
    )
    reward: str = setting("", "reward of a step, as a formula like those of observe; empty: none")
    ends: str = setting(
        "",
        "condition on observation dimensions that ends an episode as terminated, such as "
        "abs(cart_position) > 1.7; empty: never",
    )
    begins: str = setting(
        "",
        "condition on observation dimensions for the next episode to begin; until it holds, the "
        "safe command is sent, before the first one and after reset_service nothing; empty: at "
        "once",
    )
    time_limit: float = setting(
        0.0, "time until an episode is cut off [s]; 0: never", low=0.0, high=1e6
    )
    reset_service: str = setting(
        "",
        "the robot's own service of type std_srvs/srv/Trigger that brings it back between two "
        "episodes; until the next one begins, nothing is sent; empty: none",
    )
    feedback: bool = setting(
        False,
        "whether what a person pays on the topic feedback (std_msgs/Float64), as with teleop's "
        "buttons, is added to the reward of the step in which it comes; steps without are paid 0",
    )
    command_timeout: float = setting(
        0.0, "maximum age of a command [s]; 0: 2.5 periods, at least 0.1 s", low=0.0, high=100.0
    )
    inner_loop: float = setting(
        0.0,
        "how often the plan's feedback corrects the command between two control steps, at most and "
        "with messages of the first source [1/s]; 0: never",
        low=0.0,
        high=1e4,
    )

    @property
    def heard(self) -> tuple[str, ...]:
        """The names of all topics that are heard."""
        return (*self.sources, *self.cameras)

    def oldest_command(self, period: float) -> float:
        """Return the maximum age of a command at a control period [s]."""
        return self.command_timeout or max(0.1, 2.5 * period)


@dataclass(frozen=True)
class TeleopSettings:
    """Parameters of the node teleop, besides those of each source.

    Conditions are formulas of the sources, such as pad.buttons[0] or pad.axes[2] < -0.5: they hold
    while they are true, or not zero.
    """

    sources: list[str] = setting(
        [], "names of the topics that are heard, each with its parameters, such as a joystick's"
    )
    actions: list[str] = setting(
        [],
        "what a person commands, for each action, such as motor = 0.5 * pad.axes[1]; empty: "
        "nothing",
    )
    held: str = setting(
        "",
        "condition while which a person commands, such as a dead-man button; 1: whenever messages "
        "come",
    )
    good: str = setting("", "condition that is a reward of 1 as it begins to hold; empty: none")
    bad: str = setting("", "condition that is a reward of -1 as it begins to hold; empty: none")
    reset: str = setting("", "condition that ends the episode as it begins to hold; empty: none")
    stop: str = setting("", "condition that is an e-stop; empty: none")
    reset_service: str = setting(
        "robot_bridge/reset", "the plant's service of type mbrl_ros/srv/Reset, for reset"
    )


def with_topics(
    base: type[Any], groups: Mapping[str, type[Any]], values: Mapping[str, Any]
) -> type[Any]:
    """Return settings with a group of their own for each topic.

    Args:
        base: the settings without these groups.
        groups: the parameters that list topics, each with the settings of one of them.
        values: flat parameters, of which these lists count.

    Raises:
        SettingsError: if a name is invalid, or given twice.
    """
    taken = {field.name for field in dataclasses.fields(base)}
    topics: list[tuple[str, type[Any]]] = []
    for parameter, own in groups.items():
        names = values.get(parameter, [])
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise SettingsError(f"parameter '{parameter}': expected a list of str, got {names!r}")
        for name in names:
            if not name.isidentifier() or name in taken:
                raise SettingsError(
                    f"parameter '{parameter}': expected names of letters, digits and _, each once "
                    f"and none that is a parameter, got '{name}'"
                )
            taken.add(name)
            topics.append((name, own))
    of: Any = base  # mypy does not take a class for hashable
    made: type[Any] = _made(of, tuple(topics))
    return made


# One class for the same names: results derived from a class are cached with it.
@lru_cache(maxsize=64)
def _made(base: Any, topics: tuple[tuple[str, Any], ...]) -> Any:
    groups: list[Any] = [(name, own, group(own)) for name, own in topics]
    return dataclasses.make_dataclass(base.__name__, groups, bases=(base,), frozen=True)


def bridge_settings(values: Mapping[str, Any]) -> type[BridgeSettings]:
    """Return the settings of the bridge, with a group for each of its sources and commands.

    Args:
        values: its flat parameters.

    Raises:
        SettingsError: if a name of them is invalid, or given twice.
    """
    groups = {"sources": SourceSettings, "cameras": SourceSettings, "commands": CommandSettings}
    return with_topics(BridgeSettings, groups, values)


def teleop_settings(values: Mapping[str, Any]) -> type[TeleopSettings]:
    """Return the settings of teleop, with a group for each of its sources.

    Args:
        values: its flat parameters.

    Raises:
        SettingsError: if a name of them is invalid, or given twice.
    """
    return with_topics(TeleopSettings, {"sources": SourceSettings}, values)


def check_topics(settings: Any, names: Iterable[str]) -> None:
    """Check that topic and type of sources and commands are given.

    Raises:
        SettingsError: naming what is missing.
    """
    for name in names:
        own = getattr(settings, name)
        for field, example in (("topic", "joint_states"), ("type", "sensor_msgs/msg/JointState")):
            if not getattr(own, field):
                raise SettingsError(f"{name}.{field}: expected one, such as {example}, got nothing")
