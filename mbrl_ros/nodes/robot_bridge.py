"""The node robot_bridge: a robot on its own topics as a plant.

Publishes ``observation`` once per control period, the robot's own commands, and ``/diagnostics``.
Subscribes ``action``, with ``inner_loop`` also ``plan_gains`` and ``limits``, and the robot's own
topics. The service ``~/reset`` ends the episode.

Which fields of which messages are which dimension is a matter of its parameters: docs/robot.md.
"""

from __future__ import annotations

import threading
import time
from typing import Any

from mbrl_ros.core.realtime import AROUND, prioritize_process
from mbrl_ros.core.records import Observation
from mbrl_ros.core.task import TaskSettings
from mbrl_ros.data.messages import read_gains, read_limits
from mbrl_ros.nodes.endpoints import publishers_of, topics_of
from mbrl_ros.nodes.parameters import declare, overrides_of
from mbrl_ros.nodes.qos import COMMAND, EVENTS, LATCHED
from mbrl_ros.nodes.record_messages import frame_message, observation_message, time_message
from mbrl_ros.nodes.runner import run_node
from mbrl_ros.nodes.timers import create_steady_timer
from mbrl_ros.robot.network import why_unheard
from mbrl_ros.robot.pacing import Pacer
from mbrl_ros.robot.plant import RobotPlant
from mbrl_ros.robot.settings import BridgeSettings, CommandSettings, SourceSettings, bridge_settings
from mbrl_ros.ros import Node, QoSProfile, ReliabilityPolicy
from mbrl_ros.ros import interfaces as ri

# Interval of looking at the robot's topics [s].
_CHECK_PERIOD = 1.0
# Interval of looking whether the robot is to be brought back [s].
_RESET_PERIOD = 0.1
# Minimum interval between equal warnings [s].
_COMPLAINT_PERIOD = 5.0


