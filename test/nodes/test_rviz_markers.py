"""What is drawn for RViz, by the node as it is, in the process of the test."""

import json
import math

import pytest
from support.waiting import eventually

from mbrl_ros.core.resources import resource_directory

ros = pytest.importorskip("mbrl_ros.ros")
ri = pytest.importorskip("mbrl_ros.ros.interfaces")
pytest.importorskip("trimesh", reason="shapes need trimesh")

from mbrl_ros.nodes.qos import EVENTS, LATCHED  # noqa: E402
from mbrl_ros.nodes.rviz_markers import RvizMarkers  # noqa: E402

pytestmark = pytest.mark.process

ROBOTS = resource_directory("config") / "robots"
JOINTS = [f"{name}_angle" for name in ("base", "shoulder", "elbow", "forearm", "wrist", "hand")]


class Watcher:
    """The node that draws, and one that is system and viewer in one."""

    def __init__(self, names, **parameters):
        values = {"observation.names": f"[{', '.join(names)}]", "frame": "odom", **parameters}
        words = [word for name, value in values.items() for word in ("-p", f"{name}:={value}")]
        ros.init(args=["--ros-args", *words])
        self.drawing, self.other = RvizMarkers(), ros.Node("other")
        self.names, self.newest, self.subscriptions = names, {}, []
        self.executor = ros.SingleThreadedExecutor()
        for node in (self.drawing, self.other):
            self.executor.add_node(node)
        self.publishers = {
            topic: self.other.create_publisher(kind, topic, quality)
            for topic, kind, quality in (
                ("observation", ri.Observation, EVENTS),
                ("plan", ri.Plan, EVENTS),
                ("objective", ri.Objective, LATCHED),
                ("goal_sequence", ri.GoalSequence, LATCHED),
            )
        }

    def look(self):
        for topic, kind in (
            ("robot_markers", ri.MarkerArray), ("plan_markers", ri.MarkerArray),
            ("goal_markers", ri.MarkerArray), ("plan_path", ri.Path), ("goal_path", ri.Path),
        ):  # fmt: skip
            self.subscriptions.append(
                self.other.create_subscription(
                    kind, topic, lambda m, topic=topic: self.newest.__setitem__(topic, m), 10
                )
            )

    def look_away(self):
        for subscription in self.subscriptions:
            self.other.destroy_subscription(subscription)

    def say(self, values, plan, content="{}", way="goal"):
        self.publishers["observation"].publish(ri.Observation(episode=0, step=1, values=values))
        rows = [value for row in plan for value in row]
        message = ri.Plan(
            horizon=len(plan) - 1, observation_names=self.names, observations=rows,
            observation_stds=[0.1] * len(rows),
        )  # fmt: skip
        self.publishers["plan"].publish(message)
        self.publishers["objective"].publish(ri.Objective(content=content, way=way))

    def sees(self, condition, **said):
        def meanwhile():
            self.say(**said)
            self.executor.spin_once(timeout_sec=0.02)

        return eventually(condition, meanwhile=meanwhile)

    def path(self, topic):
        poses = self.newest[topic].poses if topic in self.newest else []
        return [(p.pose.position.x, p.pose.position.y, p.pose.position.z) for p in poses]

    def close(self):
        self.executor.shutdown()
        self.drawing.destroy_node()
        self.other.destroy_node()
        ros.try_shutdown()


@pytest.fixture
def watch(domain):
    made = []
    yield lambda *args, **parameters: made.append(Watcher(*args, **parameters)) or made[-1]
    for each in made:
        each.close()


def test_a_mobile_robots_plan_and_goals_are_drawn_only_for_who_looks(watch):
    watcher = watch(["at_x", "at_y", "heading"], position="[at_x, at_y]")
    said = {
        "values": [1.0, 2.0, 0.0],
        "plan": [[1.0, 2.0, 0.0], [1.5, 2.0, 0.0], [2.0, 2.5, 0.0]],
        "content": '{"terms": {}, "goal": {"at_x": 3.0}}',
    }
    plans = watcher.publishers["plan"]
    # It knows what there is to draw, and nobody looks.
    watcher.sees(lambda: watcher.drawing._watched.objective is not None, **said)
    assert plans.get_subscription_count() == 0
    watcher.look()
    watcher.sees(lambda: len(watcher.path("plan_path")) == 3 and watcher.path("goal_path"), **said)
    assert watcher.path("plan_path") == [(1.0, 2.0, 0.0), (1.5, 2.0, 0.0), (2.0, 2.5, 0.0)]
    # What has no target stays where it is.
    assert watcher.path("goal_path") == [(3.0, 2.0, 0.0)]
    path = watcher.newest["plan_path"]
    assert path.header.frame_id == path.poses[0].header.frame_id == "odom"
    (robot,) = watcher.newest["robot_markers"].markers
    assert (robot.type, robot.points[0].x, robot.header.frame_id) == (robot.SPHERE_LIST, 1, "odom")

    goals = [ri.Waypoint(names=["at_x", "at_y"], values=[x, 0.5]) for x in (4.0, 5.0)]
    watcher.publishers["goal_sequence"].publish(ri.GoalSequence(goals=goals))
    in_sequence = {**said, "way": "goal_sequence"}
    watcher.sees(lambda: len(watcher.path("goal_path")) == 2, **in_sequence)
    assert watcher.path("goal_path") == [(4.0, 0.5, 0.0), (5.0, 0.5, 0.0)]
    # An objective that is of no place has no goals to draw.
    nowhere = {**said, "content": "no JSON"}
    watcher.sees(lambda: not watcher.path("goal_path"), **nowhere)
    watcher.sees(lambda: len(watcher.newest["goal_markers"].markers) == 1, **nowhere)
    assert watcher.newest["goal_markers"].markers[0].action == ri.Marker.DELETEALL

    watcher.look_away()
    watcher.sees(lambda: plans.get_subscription_count() == 0, **said)


def test_an_arm_is_drawn_by_its_model(watch):
    watcher = watch(JOINTS, **{"drawn.model": str(ROBOTS / "standins" / "arm.xml")})
    watcher.look()
    resting = [0.0] * len(JOINTS)
    turned = [math.pi / 2, *resting[1:]]
    said = {"values": resting, "plan": [resting, turned]}
    said["content"] = json.dumps({"terms": {}, "goal": {"base_angle": turned[0]}})
    watcher.sees(lambda: watcher.path("plan_path") and watcher.path("goal_path"), **said)
    (x, y, z), end = watcher.path("plan_path")
    # The base turns about z.
    assert end == pytest.approx((-y, x, z), abs=1e-3)
    assert watcher.path("goal_path") == [pytest.approx(end, abs=1e-3)]
    drawn = {marker.ns for marker in watcher.newest["plan_markers"].markers}
    assert drawn == {"mean", "below", "above", "end"}
    shapes = watcher.newest["robot_markers"].markers
    assert {shape.type for shape in shapes} <= {ri.Marker.TRIANGLE_LIST}


def test_a_position_must_be_of_dimensions(domain):
    with pytest.raises(ValueError, match="two or three of at_x, at_y, got at_z"):
        Watcher(["at_x", "at_y"], position="[at_z]")
    ros.try_shutdown()
