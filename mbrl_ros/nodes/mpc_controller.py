"""The node mpc_controller: plans with the learned model and commands the plant.

A managed node. Subscribes to ``observation``, ``model``, ``estop`` and, with
``observation.images``, ``frame``; publishes ``action`` every tick while active,
``controller_status``, ``/diagnostics`` and, while someone subscribes, ``plan``, ``plan_gains`` and,
with images, ``reconstruction``, twice a second; `ObjectiveInterface` handles changes of the
objective. The service ``~/arm`` ends an e-stop, ``~/autotune`` measures how much planning fits into
a period, as is done with the first model. ``~/rollback`` goes back to the previous model and holds
it until ``~/use_newest_model``.
"""

from __future__ import annotations

import queue
import sys
import time
from dataclasses import asdict
from typing import Any

import torch

from mbrl_ros.control.autotune import EFFORTS
from mbrl_ros.control.command import Command, CommandSource
from mbrl_ros.control.controller import Controller
from mbrl_ros.control.frames import FrameJoiner
from mbrl_ros.control.settings import ControllerSettings
from mbrl_ros.control.ticker import Ticker
from mbrl_ros.core.numbers import shown
from mbrl_ros.core.realtime import AROUND, prioritize_process
from mbrl_ros.core.records import Observation
from mbrl_ros.core.settings import build, flat
from mbrl_ros.core.task import TaskSettings
from mbrl_ros.data.messages import read_frame, read_observation
from mbrl_ros.nodes.controller_memory import ControllerMemory
from mbrl_ros.nodes.controller_messages import (
    action_message,
    diagnostic_message,
    status_message,
)
from mbrl_ros.nodes.effort_tuning import EffortTuning
from mbrl_ros.nodes.guard_link import GuardLink
from mbrl_ros.nodes.model_intake import ModelIntake
from mbrl_ros.nodes.objective_interface import ObjectiveInterface
from mbrl_ros.nodes.objective_parameters import declare_objective
from mbrl_ros.nodes.parameters import declare, on_change
from mbrl_ros.nodes.plan_telling import PlanTelling
from mbrl_ros.nodes.qos import COMMAND, EVENTS, FRAMES, LATCHED, NEWEST
from mbrl_ros.nodes.reconstruction import ReconstructionPublisher
from mbrl_ros.nodes.runner import run_node
from mbrl_ros.nodes.subscribing import subscribe_to_all
from mbrl_ros.nodes.timers import create_steady_timer
from mbrl_ros.objectives.objective_manager import ObjectiveManager
from mbrl_ros.ros import (
    LifecycleNode,
    LifecycleState,
    ReentrantCallbackGroup,
    TransitionCallbackReturn,
)
from mbrl_ros.ros import interfaces as ri
from mbrl_ros.system.schema import OBJECTIVE, objective_parameters

_STATUS_PERIOD = 0.5
# Maximum age of the first observation: so many periods, and at least so long [s]; a plant in
# lock-step repeats it twice a second.
_FRESH_PERIODS, _FRESH = 2.5, 1.0
# Minimum time between two identical warnings [s].
_COMPLAINT_PERIOD = 5.0
# Maximum time that another thread keeps the interpreter lock from the loop [s].
_SWITCH_INTERVAL = 0.0005


