"""The node web_monitor: a page to watch and steer a running system.

It subscribes what the others publish, some of it only while somebody looks, and does what viewers
who may steer ask for: sets live parameters of ``mpc_controller`` and ``mujoco_sim``, publishes
``estop``, ``goal`` and ``action_override``, calls the services that arm, reset, pause, step and
roll back, and ``mpc_controller/what_if``. It attaches to a simulation as to a robot.
"""

from __future__ import annotations

import math
import queue
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mbrl_ros.core.niceness import yield_process
from mbrl_ros.core.task import TaskSettings
from mbrl_ros.nodes.parameters import declare
from mbrl_ros.nodes.qos import COMMAND, EVENTS, FRAMES, LATCHED, NEWEST, TO_BOTH
from mbrl_ros.nodes.remote_parameters import RemoteParameters
from mbrl_ros.nodes.robot_model import RobotModel
from mbrl_ros.nodes.runner import run_node
from mbrl_ros.nodes.subscribing import ObservationSubscription
from mbrl_ros.nodes.timers import create_steady_timer
from mbrl_ros.ros import Node
from mbrl_ros.ros import interfaces as ri
from mbrl_ros.scene.settings import WebSettings
from mbrl_ros.web.controls import Control, control_of
from mbrl_ros.web.estop import EStop
from mbrl_ros.web.takeover import TakeOver
from mbrl_ros.web.watched import Watched

if TYPE_CHECKING:
    from mbrl_ros.scene.posing import Poser

_PERIOD, _LOOK_PERIOD = 0.1, 1.0
# A plan for another objective costs the controller's process up to a second of another thread [s].
_WHAT_IF_PERIOD, _WHAT_IF_PATIENCE = 2.0, 10.0
_SIMULATOR = "mujoco_sim"
_STOPPED_AGAIN = "the e-stop was pressed meanwhile"
#: What a viewer may ask for: the services that do it, and what their requests say.
_SERVICES: dict[str, tuple[tuple[str, str, dict[str, Any]], ...]] = {
    "arm": (("safety_guard/arm", "Trigger", {}), ("mpc_controller/arm", "Trigger", {})),
    "reset": (
        ("mujoco_sim/reset", "Reset", {"seed": -1}),
        ("robot_bridge/reset", "Reset", {"seed": -1}),
    ),
    "pause": (("mujoco_sim/pause", "SetBool", {"data": True}),),
    "step": (
        ("mujoco_sim/pause", "SetBool", {"data": True}),
        ("mujoco_sim/step", "Step", {"steps": 1}),
    ),
    "second": (
        ("mujoco_sim/pause", "SetBool", {"data": True}),
        ("mujoco_sim/step", "Step", {}),
    ),
    "resume": (("mujoco_sim/pause", "SetBool", {"data": False}),),
    "rollback": (("mpc_controller/rollback", "Trigger", {}),),
    "use_newest_model": (("mpc_controller/use_newest_model", "Trigger", {}),),
}


