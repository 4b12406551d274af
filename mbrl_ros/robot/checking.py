"""What is wrong with a robot's topics, found by listening alone, before anything moves."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mbrl_ros.core.numbers import shown
from mbrl_ros.core.spaces import Space
from mbrl_ros.core.task import TaskSettings
from mbrl_ros.robot.fields import LABELS, Path, class_name, follow
from mbrl_ros.robot.formulas import Formula
from mbrl_ros.robot.images import read_image
from mbrl_ros.robot.network import Endpoint, unheeded, why_unheard
from mbrl_ros.robot.plant import RobotPlant
from mbrl_ros.robot.settings import BridgeSettings
from mbrl_ros.robot.writing import seconds_of

# Stamps that differ more from the time of arrival are of another clock [s].
_SAME_CLOCK = 1.0
# Larger numbers, in SI units, are rather in others.
_LARGE_POSITION, _LARGE_SPEED, _LARGE_TURN = 4 * math.pi, 100.0, 35.0
# Slower than this, position and velocity cannot be compared [unit/s].
_MOVING = 0.05
_DEGREES = 180.0 / math.pi
# The node that may command the robot.
_OURS = "robot_bridge"


@dataclass(frozen=True)
class Finding:
    """Something wrong.

    Attributes:
        text: one line.
        certain: whether it will not work; otherwise it is suspected.
    """

    text: str
    certain: bool = True


@dataclass(frozen=True)
class Graph:
    """Who publishes and who listens.

    Attributes:
        names: of the sources and commands, to their topics' full names.
        publishers: of each of these topics, by source or command.
        subscriptions: the same.
        topics: the full names of all topics there are.
        joints: the joints of the controllers that commands go to, in their order, where known.
    """

    names: Mapping[str, str]
    publishers: Mapping[str, Sequence[Endpoint]]
    subscriptions: Mapping[str, Sequence[Endpoint]]
    topics: Sequence[str]
    joints: Mapping[str, Sequence[str]] = field(default_factory=dict)


class RobotCheck:
    """Listens to a robot.

    Attributes:
        classes: of the messages of each source.
        complete_since: when all sources had been heard; infinite: they have not [s].
    """

    def __init__(self, task: TaskSettings, settings: BridgeSettings, plant: RobotPlant) -> None:
        """Begin to listen.

        Args:
            task: of the robot.
            settings: the bridge's.
            plant: made of both; it is only read.
        """
        self._task, self._settings, self._plant = task, settings, plant
        self._sources = plant.listener.sources
        self.complete_since = math.inf
        self.classes = plant.listener.classes
        self._heard: dict[str, list[tuple[float, Any]]] = {name: [] for name in self._sources}

    def hear(self, name: str, message: Any, now: float) -> None:
        """Take in a message; see `Listener.hear`."""
        self._plant.hear(name, message, now)
        self._heard[name].append((now, message))
        if all(self._heard.values()):
            self.complete_since = min(self.complete_since, now)

    def rates(self, now: float) -> dict[str, float]:
        """Return the rates of all sources; see `Listener.rates`."""
        return self._plant.listener.rates(now)

    def values(self) -> list[tuple[str, float | str, str]]:
        """Return what has been heard of observation dimensions.

        Returns:
            name, value or why there is none, and formula.
        """
        return self._read(self._task.observation.names, self._plant.formulas)

    def _read(
        self, names: Sequence[str], formulas: Sequence[Formula]
    ) -> list[tuple[str, float | str, str]]:
        found: list[tuple[str, float | str, str]] = []
        for name, formula in zip(names, formulas, strict=False):
            if any(self._sources[each].count == 0 for each in formula.names):
                continue
            try:
                value: float | str = float(self._plant.listener.read([formula], -math.inf)[0])
            except ValueError as error:
                value = str(error)
            found.append((name, value, formula.text))
        return found

    def findings(self, graph: Graph, now: float, clock: float) -> list[Finding]:
        """Return all that is wrong.

        Args:
            graph: who publishes and listens.
            now: on the clock of the messages' arrival [s].
            clock: the same time on the clock of stamps [s].
        """
        found = [*self._unheard(graph, now)]
        found += self._unheeded(graph)
        found += self._stamps(now, clock)
        found += self._unreadable()
        found += self._order()
        found += self._controllers(graph.joints)
        found += self._units()
        return list(dict.fromkeys(found))

    def _unheard(self, graph: Graph, now: float) -> Iterator[Finding]:
        problems = self._plant.listener.problems(now)
        for name, source in self._sources.items():
            topic, publishers = graph.names[name], graph.publishers[name]
            if source.count == 0:
                reason = why_unheard(source.settings, topic, publishers, graph.topics)
                yield Finding(f"{name}: {reason}")
            elif problems[name]:
                yield Finding(problems[name])
            if len(publishers) > 1:
                nodes = ", ".join(each.node for each in publishers)
                yield Finding(f"{name}: {nodes} all publish {topic}", certain=False)

    def _unheeded(self, graph: Graph) -> Iterator[Finding]:
        for name in self._settings.commands:
            kind = getattr(self._settings, name).type
            if reason := unheeded(graph.names[name], kind, graph.subscriptions[name]):
                yield Finding(f"{name}: {reason}")
            for other in graph.publishers[name]:
                if other.node.rpartition("/")[2] == _OURS:
                    continue
                text = f"{name}: {other.node} commands {graph.names[name]}, too"
                yield Finding(text, certain=False)

    def _stamps(self, now: float, clock: float) -> Iterator[Finding]:
        for name, heard in self._heard.items():
            if not heard or not hasattr(heard[-1][1], "header"):
                continue
            came, message = heard[-1]
            ahead = seconds_of(message.header.stamp) - (clock - (now - came))
            if abs(ahead) > _SAME_CLOCK:
                way = "ahead" if ahead > 0 else "behind"
                text = f"{name}: its stamps are {abs(ahead):.1f} s {way}, by this machine's clock"
                yield Finding(text, certain=False)

    def _unreadable(self) -> Iterator[Finding]:
        space = self._task.observation_space()
        yield from self._beyond("", self.values(), space, "outside observation.low and high")
        for camera in self._settings.cameras:
            if self._heard[camera]:
                try:
                    read_image(self._heard[camera][-1][1])
                except ValueError as error:
                    yield Finding(f"{camera}: {error}")
        space = self._task.action_space()
        for where, formulas in self._plant.of_actions.items():
            read = self._read(space.names, formulas)
            yield from self._beyond(f"{where}: ", read, space, "outside its limits")

    @staticmethod
    def _beyond(
        where: str, read: Iterable[tuple[str, float | str, str]], space: Space, what: str
    ) -> Iterator[Finding]:
        for name, value, _ in read:
            low, high = (limits[space.index(name)] for limits in (space.low, space.high))
            if isinstance(value, str):
                yield Finding(f"{where}{name}: {value}")
            elif not low <= value <= high:
                text = f"{where}{name} is {value:.4g}, {what} [{shown(low)}, {shown(high)}]"
                yield Finding(text, certain=False)

    def _paths(self) -> Iterator[tuple[str, Path]]:
        """Yield the paths that are read, with the source's class."""
        formulas: list[Formula] = [*self._plant.formulas]
        for more in self._plant.of_actions.values():
            formulas += more
        for path in dict.fromkeys(path for formula in formulas for path in formula.paths):
            yield class_name(self.classes[path.root]), path

    def _order(self) -> Iterator[Finding]:
        for _, path in self._paths():
            heard = self._heard[path.root]
            message = heard[-1][1] if heard else None
            labels = next(
                (list(getattr(message, each)) for each in LABELS if hasattr(message, each)), []
            )
            place = path.steps[-1] if path.steps else None
            if isinstance(place, int) and 0 <= place < len(labels):
                yield Finding(
                    f"{path.text}: depends on the order in the message, {', '.join(labels)}: "
                    f"expected a name in the brackets, such as [{labels[place]}]",
                    certain=False,
                )

    def _controllers(self, joints: Mapping[str, Sequence[str]]) -> Iterator[Finding]:
        """Compare arrays of commands with the joints of the controllers that they go to."""
        for command, names in joints.items():
            formulas = self._plant.writers[command].formulas
            sent = [
                formulas[key] for i in range(len(formulas)) if (key := f"data[{i}]") in formulas
            ]
            if len(sent) != len(names):
                yield Finding(
                    f"{command}: {len(sent)} numbers are sent, expected one for each of the "
                    f"controller's joints, {', '.join(names)}"
                )
                continue
            for i, (name, formula) in enumerate(zip(names, sent, strict=True)):
                others = [k for k, other in enumerate(sent) if k != i and name in other.text]
                if name not in formula.text and others:
                    yield Finding(
                        f"{command}: data[{i}] is {formula.text}, but the controller's joint there "
                        f"is {name}: its order is {', '.join(names)}",
                        certain=False,
                    )

    def _units(self) -> Iterator[Finding]:
        for kind, path in self._paths():
            read = [*_numbers(self._heard[path.root], path)]
            if not read:
                continue
            values = np.array([value for _, value in read])
            if suspicion := _suspicion(kind, path, values):
                yield Finding(f"{path.text} is {values[-1]:.4g}: {suspicion}", certain=False)
            if kind == "sensor_msgs/JointState" and path.steps[:1] == ("position",):
                yield from self._speeds(path, read)
        for name, heard in self._heard.items():
            kind = class_name(self.classes[name])
            used = {path.steps[:1] for _, path in self._paths() if path.root == name}
            if heard and kind == "sensor_msgs/Imu":
                yield from _imu(name, heard[-1][1], used)

    def _speeds(self, path: Path, read: Sequence[tuple[float, float]]) -> Iterator[Finding]:
        """Compare a joint's velocity with how its position changes."""
        text = path.text.replace("position", "velocity", 1)
        velocity = Path(text, path.root, ("velocity", *path.steps[1:]))
        told = [*_numbers(self._heard[path.root], velocity)]
        if len(told) != len(read) or len(read) < 3:
            return
        times, places = np.array(read).T
        speeds = np.array(told)[:, 1]
        with np.errstate(divide="ignore", invalid="ignore"):
            changes = np.diff(places) / np.diff(times)
        middle = 0.5 * (speeds[1:] + speeds[:-1])
        usable = np.isfinite(changes)
        changes, middle = changes[usable], middle[usable]
        power = float(changes @ changes)
        if len(changes) < 2 or math.sqrt(power / len(changes)) < _MOVING:
            return
        ratio = float(middle @ changes) / power
        if 0.5 < ratio < 2.0:
            return
        hint = ""
        for factor, reason in ((_DEGREES, "degrees"), (1 / _DEGREES, "degrees"), (1e3, "mm")):
            if 0.8 < ratio / factor < 1.25:
                hint = f": one of them in {reason}?"
        yield Finding(
            f"{velocity.text} is {ratio:.3g} times as fast as {path.text} moves{hint}",
            certain=False,
        )


