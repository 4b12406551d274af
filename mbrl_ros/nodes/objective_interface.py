"""The interface for changing a node's objective: parameters, topics, services."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from mbrl_ros.control.controller import Controller
from mbrl_ros.nodes.controller_messages import objective_message, plan_message
from mbrl_ros.nodes.objective_parameters import mirror_objective
from mbrl_ros.nodes.qos import LATCHED
from mbrl_ros.nodes.subscribing import subscribe_to_all
from mbrl_ros.objectives.document import read_objective
from mbrl_ros.objectives.objective_manager import ObjectiveManager, Way
from mbrl_ros.objectives.objective_set import ObjectiveSet
from mbrl_ros.objectives.sequence import Waypoint
from mbrl_ros.ros import Future, LifecycleNode, ReentrantCallbackGroup
from mbrl_ros.ros import interfaces as ri

# Maximum number of pending requests; each takes the time of several plans.
_MOST_QUESTIONS = 8


class ObjectiveInterface:
    """Connects an `ObjectiveManager` to ROS.

    Subscribes ``goal`` and ``goal_sequence``; publishes ``objective``; serves
    ``~/set_objective`` and ``~/what_if``; keeps the parameters ``objective.*`` in sync.

    Attributes:
        manager: manages the objective.
    """

    def __init__(
        self, node: LifecycleNode, manager: ObjectiveManager, controller: Controller
    ) -> None:
        """Start with the current objective; the node's parameters are already declared.

        Args:
            node: owns the topics, services and parameters.
            manager: manages the objective.
            controller: plans for it.
        """
        self.manager = manager
        self._node, self._controller = node, controller
        self._mirroring = False
        # One at a time, on a separate thread, so that no tick waits for an answer.
        self._worker = ThreadPoolExecutor(1, "what_if")
        self._room = threading.Semaphore(_MOST_QUESTIONS)
        self._publisher = node.create_publisher(ri.Objective, "objective", LATCHED)
        self._subscriptions: list[Any] = []
        self._services: list[Any] = []

    def connect(self) -> None:
        """Create the subscriptions."""
        node = self._node
        self._subscriptions = [
            *subscribe_to_all(node, ri.Goal, "goal", self._on_goal),
            *subscribe_to_all(node, ri.GoalSequence, "goal_sequence", self._on_goal_sequence),
        ]
        self._services = [
            node.create_service(ri.SetObjective, "~/set_objective", self._on_set_objective),
            node.create_service(
                ri.WhatIf,
                "~/what_if",
                self._on_what_if,
                # In the default group, no other callback would run until the answer is there.
                callback_group=ReentrantCallbackGroup(),
            ),
        ]

    def disconnect(self) -> None:
        """Remove the subscriptions."""
        while self._subscriptions:
            self._node.destroy_subscription(self._subscriptions.pop())
        while self._services:
            self._node.destroy_service(self._services.pop())

    def close(self) -> None:
        """Stop the thread."""
        self._worker.shutdown(cancel_futures=True)

    def changed(self, values: Mapping[str, Any]) -> Callable[[], None]:
        """Check changed parameters.

        Args:
            values: new values of the objective's parameters, by name without the prefix.

        Returns:
            a function that applies them from the next tick on.

        Raises:
            ValueError: naming the invalid parameter.
        """
        if self._mirroring or not values:
            return lambda: None
        with self.manager.judging():
            objectives = self.manager.objectives.changed(values)
        return lambda: self._take(Way.PARAMETERS, objectives)

    def observe(self, values: Any, elapsed: float) -> None:
        """Follow a sequence of goals; arguments as for `ObjectiveManager.observe`."""
        self.manager.observe(values, elapsed)
        self._controller.objective = self.manager.objective

    def acted(self, digest: str, episode: int, step: int) -> None:
        """Report that a plan was made.

        Args:
            digest: digest of its objective.
            episode: episode of the observation that it responds to.
            step: step of that observation.
        """
        for change, is_it in self.manager.acted(digest):
            stamp = self._node.get_clock().now().to_msg()
            message = objective_message(change, is_it, episode, step, stamp)
            self._publisher.publish(message)

    def _take(self, way: Way, objectives: ObjectiveSet) -> None:
        self.manager.take(way, objectives)
        self._controller.objective = objectives.objective

    def _on_goal(self, message: Any) -> None:
        try:
            with self.manager.judging():
                goal = _named("goal", "values", message.names, message.values)
                objectives = self.manager.objectives.with_goal(goal)
        except ValueError as error:
            self._refuse("goal", error)
        else:
            self._take(Way.GOAL, objectives)

    def _on_goal_sequence(self, message: Any) -> None:
        try:
            with self.manager.judging():
                waypoints = [_waypoint(i, goal) for i, goal in enumerate(message.goals)]
                self.manager.follow(waypoints)
        except ValueError as error:
            self._refuse("goal_sequence", error)
        else:
            self._controller.objective = self.manager.objective

    def _on_set_objective(self, request: Any, response: Any) -> Any:
        before = self.manager.objectives
        try:
            with self.manager.judging():
                objectives = _wished(before, request)
        except ValueError as error:
            response.success, response.message = False, str(error)
        else:
            self._take(Way.SERVICE, objectives)
            self._mirror(before, objectives)
            response.success, response.message = True, f"'{objectives.active}' is active"
        response.digest = self.manager.objective.digest
        return response

    async def _on_what_if(self, request: Any, response: Any) -> Any:
        try:
            objectives = _wished(self.manager.objectives, request)
            if request.names or request.values:
                objectives = objectives.with_goal(
                    _named("goal", "values", request.names, request.values)
                )
            planned = await self._elsewhere(lambda: self._controller.what_if(objectives.objective))
            response.plan = plan_message(planned, self._node.get_clock().now().to_msg())
            response.success = True
        except ValueError as error:
            response.message = str(error)
        except Exception as error:  # a user-defined function may raise anything
            response.message = f"{type(error).__name__}: {error}"
            self._node.get_logger().error(f"what_if: {response.message}")
        return response

    def _elsewhere(self, work: Callable[[], Any]) -> Future:
        """Run work on the other thread and return its future.

        Raises:
            ValueError: if too many requests are pending.
        """
        if not self._room.acquire(blocking=False):
            raise ValueError(f"what_if: {_MOST_QUESTIONS} questions wait already: ask later")
        future = Future()

        def do() -> None:
            try:
                result = work()
            except Exception as error:  # reported to the caller
                future.set_exception(error)
            else:
                future.set_result(result)
            finally:
                self._room.release()

        self._worker.submit(do)
        return future

    def _mirror(self, before: ObjectiveSet, after: ObjectiveSet) -> None:
        """Update the parameters to an objective changed by another source."""
        self._mirroring = True
        try:
            mirror_objective(self._node, before, after)
        finally:
            self._mirroring = False

    def _refuse(self, topic: str, error: ValueError) -> None:
        self._node.get_logger().warning(f"{topic} refused: {error}", throttle_duration_sec=0.1)


def _wished(objectives: ObjectiveSet, request: Any) -> ObjectiveSet:
    """Return the objective set that a request asks for.

    Raises:
        ValueError: naming the invalid part.
    """
    if not request.yaml:
        return objectives.select(request.name) if request.name else objectives
    if not request.name:
        raise ValueError("name: expected a name for the objective, got ''")
    return objectives.load(request.name, read_objective(request.yaml))


def _waypoint(i: int, message: Any) -> Waypoint:
    where = f"goal_sequence.goals[{i}]"
    return Waypoint(
        _named(where, "values", message.names, message.values),
        _named(where, "tolerances", message.names, message.tolerances),
        float(message.dwell),
        float(message.timeout),
    )


def _named(where: str, field: str, names: Any, values: Any) -> dict[str, float]:
    """Return numbers by name.

    Raises:
        ValueError: if there is not one for each name, no name, or a name appears twice.
    """
    if len(names) != len(values):
        raise ValueError(
            f"{where}.{field}: expected one for each of {len(names)} names, got {len(values)}"
        )
    if not names:
        raise ValueError(f"{where}.names: expected at least one dimension, got none")
    if len(set(names)) < len(names):
        double = next(name for name in names if list(names).count(name) > 1)
        raise ValueError(f"{where}.names: '{double}' appears more than once")
    return dict(zip(names, map(float, values), strict=True))