class RobotBridge(Node):
    """Connects a `RobotPlant` to ROS; its control steps have a thread of their own."""

    def __init__(self) -> None:
        """Subscribe the robot's topics and start.

        Raises:
            ValueError: naming the invalid parameter.
        """
        super().__init__("robot_bridge")
        own = bridge_settings(overrides_of(self))
        task, settings = declare(self, TaskSettings, own)
        if task.lock_step:
            raise ValueError("lock_step: expected false, since a robot does not wait, got true")
        self._settings: BridgeSettings = settings
        self._plant = RobotPlant(task, settings, ri.interface)
        self._task, self._spaces = task, (task.observation_space(), task.action_space())
        self._pacer = Pacer(task.period, self._tick)
        # What is decided last is sent last, on whichever thread.
        self._sending = threading.Lock()
        self._missed = self._failed = 0
        self._told: dict[str, float] = {}
        self._unseen: dict[str, str] = {}
        self._topics: dict[str, str] = {}
        for name in settings.heard:
            self._listen(name, getattr(settings, name))
        self._commands = {name: self._make(getattr(settings, name)) for name in settings.commands}
        self._observations = self.create_publisher(
            ri.Observation, "observation", QoSProfile(depth=100)
        )
        if settings.cameras:
            self._frames = self.create_publisher(ri.Frame, "frame", QoSProfile(depth=100))
        self._diagnostics = self.create_publisher(ri.DiagnosticArray, "/diagnostics", EVENTS)
        self.create_subscription(ri.Action, "action", self._on_action, COMMAND)
        if settings.inner_loop:
            self.create_subscription(ri.PlanGains, "plan_gains", self._on_gains, COMMAND)
            self.create_subscription(ri.Limits, "limits", self._on_limits, LATCHED)
        if settings.feedback:
            self.create_subscription(
                ri.Float64, "feedback", lambda given: self._plant.pay(given.data), EVENTS
            )
        self.create_service(ri.Reset, "~/reset", self._on_reset)
        self._bringing_back: Any = None
        if settings.reset_service:
            self._robot_reset = self.create_client(ri.Trigger, settings.reset_service)
            create_steady_timer(self, _RESET_PERIOD, self._bring_back)
        create_steady_timer(self, _CHECK_PERIOD, self._check)
        create_steady_timer(self, task.period, self._watch)
        prioritize_process(AROUND)
        self._pacer.start()
        self.get_logger().info(
            f"period {task.period:g} s; hears {', '.join(self._topics.values())}; commands "
            f"{', '.join(publisher.topic_name for publisher in self._commands.values())}"
        )

    def destroy_node(self) -> None:
        """Stop, with the safe command as the last one."""
        self._pacer.stop()
        last = self._plant.last_messages(time.monotonic())
        self._send(last, self.get_clock().now().nanoseconds)
        super().destroy_node()

    def _listen(self, name: str, settings: SourceSettings) -> None:
        leads = name == self._settings.sources[0]

        def heard(message: Any) -> None:
            now = time.monotonic()
            self._plant.hear(name, message, now)
            if leads:
                self._pacer.hear(now)
                with self._sending:
                    self._send(self._plant.between(now), self.get_clock().now().nanoseconds)

        reliability = ReliabilityPolicy[settings.reliability.upper()]
        message_class = self._plant.listener.classes[name]
        subscription = self.create_subscription(
            message_class, settings.topic, heard, QoSProfile(depth=10, reliability=reliability)
        )
        self._topics[name] = subscription.topic_name

    def _make(self, settings: CommandSettings) -> Any:
        return self.create_publisher(ri.interface(settings.type), settings.topic, COMMAND)

    # On the pacer's thread.

    def _tick(self, now: float) -> None:
        stamp = self.get_clock().now().nanoseconds
        with self._sending:
            tick = self._plant.tick(now, stamp)
            self._send(tick.messages, stamp)
        if tick.observation is not None:
            self._observations.publish(observation_message(tick.observation))
            for camera in self._settings.cameras:
                self._show(camera, tick.observation, now)

    def _show(self, camera: str, seen: Observation, now: float) -> None:
        try:
            self._frames.publish(frame_message(self._plant.cameras.frame(camera, seen, now)))
        except ValueError as error:
            self._unseen[camera] = str(error)
        else:
            self._unseen.pop(camera, None)

    def _send(self, messages: Any, stamp: int) -> None:
        for name, message in messages.items():
            if hasattr(message, "header"):
                message.header.stamp = time_message(stamp)
            self._commands[name].publish(message)

    # On the executor's thread.

    def _on_action(self, message: Any) -> None:
        safe = message.source in (ri.Action.HOLD, ri.Action.FALLBACK)
        person = message.source == ri.Action.OVERRIDE
        now = time.monotonic()
        try:
            self._plant.command(message.values, message.episode, message.step, now, safe, person)
        except ValueError as error:
            self._complain(f"refused {error} ({self._plant.refused} refused so far)", "refused")

    def _on_gains(self, message: Any) -> None:
        try:
            self._plant.follow(read_gains(message, *self._spaces))
        except ValueError as error:
            self._complain(f"refused {error}", "gains")

    def _on_limits(self, message: Any) -> None:
        try:
            self._plant.limit(read_limits(message, self._task.limits))
        except ValueError as error:
            self._complain(f"refused {error}", "limits")

    def _on_reset(self, request: Any, response: Any) -> Any:
        self._plant.reset()
        response.success = True
        response.message = "the episode ends"
        return response

    def _bring_back(self) -> None:
        """Call the robot's own service once an episode is over, until it succeeds."""
        if not self._plant.resetting:
            return
        where = self._settings.reset_service
        if not self._robot_reset.service_is_ready():
            # Who was asked before may be gone.
            self._bringing_back = None
            self._complain(f"reset_service: nobody offers {where}; the robot waits", "reset")
        elif self._bringing_back is None:
            self._bringing_back = self._robot_reset.call_async(ri.Trigger.Request())
            self._bringing_back.add_done_callback(self._brought_back)

    def _brought_back(self, future: Any) -> None:
        self._bringing_back = None
        answer = future.result()
        if answer is not None and answer.success:
            self._plant.restored()
        else:
            reason = answer.message if answer is not None else "no answer"
            self._complain(f"reset_service: {self._settings.reset_service}: {reason}", "reset")

    def _watch(self) -> None:
        """Send the safe command where control steps fail to come."""
        now = time.monotonic()
        with self._sending:
            messages = self._plant.overdue(now)
            self._send(messages, self.get_clock().now().nanoseconds)
        if messages:
            self._complain(f"{self._plant.problem}: the safe command", "overdue")

    def _check(self) -> None:
        """Say what is wrong, in the log and as diagnostics."""
        now = time.monotonic()
        problems = self._plant.listener.problems(now)
        for camera, unseen in tuple(self._unseen.items()):
            problems[camera] = problems[camera] or unseen
        sources = self._plant.listener.sources
        for name in problems:
            if sources[name].count == 0:
                problems[name] = self._unheard(name)
        status = ri.DiagnosticStatus
        entries = []
        rates = self._plant.listener.rates(now)
        for name, problem in problems.items():
            heard = self._topics[name]
            rate = {"topic": heard, "rate [Hz]": f"{rates[name]:.3g}"}
            level = status.WARN if problem else status.OK
            entries.append(self._entry(name, level, problem or f"hears {heard}", rate))
            if problem:
                self._complain(problem, name)
        pacer = self._pacer
        missed, self._missed = pacer.missed - self._missed, pacer.missed
        failed, self._failed = pacer.failed - self._failed, pacer.failed
        if missed:
            late = f"cannot keep up: {self._missed} control steps skipped so far"
            self._complain(late, "pace")
        wrong = (pacer.failure if failed else "") or self._plant.problem
        if wrong and wrong not in problems.values():
            self._complain(wrong, "plant")
        seen = self._plant.observation
        state = {
            "episode": str(seen.episode if seen else 0),
            "step": str(seen.step if seen else 0),
            "refused commands": str(self._plant.refused),
            "skipped steps": str(self._missed),
            "failed steps": str(self._failed),
        }
        level = status.ERROR if wrong else status.WARN if self._plant.intervention else status.OK
        text = wrong or self._plant.intervention or "commands act as they come"
        entries.append(self._entry("commands", level, text, state))
        stamp = ri.Header(stamp=self.get_clock().now().to_msg())
        self._diagnostics.publish(ri.DiagnosticArray(header=stamp, status=entries))

    def _unheard(self, name: str) -> str:
        settings: SourceSettings = getattr(self._settings, name)
        topic = self._topics[name]
        return (
            f"{name}: {why_unheard(settings, topic, publishers_of(self, topic), topics_of(self))}"
        )

    def _entry(self, what: str, level: bytes, text: str, values: dict[str, str]) -> Any:
        return ri.DiagnosticStatus(
            level=level,
            name=f"{self.get_fully_qualified_name().lstrip('/')}: {what}",
            message=text,
            hardware_id="",
            values=[ri.KeyValue(key=key, value=value) for key, value in values.items()],
        )

    def _complain(self, text: str, about: str) -> None:
        """Warn, of each matter once in a while."""
        now = time.monotonic()
        if now - self._told.get(about, -_COMPLAINT_PERIOD) >= _COMPLAINT_PERIOD:
            self._told[about] = now
            self.get_logger().warning(text)


def main(args: list[str] | None = None) -> int:
    """Run the node until it is stopped; return the process's exit code."""
    return run_node(RobotBridge, args)