class MpcController(LifecycleNode):
    """Connects a `Controller`, ticking on a thread of its own, to ROS."""

    def __init__(self) -> None:
        """Declare all parameters; with ``autostart``, configure as well.

        Raises:
            ValueError: naming the invalid parameter.
        """
        super().__init__("mpc_controller")
        torch.set_num_threads(1)
        tunable = asdict(EFFORTS[0])
        self._memory = ControllerMemory(self)
        # Before they are declared: only parameters that someone set are among the overrides.
        pinned = [n for n in tunable if f"planner.{n}" in self._parameter_overrides]
        task, settings = declare(self, TaskSettings, ControllerSettings, dynamic=[OBJECTIVE])
        self._task: TaskSettings = task
        self._settings: ControllerSettings = settings
        self._observation, self._action = task.observation_space(), task.action_space()
        spaces = (self._observation, self._action)
        self._joiner = FrameJoiner(self._observation.images, self._observation.image_size)
        objectives = declare_objective(self, *spaces, task.period)
        if self._memory.kept.goal:
            objectives = objectives.with_goal(self._memory.kept.goal)
        manager = ObjectiveManager(objectives, self._keep_objective)
        self._controller = Controller.of_task(task, manager.objective, settings)
        begun, told = self._memory.kept.begin(settings.after_crash)
        self._memory.keep(estopped=begun.estopped, lifecycle=begun.lifecycle)
        for text in told:
            self.get_logger().error(text)
        self._controller.estopped = begun.estopped
        self._objective_interface = ObjectiveInterface(self, manager, self._controller)
        if self._memory.kept.waypoints:
            manager.follow(self._memory.kept.waypoints, self._memory.kept.index)
            self._controller.objective = manager.objective
        self._ticker = Ticker(self._controller, self._send)
        self._acted: queue.SimpleQueue[Command] = queue.SimpleQueue()
        self._newest: Observation | None = None
        self._tuning = EffortTuning(self, self._controller, self._ticker.gap, pinned, self._memory)
        self._guard = GuardLink(self, self._controller, task.limits, lambda: self._newest)
        self._models = ModelIntake(self, self._controller.models, task, settings)
        self._reconstruction = (
            ReconstructionPublisher(self, self._controller.known)
            if self._observation.images
            else None
        )
        self._lifecycle_state = "unconfigured"
        self._action_publisher: Any = None
        on_change(self, self._apply)
        self._status_publisher = self.create_publisher(
            ri.ControllerStatus, "controller_status", EVENTS
        )
        self._diagnostics = self.create_publisher(ri.DiagnosticArray, "/diagnostics", EVENTS)
        create_steady_timer(self, _STATUS_PERIOD, self._report)
        if not task.lock_step:
            prioritize_process(AROUND)
            sys.setswitchinterval(_SWITCH_INTERVAL)
        if settings.autostart and self._memory.kept.lifecycle not in ("unconfigured", "finalized"):
            self.trigger_configure()

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Connect to the topics."""
        self._action_publisher = self.create_publisher(ri.Action, "action_proposed", COMMAND)
        self._telling = PlanTelling(self)
        self._connections = [
            self.create_subscription(ri.Observation, "observation", self._on_observation, NEWEST),
            self.create_subscription(ri.ModelUpdate, "model", self._models.on_model, LATCHED),
            *self._guard.connect(),
        ]
        if self._observation.images:
            self._connections.append(
                self.create_subscription(ri.Frame, "frame", self._on_frame, FRAMES)
            )
        self._connections += subscribe_to_all(self, ri.Bool, "estop", self._on_estop)
        self._offered = [
            self.create_service(
                ri.Trigger,
                "~/arm",
                self._on_arm,
                # It waits for the guard: in the default group, nothing else would be heard
                # meanwhile, its answer included.
                callback_group=ReentrantCallbackGroup(),
            ),
            self.create_service(ri.Trigger, "~/autotune", self._tuning.on_autotune),
            self.create_service(ri.Trigger, "~/rollback", self._models.on_rollback),
            self.create_service(ri.Trigger, "~/use_newest_model", self._models.on_use_newest),
        ]
        self._objective_interface.connect()
        self._lifecycle_state = "inactive"
        return TransitionCallbackReturn.SUCCESS

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Start commanding, if there is a recent valid observation."""
        newest = self._newest
        missing = self._missing()
        if missing or newest is None:
            self.get_logger().error(f"not activated: {missing}")
            return TransitionCallbackReturn.FAILURE
        self._ticker.start()
        self._ticker.observe(newest)
        self._lifecycle_state = "active"
        self._memory.keep(lifecycle="active")
        self.get_logger().info(f"active, seed {self._task.seed}")
        return TransitionCallbackReturn.SUCCESS

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Send one last safe command, then nothing."""
        self._halt()
        self._lifecycle_state = "inactive"
        self._memory.keep(lifecycle="inactive")
        return TransitionCallbackReturn.SUCCESS

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Disconnect from the topics."""
        self._disconnect()
        self._lifecycle_state = "unconfigured"
        self._memory.keep(lifecycle="unconfigured")
        return TransitionCallbackReturn.SUCCESS

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Send one last safe command, and disconnect."""
        self._halt()
        self._disconnect()
        self._lifecycle_state = "finalized"
        self._memory.keep(lifecycle="finalized")
        return TransitionCallbackReturn.SUCCESS

    def destroy_node(self) -> None:
        """Send one last safe command, and publish the final status."""
        self._halt()
        if self._memory.kept.lifecycle == "active":
            self._memory.keep(lifecycle="")  # a clean end
        self._report()
        # Only now, since a report may give them work.
        self._tuning.close()
        self._models.close()
        self._objective_interface.close()
        if self._reconstruction is not None:
            self._reconstruction.close()
        super().destroy_node()

    def _halt(self) -> None:
        if self._lifecycle_state != "active":
            return
        if not self._ticker.stop():
            self.get_logger().error("the tick under way does not end: the safe command is the last")
        if self._newest is not None:
            self._send(self._controller.farewell(self._newest))

    def _disconnect(self) -> None:
        if self._action_publisher is None:
            return
        self._objective_interface.disconnect()
        for subscription in self._connections:
            self.destroy_subscription(subscription)
        for service in self._offered:
            self.destroy_service(service)
        self._telling.close()
        self.destroy_publisher(self._action_publisher)
        self._action_publisher = None

    def _on_observation(self, message: ri.Observation) -> None:
        whole = self._joiner.observe(read_observation(message, time.monotonic()))
        self._controller.awaited = self._joiner.missing
        if whole is not None:
            self._take_in(whole)

    def _on_frame(self, message: ri.Frame) -> None:
        try:
            whole = self._joiner.see(read_frame(message))
        except ValueError as error:
            self.get_logger().warning(str(error), throttle_duration_sec=_COMPLAINT_PERIOD)
            return
        self._controller.awaited = self._joiner.missing
        if whole is not None:
            self._take_in(whole)

    def _take_in(self, observation: Observation) -> None:
        self._take_up_models()
        if self._lifecycle_state == "active":
            before, self._newest = self._newest, observation
            self._ticker.observe(observation)
            self._tell_what_acted()
            if before is not None and before.episode == observation.episode:
                elapsed = (observation.step - before.step) * self._task.period
                self._objective_interface.observe(observation.values, max(elapsed, 0.0))
            return
        if trouble := self._trouble_with(observation):
            self.get_logger().warning(trouble, throttle_duration_sec=_COMPLAINT_PERIOD)
            return
        self._newest = observation
        if (
            self._settings.autostart
            and self._lifecycle_state == "inactive"
            and self._never_active()
            and self._memory.kept.lifecycle != "inactive"
        ):
            if missing := self._missing():
                self.get_logger().warning(
                    f"not yet activated: {missing}", throttle_duration_sec=_COMPLAINT_PERIOD
                )
            else:
                self.trigger_activate()

    def _missing(self) -> str:
        """Return what is missing to command the plant; empty if nothing is."""
        fresh = max(_FRESH, _FRESH_PERIODS * self._controller.period)
        newest = self._newest
        if (
            newest is None
            or time.monotonic() - newest.received > fresh
            or self._trouble_with(newest)
        ):
            return f"no valid observation within {shown(fresh)} s"
        if self._ticker.hangs:
            return "a tick of before has not ended"
        if missing := self._guard.missing:
            return missing
        limits = self._task.limits
        if self._settings.needs_limits and not limits.bound_states(self._observation):
            return (
                "no limits: expected limits.of, limits.forbidden or limits.model, which bound "
                "states, or needs_limits: false"
            )
        if self._controller.models.active is None and not self._controller.may_explore:
            return "no model yet, and exploration.enabled is false"
        return ""

    def _trouble_with(self, observation: Observation) -> str:
        """Return what is wrong with an observation; empty if nothing is."""
        try:
            self._observation.check(observation.values, "observation")
        except ValueError as error:
            return str(error)
        return ""

    def _never_active(self) -> bool:
        return self._ticker.counts.ticks == 0

    def _take_up_models(self) -> None:
        if self._models.take_up():
            self._tuning.begin()

    def _keep_objective(self) -> None:
        """Note the objective; with the next status, as changes may come faster than files."""
        manager = self._objective_interface.manager
        sequence = manager.sequence
        self._memory.note(
            objective=dict(manager.objectives.values),
            goal=dict(manager.objective.goal),
            waypoints=sequence.waypoints if sequence else (),
            index=sequence.index if sequence else 0,
        )

    def _on_estop(self, message: ri.Bool) -> None:
        # Only an explicit call of ~/arm ends it; "false" on the topic does not.
        if message.data and not self._controller.estopped:
            self._controller.estopped = True
            self._memory.keep(estopped=True)
            self.get_logger().error("e-stop: only the safe command until ~/arm is called")

    async def _on_arm(self, request: Any, response: Any) -> Any:
        response.success = True
        response.message = "armed" if self._controller.estopped else "there was no e-stop"
        # Before the guard is, so that an e-stop that comes meanwhile is not undone.
        self._controller.estopped = False
        self._memory.keep(estopped=False)
        if why := await self._guard.arm():
            response.success, response.message = False, f"the guard does not arm: {why}"
            self.get_logger().error(response.message)
        return response

    def _apply(self, changed: dict[str, Any]) -> None:
        """Apply changed parameters together, from the next tick on; ValueError refuses them."""
        planner = {n: v for n, v in changed.items() if n.startswith("planner.")}
        # Check everything before applying anything.
        settings = self._settings
        if planner:
            settings = build(ControllerSettings, {**flat(settings), **planner})
        hold = self._objective_interface.changed(objective_parameters(changed))
        if planner:
            self._controller.replace_planner(settings.planner)
            self._settings = settings
            self._memory.keep(planner={**self._memory.kept.planner, **planner})
        hold()

    def _send(self, command: Command) -> None:
        """Publish a command; on the ticker's threads, or on that of the observation."""
        stamp = self.get_clock().now().to_msg()
        self._action_publisher.publish(action_message(command, stamp))
        if command.source > CommandSource.TRUNCATED:
            return
        self._acted.put(command)
        planned = self._controller.planned
        if planned is not None:
            self._telling.tell(planned, stamp)

    def _tell_what_acted(self) -> None:
        while not self._acted.empty():
            command = self._acted.get()
            self._objective_interface.acted(command.objective, command.episode, command.step)

    def _report(self) -> None:
        self._take_up_models()
        self._tuning.take_up()
        self._tell_what_acted()
        # Before the status: what it tells is kept.
        self._memory.write()
        stamp = self.get_clock().now().to_msg()
        manager = self._objective_interface.manager
        status = status_message(
            self._lifecycle_state, self._controller, self._ticker, manager, stamp
        )
        self._status_publisher.publish(status)
        name = f"{self.get_fully_qualified_name().lstrip('/')}: control loop"
        self._diagnostics.publish(diagnostic_message(name, status))
        if self._reconstruction is not None:
            self._reconstruction.update()


def main(args: list[str] | None = None) -> int:
    """Run the node."""
    return run_node(MpcController, args)
