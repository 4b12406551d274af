"""The node safety_guard: stands between controller and plant, and knows nothing of learning.

Subscribes ``action_proposed`` and publishes ``action``: what of it may act, or the task's safe
command. Subscribes ``observation``; ``estop``, and the topic of an e-stop button where one is
configured; ``action_override``, by which a person takes over. Publishes
``intervention``, ``guard_status``, ``limits`` and ``/diagnostics``. The service ``~/stop`` is an
e-stop as well; only ``~/arm`` ends one, also across a restart in the same run. Its parameters
``limits.*`` may be changed while it runs, to wider limits only while it is stopped.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from mbrl_ros.core.limits import LIVE, LimitSettings
from mbrl_ros.core.realtime import AROUND, prioritize_process
from mbrl_ros.core.settings import build, flat
from mbrl_ros.core.task import TaskSettings
from mbrl_ros.data.messages import read_observation
from mbrl_ros.nodes.parameters import declare, on_change
from mbrl_ros.nodes.qos import COMMAND, EVENTS, LATCHED, NEWEST
from mbrl_ros.nodes.record_messages import limits_message
from mbrl_ros.nodes.runner import run_node
from mbrl_ros.nodes.subscribing import subscribe_to_all
from mbrl_ros.nodes.timers import create_steady_timer
from mbrl_ros.ros import Node, Parameter
from mbrl_ros.ros import interfaces as ri
from mbrl_ros.safety.guard import Guard, Verdict
from mbrl_ros.safety.guard_memory import GuardMemory
from mbrl_ros.safety.settings import GuardSettings

_STATUS_PERIOD = 0.5
# Minimum time between two identical warnings [s].
_COMPLAINT_PERIOD = 5.0
# Maximum time that another thread keeps the interpreter lock from this one [s].
_SWITCH_INTERVAL = 0.0005


class SafetyGuard(Node):
    """Connects a `Guard` to ROS."""

    def __init__(self) -> None:
        """Begin to guard.

        Raises:
            ValueError: naming the invalid parameter.
        """
        super().__init__("safety_guard")
        live = [f"limits.{name}" for name in LIVE]
        task, settings = declare(self, TaskSettings, GuardSettings, live=live)
        self._task: TaskSettings = task
        self._settings: GuardSettings = settings
        self._guard = Guard(task, settings)
        self._reason = self._stopped = ""
        self._person = False
        self._told = 0
        self._proposed: Any = None
        self._pressed = False
        self._button_heard = time.monotonic()
        self._actions = self.create_publisher(ri.Action, "action", COMMAND)
        self._interventions = self.create_publisher(ri.Intervention, "intervention", EVENTS)
        self._status = self.create_publisher(ri.GuardStatus, "guard_status", LATCHED)
        self._limits = self.create_publisher(ri.Limits, "limits", LATCHED)
        self._diagnostics = self.create_publisher(ri.DiagnosticArray, "/diagnostics", EVENTS)
        self._memory = GuardMemory(Path(task.run_dir) if task.run_dir else None)
        self.create_subscription(ri.Observation, "observation", self._on_observation, NEWEST)
        self.create_subscription(ri.Action, "action_proposed", self._on_proposed, COMMAND)
        self.create_subscription(ri.Float64MultiArray, "action_override", self._on_override, NEWEST)
        subscribe_to_all(self, ri.Bool, "estop", self._on_estop)
        if settings.estop_input:
            subscribe_to_all(self, ri.Bool, settings.estop_input, self._on_button)
        self.create_service(ri.Trigger, "~/stop", self._on_stop)
        self.create_service(ri.Trigger, "~/arm", self._on_arm)
        self._recall()
        create_steady_timer(self, _STATUS_PERIOD, self._report)
        create_steady_timer(self, task.period / task.real_time_factor / 2, self._watch)
        if not task.lock_step:
            prioritize_process(AROUND)
            sys.setswitchinterval(_SWITCH_INTERVAL)

    def destroy_node(self) -> None:
        """Send one last safe command, if any command was sent."""
        self._send(self._guard.farewell(time.monotonic()))
        self._keep(running=False)
        super().destroy_node()

    def _recall(self) -> None:
        """Begin as an earlier process in this run ended; in doubt, stopped."""
        stopped = self._memory.begin(self._settings.after_crash == "hold")
        if stopped:
            self._guard.stop(stopped, time.monotonic())
            self._tell()
        on_change(self, self._apply)
        for name, value in self._memory.limits.copy().items():
            # One by one, so that what is refused, as wider than the file's, loses no other.
            (told,) = self.set_parameters([Parameter(name, value=value)])
            if not told.successful:
                self.get_logger().error(f"{name}, as it was set before, is not kept: {told.reason}")
        self._keep(running=True)
        self._tell_limits()

    def _apply(self, changed: dict[str, Any]) -> None:
        """Keep to other limits; ValueError refuses them."""
        told = {name.removeprefix("limits."): value for name, value in changed.items()}
        self._guard.limit(build(LimitSettings, {**flat(self._guard.limits), **told}))
        self._memory.limits |= changed
        self._keep(running=True)
        self._tell_limits()

    def _tell_limits(self) -> None:
        stamp = self.get_clock().now().to_msg()
        self._limits.publish(limits_message(self._guard.limits, stamp))

    def _keep(self, running: bool) -> None:
        if trouble := self._memory.keep(self._guard.estopped, running):
            self.get_logger().error(trouble, throttle_duration_sec=_COMPLAINT_PERIOD)

    def _on_observation(self, message: Any) -> None:
        now = time.monotonic()
        self._send(self._guard.observe(read_observation(message, now), now))
        self._complain()

    def _on_proposed(self, message: Any) -> None:
        safe = message.source in (ri.Action.HOLD, ri.Action.FALLBACK)
        verdict = self._guard.propose(
            message.values, message.episode, message.step, safe, time.monotonic()
        )
        if verdict is None:
            # Kept, since it may be passed with the observation that it answers.
            self._proposed = message
            self._complain()
        else:
            self._send(verdict, message)

    def _complain(self) -> None:
        """Tell what was malformed, if anything new was."""
        guard = self._guard
        if guard.refused > self._told:
            self._told = guard.refused
            self.get_logger().warning(
                f"refused {guard.trouble} ({guard.refused} refused so far)",
                throttle_duration_sec=_COMPLAINT_PERIOD,
            )

    def _on_override(self, message: Any) -> None:
        try:
            self._guard.take_over(message.data, time.monotonic())
        except ValueError:
            self._complain()

    def _on_estop(self, message: Any) -> None:
        # "false" does not end it.
        if message.data:
            self._stop("e-stop")

    def _on_button(self, message: Any) -> None:
        self._button_heard = time.monotonic()
        self._pressed = bool(message.data)
        if self._pressed:
            self._stop("e-stop button")

    def _on_stop(self, request: Any, response: Any) -> Any:
        self._stop("e-stop by service")
        response.success, response.message = True, "stopped until ~/arm is called"
        return response

    def _stop(self, reason: str) -> None:
        self._send(self._guard.stop(reason, time.monotonic()))
        self._tell()

    def _tell(self) -> None:
        """Tell at once who commands, if that has changed."""
        guard, before = self._guard, (self._stopped, self._person)
        self._stopped, self._person = guard.estopped, guard.person
        if before == (self._stopped, self._person):
            return
        if self._stopped and not before[0]:
            self.get_logger().error(f"{self._stopped}: only the safe command until ~/arm is called")
        elif self._person:
            self.get_logger().info("a person commands")
        elif before[1]:
            self.get_logger().info(f"the controller commands again: {guard.handover}")
        self._report()

    def _on_arm(self, request: Any, response: Any) -> Any:
        refusal = self._pressed_or_silent
        response.success = not refusal
        if refusal or not self._guard.estopped:
            response.message = refusal or "it was not stopped"
            return response
        self._guard.arm()
        self._tell()
        response.message = "armed"
        return response

    @property
    def _pressed_or_silent(self) -> str:
        """Why the e-stop button forbids to arm; empty: it does not."""
        settings = self._settings
        button = f"the button on '{settings.estop_input}'"
        if self._button_silent:
            silent = time.monotonic() - self._button_heard
            return (
                f"estop_input_timeout: expected {button} heard within "
                f"{settings.estop_input_timeout:g} s, not heard for {silent:.2f} s"
            )
        return f"estop_input: expected {button} released, got pressed" if self._pressed else ""

    @property
    def _button_silent(self) -> bool:
        timeout = self._settings.estop_input_timeout
        silent = time.monotonic() - self._button_heard
        return bool(self._settings.estop_input) and 0.0 < timeout < silent

    def _watch(self) -> None:
        if self._button_silent and not self._guard.estopped:
            self._stop("e-stop button silent")
        self._send(self._guard.silence(time.monotonic()))
        self._tell()

    def _send(self, verdict: Verdict | None, message: Any = None) -> None:
        """Publish a verdict.

        Args:
            verdict: None: there is nothing to publish.
            message: the controller's that it is on; None: it is on none, or on the one kept.
        """
        if verdict is None:
            return
        kept, answered = self._proposed, (verdict.episode, verdict.step)
        if message is None and not verdict.person and kept is not None:
            message = kept if (kept.episode, kept.step) == answered else None
        self._reason = verdict.reason
        proposed = list(message.values) if message is not None else []
        if message is None:
            message = ri.Action(episode=verdict.episode, step=verdict.step)
            message.header.stamp = self.get_clock().now().to_msg()
        # Always what was judged, whatever the message was.
        message.values = verdict.values.tolist()
        if verdict.reason or verdict.person:
            message.source = _source(verdict, message.source)
        self._actions.publish(message)
        # For the controller a person's command is another one than its own.
        reason = verdict.reason or ("a person commands" if verdict.person else "")
        if reason:
            self._interventions.publish(
                ri.Intervention(
                    header=ri.Header(stamp=self.get_clock().now().to_msg()),
                    episode=verdict.episode,
                    step=verdict.step,
                    proposed=proposed,
                    values=verdict.values.tolist(),
                    safe=verdict.safe,
                    reason=reason,
                )
            )

    def _report(self) -> None:
        self._keep(running=True)  # what a full disk did not take before
        guard = self._guard
        state = "stopped" if guard.estopped else "armed" if guard.ready else "waiting"
        status = ri.GuardStatus(
            header=ri.Header(stamp=self.get_clock().now().to_msg()),
            state=state,
            reason=guard.estopped or self._reason,
            person=guard.person,
            passed=guard.passed,
            changed=guard.changed,
            replaced=guard.replaced,
            refused=guard.refused,
            trouble=guard.trouble,
        )
        self._status.publish(status)
        name = f"{self.get_fully_qualified_name().lstrip('/')}: commands"
        self._diagnostics.publish(_diagnostics(name, status))


def _source(verdict: Verdict, source: int) -> int:
    """Return the source of a command that is not, or not whole, the controller's."""
    if verdict.safe:
        # What is wrong besides, as the controller's e-stop, is not hidden by the silence.
        silent = verdict.silent and source != ri.Action.FALLBACK
        return int(ri.Action.HOLD if silent else ri.Action.FALLBACK)
    return int(ri.Action.OVERRIDE) if verdict.person else source


def _diagnostics(name: str, status: ri.GuardStatus) -> ri.DiagnosticArray:
    level = ri.DiagnosticStatus.OK
    if status.state == "stopped":
        level = ri.DiagnosticStatus.ERROR
    elif status.reason:
        level = ri.DiagnosticStatus.WARN
    counts = {field: getattr(status, field) for field in ("passed", "changed", "replaced")}
    shown = {**counts, "refused": f"{status.refused} {status.trouble}".strip()}
    entry = ri.DiagnosticStatus(
        level=level,
        name=name,
        message=f"{status.state}: {status.reason}" if status.reason else status.state,
        hardware_id="",
        values=[ri.KeyValue(key=key, value=str(value)) for key, value in shown.items()],
    )
    return ri.DiagnosticArray(header=status.header, status=[entry])


def main(args: list[str] | None = None) -> int:
    """Run the node."""
    return run_node(SafetyGuard, args)
