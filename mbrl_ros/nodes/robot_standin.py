"""The node robot_standin: a MuJoCo model in place of a robot, on the robot's own topics.

It publishes and subscribes what its parameters say and nothing of ours, so that what works with it
may be tried with the robot. The service that its parameter ``reset_service`` names puts it back.
"""

from __future__ import annotations

import time
from typing import Any

from mbrl_ros.core.realtime import AROUND, prioritize_process
from mbrl_ros.nodes.parameters import declare, overrides_of
from mbrl_ros.nodes.qos import COMMAND
from mbrl_ros.nodes.record_messages import time_message
from mbrl_ros.nodes.runner import run_node
from mbrl_ros.nodes.timers import create_steady_timer
from mbrl_ros.robot.pacing import Pacer
from mbrl_ros.ros import Node, QoSProfile
from mbrl_ros.ros import interfaces as ri
from mbrl_ros.simulation.standin import Standin, standin_settings

# Interval of looking whether steps have failed, and minimum interval between two warnings [s].
_CHECK_PERIOD, _COMPLAINT_PERIOD = 0.5, 5.0


class RobotStandin(Node):
    """Connects a `Standin` to ROS, stepping in real time on a thread of its own."""

    def __init__(self) -> None:
        """Load the model and start.

        Raises:
            ValueError: naming the invalid parameter.
        """
        super().__init__("robot_standin")
        (settings,) = declare(self, standin_settings(overrides_of(self)))
        self._standin = Standin(settings, ri.interface)
        for name in settings.hears:
            own = getattr(settings, name)
            self.create_subscription(
                self._standin.listener.classes[name],
                own.topic,
                lambda message, name=name: self._hear(name, message),
                QoSProfile(depth=1),
            )
        self._topics = {
            name: self.create_publisher(
                ri.interface(getattr(settings, name).type), getattr(settings, name).topic, COMMAND
            )
            for name in settings.sends
        }
        if settings.reset_service:
            self.create_service(ri.Trigger, settings.reset_service, self._on_reset)
        # A robot has a computer of its own.
        prioritize_process(AROUND)
        self._pacer = Pacer(self._standin.period, self._step)
        self._pacer.start()
        self._failed = 0
        create_steady_timer(self, _CHECK_PERIOD, self._check)
        self.get_logger().info(f"{settings.model}: {settings.rate:g} messages a second")

    def destroy_node(self) -> None:
        """Stop."""
        self._pacer.stop()
        super().destroy_node()

    def _hear(self, name: str, message: Any) -> None:
        self._standin.hear(name, message, time.monotonic())

    def _on_reset(self, request: Any, response: Any) -> Any:
        self._standin.reset()
        response.success = True
        response.message = "it is where it began"
        return response

    def _check(self) -> None:
        failed, self._failed = self._pacer.failed - self._failed, self._pacer.failed
        if failed:
            self.get_logger().error(
                f"{self._failed} steps failed so far: {self._pacer.failure}",
                throttle_duration_sec=_COMPLAINT_PERIOD,
            )

    # On the pacer's thread.

    def _step(self, now: float) -> None:
        self._standin.step(now)
        stamp = time_message(self.get_clock().now().nanoseconds)
        for name, message in self._standin.messages().items():
            if hasattr(message, "header"):
                message.header.stamp = stamp
            self._topics[name].publish(message)


def main(args: list[str] | None = None) -> int:
    """Run the node until it is stopped; return the process's exit code."""
    return run_node(RobotStandin, args)