def _numbers(heard: Iterable[tuple[float, Any]], path: Path) -> Iterator[tuple[float, float]]:
    """Yield the numbers that a path leads to, with their times by stamp or else arrival [s]."""
    for came, message in heard:
        stamp = seconds_of(message.header.stamp) if hasattr(message, "header") else math.nan
        try:
            yield (came if math.isnan(stamp) else stamp), float(follow(message, path))
        except (ValueError, TypeError):
            return


def _suspicion(kind: str, path: Path, values: Any) -> str:
    """Return which unit numbers seem to be in; empty: the right one."""
    largest = float(np.abs(values).max())
    first = path.steps[0] if path.steps else ""
    if kind == "sensor_msgs/JointState":
        if first == "position" and largest > _LARGE_POSITION:
            return "degrees or millimetres? expected rad or m"
        if first == "velocity" and largest > _LARGE_SPEED:
            return "degrees or millimetres per second? expected rad/s or m/s"
    if kind == "sensor_msgs/Imu" and first == "angular_velocity" and largest > _LARGE_TURN:
        return "degrees per second? expected rad/s"
    if kind == "sensor_msgs/BatteryState" and first == "percentage" and largest > 1.0:
        return "percent? expected a share from 0 to 1"
    if kind == "nav_msgs/Odometry" and first == "twist" and largest > _LARGE_SPEED:
        return "expected m/s and rad/s"
    return ""


def _imu(name: str, message: Any, used: set[Any]) -> Iterator[Finding]:
    if ("linear_acceleration",) in used:
        felt = message.linear_acceleration
        size = math.hypot(felt.x, felt.y, felt.z)
        if 0.8 < size < 1.2 or size == 0.0:
            text = (
                f"{name}.linear_acceleration is {size:.3g} long: in g? expected 9.81 m/s2 at rest"
            )
            yield Finding(text, certain=False)
    if ("orientation",) in used:
        if message.orientation_covariance[0] == -1.0:
            yield Finding(f"{name}.orientation: the message says that it has none")
        elif abs(message.orientation.x) > 0.9 and abs(message.orientation.w) < 0.1:
            text = f"{name}.orientation is upside down: does w come first? expected x, y, z, w"
            yield Finding(text, certain=False)
