"""The node web_monitor: a page to watch and steer a running system.

It subscribes what the others publish, some of it only while somebody looks, and sets what viewers
who may steer ask for: live parameters of ``mpc_controller`` and ``mujoco_sim``, ``estop``, and the
services that arm, reset, pause and roll back. It attaches to a simulation as to a robot.
"""

from __future__ import annotations

import os
import queue
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mbrl_ros.core.settings import setting
from mbrl_ros.core.task import TaskSettings
from mbrl_ros.nodes.parameters import declare
from mbrl_ros.nodes.qos import COMMAND, EVENTS, FRAMES, LATCHED, NEWEST
from mbrl_ros.nodes.remote_parameters import RemoteParameters
from mbrl_ros.nodes.robot_model import RobotModel
from mbrl_ros.nodes.runner import run_node
from mbrl_ros.nodes.subscribing import ObservationSubscription
from mbrl_ros.nodes.timers import create_steady_timer
from mbrl_ros.ros import Node
from mbrl_ros.ros import interfaces as ri
from mbrl_ros.web.controls import Control, control_of
from mbrl_ros.web.estop import EStop
from mbrl_ros.web.watched import Watched

if TYPE_CHECKING:
    from mbrl_ros.scene.posing import Poser

_PERIOD = 0.1
# The control loop comes first.
_NICENESS = 10
_STOPPED_AGAIN = "the e-stop was pressed meanwhile"
#: What a viewer may ask for: the services that do it, and what their requests say.
_SERVICES: dict[str, tuple[tuple[str, str, dict[str, Any]], ...]] = {
    "arm": (("safety_guard/arm", "Trigger", {}), ("mpc_controller/arm", "Trigger", {})),
    "reset": (
        ("mujoco_sim/reset", "Reset", {"seed": -1}),
        ("robot_bridge/reset", "Reset", {"seed": -1}),
    ),
    "pause": (("mujoco_sim/pause", "SetBool", {"data": True}),),
    "resume": (("mujoco_sim/pause", "SetBool", {"data": False}),),
    "rollback": (("mpc_controller/rollback", "Trigger", {}),),
    "use_newest_model": (("mpc_controller/use_newest_model", "Trigger", {}),),
}


@dataclass(frozen=True)
class WebSettings:
    """The page's parameters."""

    host: str = setting("127.0.0.1", "address to listen on; 0.0.0.0: from everywhere")
    port: int = setting(8080, "preferred port; the next free one is taken", low=1, high=65535)
    token: str = setting(
        "", "with which viewers at other computers may steer; empty: they can only watch"
    )
    model: str = setting("", "MJCF file of the robot (.xml); empty: the simulator's model")


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
        self._robot = RobotModel(settings.model, self._show_robot, self._show_no_robot)
        self._while_watched: list[Any] = []
        publisher = self.create_publisher(ri.Bool, "estop", LATCHED)
        self._estop = EStop(lambda stop: publisher.publish(ri.Bool(data=stop)))
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
            for name in ("mpc_controller", "mujoco_sim")
        }
        ObservationSubscription(self, lambda message: self._take("Observation", message))
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
        self.get_logger().info(f"the page is at {self._page.url}")

    def destroy_node(self) -> None:
        """Stop serving."""
        self._page.close()
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

    # On the executor's thread.

    def _tick(self) -> None:
        for remote in self._remote.values():
            remote.update()
        while not self._requests.empty():
            self._requests.get()()
        for key in list(self._wanted):
            self._change(*self._wanted.pop(key))
        self._listen_while_watched()
        self._page.redraw(self._watched, time.time())

    def _take(self, kind: str, message: Any) -> None:
        self._watched.feed(kind, message, time.time())

    def _follow(self, topic: str, kind: str, quality: Any) -> Any:
        return self.create_subscription(
            getattr(ri, kind), topic, lambda message: self._take(kind, message), quality
        )

    def _listen_while_watched(self) -> None:
        """Subscribe what costs its publisher or the network something only for viewers."""
        watched = self._page.is_watched
        if watched and not self._while_watched:
            self._while_watched = [
                self._follow("plan", "Plan", COMMAND),
                self._follow("frame", "Frame", FRAMES),
                self._follow("joint_states", "JointState", NEWEST),
            ]
        elif not watched and self._while_watched:
            for subscription in self._while_watched:
                self.destroy_subscription(subscription)
            self._while_watched = []

    def _call(self, name: str, presses: int) -> None:
        """Call those services of a request that there are, one after the other.

        Args:
            name: of the request.
            presses: of the e-stop, when it was made; a later one ends an arming.
        """
        # Ends nothing, but who comes later hears no e-stop of before.
        if name == "arm" and not self._estop.release(presses):
            self._page.say(f"{name}: {_STOPPED_AGAIN}", good=False)
            return
        there = [each for each in _SERVICES[name] if self._called[each[0]].service_is_ready()]
        self._call_next(name, presses, there, [])

    def _call_next(
        self,
        name: str,
        presses: int,
        services: list[tuple[str, str, dict[str, Any]]],
        answers: list[Any],
    ) -> None:
        if name == "arm" and self._estop.was_pressed_since(presses):
            self._page.say(f"{name}: {_STOPPED_AGAIN}", good=False)
            return
        if not services:
            good = [answer for answer in answers if answer.success]
            said = "; ".join(answer.message for answer in good or answers)
            self._page.say(f"{name}: {said or 'nobody offers that'}", good=bool(good))
            return
        (service, kind, fields), *rest = services

        def answered(future: Any) -> None:
            # A service that went away may fail the request.
            answer = None if future.exception() is not None else future.result()
            self._call_next(name, presses, rest, [*answers, *([answer] if answer else [])])

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
    os.setpriority(os.PRIO_PROCESS, 0, _NICENESS)
    return run_node(WebMonitor, args)
