"""The node teleop: a person commands by joystick, Twist or a leader's joint states.

Subscribes the topics of its parameter ``sources``. Publishes ``action_override``, which the guard
takes before the controller's commands; ``feedback``, rewards for the plant; ``estop``; and
``/diagnostics``. Calls the plant's service to reset. It is no part of what keeps the plant safe:
if it dies, the guard does as ``takeover.silence`` says.
"""

from __future__ import annotations

import time

from mbrl_ros.core.realtime import AROUND, prioritize_process
from mbrl_ros.core.task import TaskSettings
from mbrl_ros.nodes.parameters import declare, overrides_of
from mbrl_ros.nodes.qos import COMMAND, EVENTS, TO_BOTH
from mbrl_ros.nodes.runner import run_node
from mbrl_ros.nodes.timers import create_steady_timer
from mbrl_ros.robot.settings import SourceSettings, teleop_settings
from mbrl_ros.robot.teleoperation import Teleoperation, Wish
from mbrl_ros.ros import Node, QoSProfile, ReliabilityPolicy
from mbrl_ros.ros import interfaces as ri

_STATUS_PERIOD = 0.5
# Minimum interval between equal warnings [s].
_COMPLAINT_PERIOD = 5.0


class Teleop(Node):
    """Connects a `Teleoperation` to ROS."""

    def __init__(self) -> None:
        """Begin to listen.

        Raises:
            ValueError: naming the invalid parameter.
        """
        super().__init__("teleop")
        task, settings = declare(self, TaskSettings, teleop_settings(overrides_of(self)))
        self._teleoperation = Teleoperation(task, settings, ri.interface)
        self._overrides = self.create_publisher(ri.Float64MultiArray, "action_override", COMMAND)
        self._feedback = self.create_publisher(ri.Float64, "feedback", EVENTS)
        if settings.stop:
            self._estop = self.create_publisher(ri.Bool, "estop", EVENTS, event_callbacks=TO_BOTH)
        self._diagnostics = self.create_publisher(ri.DiagnosticArray, "/diagnostics", EVENTS)
        self._reset = self.create_client(ri.Reset, settings.reset_service)
        self._reset_service = settings.reset_service
        for name in settings.sources:
            self._listen(name, getattr(settings, name))
        create_steady_timer(self, _STATUS_PERIOD, self._report)
        prioritize_process(AROUND)

    def destroy_node(self) -> None:
        """Hand back, if the person commands."""
        if self._teleoperation.commanding:
            self._overrides.publish(ri.Float64MultiArray())
        super().destroy_node()

    def _listen(self, name: str, settings: SourceSettings) -> None:
        reliability = ReliabilityPolicy[settings.reliability.upper()]
        self.create_subscription(
            self._teleoperation.listener.classes[name],
            settings.topic,
            lambda message: self._heed(self._teleoperation.hear(name, message, time.monotonic())),
            QoSProfile(depth=10, reliability=reliability),
        )

    def _heed(self, wish: Wish) -> None:
        if wish.stop:
            self._estop.publish(ri.Bool(data=True))
        if wish.command is not None:
            self._overrides.publish(ri.Float64MultiArray(data=wish.command.tolist()))
        if wish.reward:
            self._feedback.publish(ri.Float64(data=wish.reward))
        if wish.reset:
            if self._reset.service_is_ready():
                self._reset.call_async(ri.Reset.Request(seed=-1))
            else:
                self.get_logger().warning(f"reset: nobody offers {self._reset_service}")

    def _report(self) -> None:
        status = ri.DiagnosticStatus
        problems = [text for text in self._problems() if text]
        for text in problems:
            self.get_logger().warning(text, throttle_duration_sec=_COMPLAINT_PERIOD)
        state = "a person commands" if self._teleoperation.commanding else "nobody commands"
        entry = status(
            level=status.WARN if problems else status.OK,
            name=f"{self.get_fully_qualified_name().lstrip('/')}: person",
            message="; ".join(problems) or state,
            hardware_id="",
        )
        stamp = ri.Header(stamp=self.get_clock().now().to_msg())
        self._diagnostics.publish(ri.DiagnosticArray(header=stamp, status=[entry]))

    def _problems(self) -> list[str]:
        problems = [*self._teleoperation.listener.problems(time.monotonic()).values()]
        wrong = self._teleoperation.problem
        return problems if wrong in problems else [*problems, wrong]


def main(args: list[str] | None = None) -> int:
    """Run the node until it is stopped; return the process's exit code."""
    return run_node(Teleop, args)
