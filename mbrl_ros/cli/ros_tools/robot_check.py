"""`robot check`."""

from __future__ import annotations

import argparse
import time

from mbrl_ros.cli.ros_tools.session import Session
from mbrl_ros.cli.ros_tools.verbs import CommandError
from mbrl_ros.core.settings import SettingsError, build
from mbrl_ros.core.task import TaskSettings
from mbrl_ros.nodes.endpoints import publishers_of, subscriptions_of, topics_of
from mbrl_ros.robot.checking import Graph, RobotCheck
from mbrl_ros.robot.plant import RobotPlant
from mbrl_ros.robot.settings import BridgeSettings
from mbrl_ros.ros import QoSProfile, ReliabilityPolicy
from mbrl_ros.ros import interfaces as ri
from mbrl_ros.system.configuration import parse_assignments, read_task
from mbrl_ros.system.launch_kinds import BRIDGE

_ARRAY = "std_msgs/msg/Float64MultiArray"
# Time to listen at most, and from when on all sources are heard [s].
_LISTEN, _ENOUGH = 2.0, 1.2


def check(arguments: argparse.Namespace) -> int:
    """Listen to a robot; return 1 if something will not work."""
    configuration = read_task(arguments.task, parse_assignments(arguments.parameters))
    if not configuration.nodes.get(BRIDGE):
        raise SettingsError(f"{arguments.task}: expected parameters of {BRIDGE}, got none")
    task = build(TaskSettings, configuration.shared)
    settings: BridgeSettings = configuration.build(BRIDGE)
    plant = RobotPlant(task, settings, ri.interface)
    with Session(arguments.spin_time) as session:
        check = RobotCheck(task, settings, plant)
        listening = _Listening(session, settings, check, configuration.namespace)
        longest, enough = arguments.spin_time or _LISTEN, arguments.spin_time or _ENOUGH
        session.spin_until(lambda: listening.complete_for() > enough, longest)
        return listening.told()


class _Listening:
    """Subscribes what the bridge would, and publishes nothing."""

    def __init__(
        self, session: Session, settings: BridgeSettings, check: RobotCheck, namespace: str
    ) -> None:
        self._session, self._node = session, session.node
        self._settings, self._check = settings, check
        self._topics: dict[str, str] = {}
        for name in (*settings.heard, *settings.commands):
            topic = getattr(settings, name).topic
            absolute = topic if topic.startswith("/") else f"{namespace.rstrip('/')}/{topic}"
            self._topics[name] = self._node.resolve_topic_name(absolute)
        for name in settings.heard:
            self._node.create_subscription(
                check.classes[name],
                self._topics[name],
                lambda message, name=name: check.hear(name, message, time.monotonic()),
                QoSProfile(
                    depth=100,
                    reliability=ReliabilityPolicy[getattr(settings, name).reliability.upper()],
                ),
            )

    def complete_for(self) -> float:
        """Return for how long all sources are heard [s]."""
        return time.monotonic() - self._check.complete_since

    def told(self) -> int:
        """Print what was found; return the exit code."""
        now, topics = time.monotonic(), self._topics
        graph = Graph(
            topics,
            {name: publishers_of(self._node, topic) for name, topic in topics.items()},
            {name: subscriptions_of(self._node, topic) for name, topic in topics.items()},
            topics_of(self._node),
            self._joints(),
        )
        found = self._check.findings(graph, now, 1e-9 * self._node.get_clock().now().nanoseconds)
        for name, rate in self._check.rates(now).items():
            if rate == rate:
                print(f"{name}: {topics[name]}, {rate:.3g} Hz")
        for name, value, formula in self._check.values():
            if not isinstance(value, str):
                print(f"  {name} = {value:.4g}  ({formula})")
        for finding in found:
            print(f"{'error' if finding.certain else 'suspect'}: {finding.text}")
        if not found:
            print("nothing wrong was found; nothing was sent")
        return int(any(finding.certain for finding in found))

    def _joints(self) -> dict[str, list[str]]:
        """Return the joints of ros2_control's controllers that arrays are sent to."""
        found = {}
        for name in self._settings.commands:
            controller, _, last = self._topics[name].rpartition("/")
            if last != "commands" or getattr(self._settings, name).type != _ARRAY:
                continue
            client = self._node.create_client(ri.GetParameters, f"{controller}/get_parameters")
            if not client.wait_for_service(timeout_sec=0.1):
                continue
            request = ri.GetParameters.Request(names=["joints"])
            try:
                (value,) = self._session.call(client, request, timeout=0.5).values
            except (CommandError, ValueError):
                continue
            if value.string_array_value:
                found[name] = list(value.string_array_value)
        return found