class WebMonitor(Node):
    """Connects a `Page` to ROS. It is a page's `Steering`: the page's threads leave requests."""

    def __init__(self) -> None:
        """Serve the page.

        Raises:
            ValueError: naming the invalid parameter, or the package that is missing.
        """
        super().__init__("web_monitor")
        task, settings = declare(self, TaskSettings, WebSettings)
        self._settings: WebSettings = settings
        try:
            from mbrl_ros.web.page import Page
        except ModuleNotFoundError as error:
            if error.name != "viser":
                raise
            raise ValueError(
                "the page needs the package viser: pip install 'mbrl_ros[view]'"
            ) from None
        self._watched = Watched()
        self._requests: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._wanted: dict[tuple[str, str], tuple[Control, Any]] = {}
        self._robot = RobotModel(settings.drawn, self._show_robot, self._show_no_robot)
        self._while_watched: list[Any] = []
        publisher = self.create_publisher(ri.Bool, "estop", LATCHED)
        self._estop = EStop(lambda stop: publisher.publish(ri.Bool(data=stop)))
        # Not latched: a controller that is started again knows its goal, which may be a newer one.
        self._goals = self.create_publisher(ri.Goal, "goal", COMMAND, event_callbacks=TO_BOTH)
        overrides = self.create_publisher(ri.Float64MultiArray, "action_override", COMMAND)
        self._takeover = TakeOver(lambda v: overrides.publish(ri.Float64MultiArray(data=v)))
        self._what_if = self.create_client(ri.WhatIf, "mpc_controller/what_if")
        self._supposed, self._asks_at, self._trouble = "", -math.inf, ""
        self._called = {
            name: self.create_client(getattr(ri, kind), name)
            for services in _SERVICES.values()
            for name, kind, _ in services
        }
        self._page = Page(
            settings.host, settings.port, settings.token, self, task.task or "mbrl_ros"
        )
        self._remote = {
            name: RemoteParameters(self, name, self._read)
            for name in ("mpc_controller", _SIMULATOR)
        }
        self._observations = ObservationSubscription(
            self, lambda message: self._take("Observation", message)
        )
        for topic, kind, quality in (
            ("action", "Action", EVENTS),
            ("transition", "Transition", EVENTS),
            ("controller_status", "ControllerStatus", EVENTS),
            ("training_status", "TrainingStatus", EVENTS),
            ("intervention", "Intervention", EVENTS),
            ("guard_status", "GuardStatus", LATCHED),
            ("objective", "Objective", LATCHED),
            ("/diagnostics", "DiagnosticArray", EVENTS),
        ):
            self._follow(topic, kind, quality)
        self.create_subscription(ri.ParameterEvent, "/parameter_events", self._on_event, EVENTS)
        create_steady_timer(self, _PERIOD, self._tick)
        create_steady_timer(self, _LOOK_PERIOD, self._look_around)
        create_steady_timer(self, _PERIOD / 2, self._takeover.update)
        self.get_logger().info(f"the page is at {self._page.url}")

    def destroy_node(self) -> None:
        """Stop serving, and hand back if a viewer commands."""
        self._page.close()
        self._takeover.close()
        super().destroy_node()

    # On the page's threads.

    def stop(self) -> None:
        """See `Steering.stop`."""
        self._estop.press()

    def call(self, name: str) -> None:
        """See `Steering.call`."""
        presses = self._estop.presses
        self._requests.put(lambda: self._call(name, presses))

    def change(self, control: Control, value: Any) -> None:
        """See `Steering.change`."""
        # While a slider moves, only its newest value matters.
        self._wanted[control.node, control.name] = (control, value)

    def aim(self, goal: Mapping[str, float]) -> None:
        """See `Steering.aim`."""
        header = ri.Header(stamp=self.get_clock().now().to_msg())
        self._goals.publish(ri.Goal(header=header, names=[*goal], values=[*goal.values()]))

    def suppose(self, objective: str) -> None:
        """See `Steering.suppose`."""
        self._requests.put(lambda: self._suppose(objective))

    def command(self, who: int, values: Sequence[float]) -> bool:
        """See `Steering.command`."""
        return self._takeover.hold(who, values)

    # On the executor's thread.

    def _tick(self) -> None:
        for remote in self._remote.values():
            remote.update()
        while not self._requests.empty():
            self._requests.get()()
        for key in list(self._wanted):
            self._change(*self._wanted.pop(key))
        self._listen_while_watched()
        self._ask_what_if()
        self._page.redraw(self._watched, time.time())

    def _look_around(self) -> None:
        """Find out which node is the plant, and say so if nothing tells which model it has."""
        metrics = self._watched.metrics
        found = self.get_publishers_info_by_topic(self._observations.topic)
        publishers = [info.node_name for info in found]
        if not publishers or metrics.plant in publishers:
            return
        metrics.follow_plant(publishers[0])
        if not self._settings.drawn.model and metrics.plant != _SIMULATOR:
            self._page.show_no_robot(f"expected drawn.model, since {metrics.plant} tells of none")

    def _take(self, kind: str, message: Any) -> None:
        self._watched.feed(kind, message, time.time())

    def _follow(self, topic: str, kind: str, quality: Any, role: str = "") -> Any:
        return self.create_subscription(
            getattr(ri, kind), topic, lambda message: self._take(role or kind, message), quality
        )

    def _listen_while_watched(self) -> None:
        """Subscribe what costs its publisher or the network something only for viewers."""
        watched = self._page.is_watched
        if watched and not self._while_watched:
            self._while_watched = [
                self._follow("plan", "Plan", COMMAND),
                self._follow("frame", "Frame", FRAMES),
                self._follow("reconstruction", "Frame", FRAMES, "Reconstruction"),
                self._follow("joint_states", "JointState", NEWEST),
            ]
        elif not watched and self._while_watched:
            for subscription in self._while_watched:
                self.destroy_subscription(subscription)
            self._while_watched = []

    def _suppose(self, objective: str) -> None:
        self._supposed, self._asks_at, self._trouble = objective, -math.inf, ""
        self._watched.supposed = None
        self._page.show_supposed(objective)

    def _ask_what_if(self) -> None:
        """Ask what would be planned for the other objective, if there is one and somebody looks."""
        now, objective = time.monotonic(), self._supposed
        due = objective and self._page.is_watched and now > self._asks_at
        if not due or not self._what_if.service_is_ready():
            return
        # On a busy machine an answer takes its time; a lost one is not waited for.
        self._asks_at = now + _WHAT_IF_PATIENCE

        def answered(future: Any) -> None:
            self._asks_at = time.monotonic() + _WHAT_IF_PERIOD
            if objective != self._supposed or future.exception() is not None:
                return
            answer = future.result()
            if answer.success:
                self._take("WhatIf", answer.plan)
                return
            self._watched.supposed = None
            if answer.message != self._trouble:  # the same each time is told once
                self._trouble = answer.message
                self._page.say(f"what if: {answer.message}", good=False)

        future = self._what_if.call_async(ri.WhatIf.Request(name=objective))
        future.add_done_callback(answered)

    def _call(self, name: str, presses: int) -> None:
        """Call those services of a request that there are, one after the other until one refuses.

        Args:
            name: of the request.
            presses: of the e-stop, when it was made; a later one ends an arming.
        """
        # Ends nothing, but who comes later hears no e-stop of before.
        if name == "arm" and not self._estop.release(presses):
            self._page.say(f"{name}: {_STOPPED_AGAIN}", good=False)
            return
        there = [each for each in _SERVICES[name] if self._called[each[0]].service_is_ready()]
        if not there:
            self._page.say(f"{name}: nobody offers that", good=False)
            return
        self._call_next(name, presses, there, [])

    def _call_next(
        self,
        name: str,
        presses: int,
        services: list[tuple[str, str, dict[str, Any]]],
        told: list[str],
    ) -> None:
        if name == "arm" and self._estop.was_pressed_since(presses):
            self._page.say(f"{name}: {_STOPPED_AGAIN}", good=False)
            return
        if not services:
            self._page.say(f"{name}: {'; '.join(dict.fromkeys(told))}")
            return
        (service, kind, fields), *rest = services
        if kind == "Step" and not fields:
            period = self._remote["mujoco_sim"].values.get("period", 1.0)
            fields = {"steps": max(1, round(1.0 / period))}

        def answered(future: Any) -> None:
            if (error := future.exception()) is not None:  # it may have gone away
                self._page.say(f"{name}: {service}: {error}", good=False)
            elif not (answer := future.result()).success:
                self._page.say(f"{name}: {answer.message}", good=False)
            else:
                self._call_next(name, presses, rest, [*told, answer.message])

        future = self._called[service].call_async(getattr(ri, kind).Request(**fields))
        future.add_done_callback(answered)

    def _change(self, control: Control, value: Any) -> None:
        remote = self._remote[control.node]

        def answered(refusal: str) -> None:
            if refusal:
                self._page.say(f"{control.name}: {refusal}", good=False)
            self._show_value(remote, control.name)

        remote.set(control.name, value, answered)

    def _on_event(self, event: Any) -> None:
        for remote in self._remote.values():
            if event.node == f"{self.get_namespace().rstrip('/')}/{remote.name}":
                for name in remote.on_event(event):
                    self._show_value(remote, name)

    def _show_value(self, remote: RemoteParameters, name: str) -> None:
        if (remote.name, name) in self._wanted:
            return  # it will be another one at once
        descriptor = remote.descriptors.get(name)
        control = descriptor and control_of(remote.name, descriptor, remote.values.get(name))
        if control:
            self._page.show_value(control)

    def _read(self) -> None:
        """Take in parameters that were read: what there is to control, and what is controlled."""
        self._page.show_controls(
            [
                control
                for remote in self._remote.values()
                for name, descriptor in sorted(remote.descriptors.items())
                if (control := control_of(remote.name, descriptor, remote.values.get(name)))
            ]
        )
        controller, plant = (remote.values for remote in self._remote.values())
        if controller:
            self._watched.tell(controller)
        self._robot.look(plant, self._watched.names)

    def _show_robot(self, poser: Poser) -> None:
        self._requests.put(lambda: self._page.show_robot(poser))

    def _show_no_robot(self, reason: str) -> None:
        self._requests.put(lambda: self._page.show_no_robot(reason))


def main(args: list[str] | None = None) -> int:
    """Run the node until it is stopped; return the process's exit code."""
    yield_process()  # the control loop comes first
    return run_node(WebMonitor, args)
