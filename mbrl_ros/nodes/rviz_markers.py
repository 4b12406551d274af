"""The node rviz_markers: robot, plan and goals in space, for RViz and what else shows such topics.

Nothing is drawn, and ``plan`` not subscribed, unless somebody subscribes to what it publishes. All
is in one frame that is fixed in the world (REP-105), z up and in m (REP-103): that of the model.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mbrl_ros.core.niceness import yield_process
from mbrl_ros.core.spaces import FloatArray
from mbrl_ros.core.task import TaskSettings
from mbrl_ros.nodes.marker_messages import dots, lines, nothing, path_message, place, solid
from mbrl_ros.nodes.parameters import declare
from mbrl_ros.nodes.qos import COMMAND, LATCHED, NEWEST
from mbrl_ros.nodes.remote_parameters import RemoteParameters
from mbrl_ros.nodes.robot_model import RobotModel
from mbrl_ros.nodes.runner import run_node
from mbrl_ros.nodes.subscribing import ObservationSubscription, subscribe_to_all
from mbrl_ros.nodes.timers import create_steady_timer
from mbrl_ros.ros import Node
from mbrl_ros.ros import interfaces as ri
from mbrl_ros.scene.goals import reached, targets_of
from mbrl_ros.scene.places import Outline, Places, Point, thinned
from mbrl_ros.scene.settings import RvizSettings
from mbrl_ros.web.watched import Future, Watched

if TYPE_CHECKING:
    from mbrl_ros.scene.posing import Poser

_PERIOD = 0.1
# Of this many redraws one sends what has not moved, too, for those who come later.
_WHOLE = 10
# Points of a way that are drawn, at most.
_POSES = 40
# Of the robot's extent.
_WIDTH, _DOT = 0.005, 0.04
_PLAN, _SPREAD = (0.0, 0.6, 0.2, 1.0), (0.35, 0.75, 0.45, 0.5)
_GOAL, _ROBOT = (0.9, 0.4, 0.0, 0.8), (0.3, 0.3, 0.8, 1.0)


class RvizMarkers(Node):
    """Draws a `Watched` system by its `Places` and the model's `Poser`."""

    def __init__(self) -> None:
        """Watch.

        Raises:
            ValueError: naming the invalid parameter.
        """
        super().__init__("rviz_markers")
        task, settings = declare(self, TaskSettings, RvizSettings)
        self._settings: RvizSettings = settings
        self._watched = Watched()
        self._watched.tell({"observation.names": task.observation.names, "period": task.period})
        self._places: Places | None = None
        if settings.position and self._watched.names:
            self._places = Point(settings.position, self._watched.names)
        # A poser, the shapes' bodies, and the shapes as markers.
        self._model: tuple[Poser, Sequence[int], Sequence[Any]] | None = None
        self._sequence: list[dict[str, float]] = []
        self._drawn: Future | None = None
        self._redraws = 0
        self._while_watched: list[Any] = []
        self._robot = RobotModel(settings.drawn, self._take_model, self._take_none)
        self._remote = {
            name: RemoteParameters(self, name, self._read)
            for name in ("mpc_controller", "mujoco_sim")
        }
        self._plan_path = self.create_publisher(ri.Path, "plan_path", COMMAND)
        self._plan_markers = self.create_publisher(ri.MarkerArray, "plan_markers", COMMAND)
        self._goal_path = self.create_publisher(ri.Path, "goal_path", COMMAND)
        self._goal_markers = self.create_publisher(ri.MarkerArray, "goal_markers", COMMAND)
        self._robot_markers = self.create_publisher(ri.MarkerArray, "robot_markers", COMMAND)
        ObservationSubscription(self, lambda message: self._take("Observation", message))
        self._follow(ri.Objective, "objective", "Objective", LATCHED)
        subscribe_to_all(self, ri.GoalSequence, "goal_sequence", self._on_sequence)
        create_steady_timer(self, _PERIOD, self._tick)

    def _take(self, kind: str, message: Any) -> None:
        self._watched.feed(kind, message, time.time())

    def _follow(self, message_type: Any, topic: str, kind: str, quality: Any) -> Any:
        return self.create_subscription(
            message_type, topic, lambda message: self._take(kind, message), quality
        )

    def _on_sequence(self, message: Any) -> None:
        self._sequence = [dict(zip(g.names, g.values, strict=False)) for g in message.goals]

    def _read(self) -> None:
        """Take in parameters that were read."""
        if controller := self._remote["mpc_controller"].values:
            self._watched.tell(controller)

    def _take_model(self, poser: Poser) -> None:
        """Prepare to draw a model; on the thread that has loaded it."""
        outline = Outline(poser)
        markers = [solid("robot", i, shape) for i, shape in enumerate(outline.shapes)]
        if self._places is None:
            self._places = outline
        self._model = poser, [shape.body for shape in outline.shapes], markers

    def _take_none(self, reason: str) -> None:
        self.get_logger().warning(f"no model to draw: {reason}")

    def _tick(self) -> None:
        for remote in self._remote.values():
            remote.update()
        drawn = self._plan_path, self._plan_markers, self._goal_path, self._goal_markers
        watched = any(each.get_subscription_count() for each in (*drawn, self._robot_markers))
        self._listen(watched)
        if not watched:
            return
        if self._places is None and self._settings.position and self._watched.names:
            self._places = Point(self._settings.position, self._watched.names)
        self._robot.look(self._remote["mujoco_sim"].values, self._watched.names)
        self._redraws += 1
        now, observation = self.get_clock().now(), self._watched.observation
        header = ri.Header(stamp=now.to_msg(), frame_id=self._settings.frame)
        self._draw_robot(header, observation)
        if self._places is not None and self._places.dimensions and observation is not None:
            self._draw_plan(header, now.nanoseconds, self._places)
            self._draw_goals(header, observation, self._places)

    def _listen(self, watched: bool) -> None:
        """Subscribe what costs its publisher something only while somebody looks."""
        if watched and not self._while_watched:
            self._while_watched = [
                self._follow(ri.Plan, "plan", "Plan", COMMAND),
                self._follow(ri.ControllerStatus, "controller_status", "ControllerStatus", NEWEST),
                self._follow(ri.JointState, "joint_states", "JointState", NEWEST),
            ]
        elif not watched and self._while_watched:
            for subscription in self._while_watched:
                self.destroy_subscription(subscription)
            self._while_watched = []

    @property
    def _is_whole(self) -> bool:
        return self._redraws % _WHOLE == 1

    def _draw_robot(self, header: Any, observation: FloatArray | None) -> None:
        """Send the shapes that have moved; a robot without a model is a dot."""
        if self._model is None:
            if isinstance(self._places, Point) and observation is not None:
                at = self._places.points(observation)
                marker = dots(header, "robot", at, _DOT * self._places.extent, _ROBOT)
                self._robot_markers.publish(ri.MarkerArray(markers=[marker]))
            return
        poser, bodies, markers = self._model
        positions, turns = poser.bodies(observation, self._watched.joints)
        moved = []
        for body, marker in zip(bodies, markers, strict=True):
            before = marker.pose
            place(marker, header, positions[body], turns[body])
            if self._is_whole or marker.pose != before:
                moved.append(marker)
        self._robot_markers.publish(ri.MarkerArray(markers=moved))

    def _draw_plan(self, header: Any, now: int, places: Places) -> None:
        future = self._watched.future
        if future is self._drawn and not self._is_whole:
            return
        self._drawn = future
        if future is None or not np.isfinite(future.mean).all():
            self._plan_path.publish(ri.Path(header=header))
            self._plan_markers.publish(ri.MarkerArray(markers=[nothing(header)]))
            return
        mean, std = thinned(future.mean, _POSES), thinned(future.std, _POSES)
        way = places.way(mean)
        period = round(self._watched.period * 1e9)
        steps = future.ahead + thinned(np.arange(float(len(future.mean))), _POSES)
        stamps = [now + int(step) * period for step in steps]
        self._plan_path.publish(path_message(header, way[:, 0], stamps))
        width = _WIDTH * places.extent
        self._plan_markers.publish(
            ri.MarkerArray(
                markers=[
                    lines(header, "mean", way, width, _PLAN),
                    lines(header, "below", places.way(mean - std), width / 2, _SPREAD),
                    lines(header, "above", places.way(mean + std), width / 2, _SPREAD),
                    dots(header, "end", way[-1], _DOT * places.extent, _PLAN),
                ]
            )
        )

    def _draw_goals(self, header: Any, observation: FloatArray, places: Places) -> None:
        """Draw where the objective's targets are, of a sequence all of them."""
        objective = self._watched.objective
        targets = targets_of(objective.content) if objective is not None else {}
        in_sequence = objective is not None and objective.way == "goal_sequence"
        goals = [{**targets, **goal} for goal in self._sequence] if in_sequence else [targets]
        found = [
            reached(observation, self._watched.names, goal, places.dimensions) for goal in goals
        ]
        there = [each for each in found if each is not None]
        if not there:
            self._goal_path.publish(ri.Path(header=header))
            self._goal_markers.publish(ri.MarkerArray(markers=[nothing(header)]))
            return
        way = places.way(np.array(there))
        stamp = header.stamp.sec * 10**9 + header.stamp.nanosec
        self._goal_path.publish(path_message(header, way[:, 0], [stamp] * len(way)))
        marker = dots(header, "goal", way.reshape(-1, 3), _DOT * places.extent, _GOAL)
        self._goal_markers.publish(ri.MarkerArray(markers=[nothing(header), marker]))


def main(args: list[str] | None = None) -> int:
    """Run the node until it is stopped; return the process's exit code."""
    yield_process()  # the control loop comes first
    return run_node(RvizMarkers, args)
