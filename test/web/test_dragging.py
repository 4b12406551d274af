"""Targets in space."""

import math

import numpy as np
import pytest

from mbrl_ros.core.resources import resource_directory
from mbrl_ros.core.spaces import Space
from mbrl_ros.scene.posing import Poser
from mbrl_ros.web.dragging import Goals

pytest.importorskip("trimesh", reason="the page needs viser, which brings it")

STANDINS = resource_directory("config") / "robots" / "standins"
CARTPOLE = """<mujoco><worldbody>
  <body name="cart"><joint name="rail" type="slide" axis="1 0 0"/>
    <geom type="box" size=".1 .1 .1"/>
    <body name="pole" pos="0 0 .1"><joint name="swing" type="hinge" axis="0 1 0"/>
      <geom type="capsule" fromto="0 0 0 0 0 1" size=".05"/></body></body>
</worldbody></mujoco>"""
RAIL = Space.of(["rail", "swing_sin", "swing_cos", "speed"], [-2, -1, -1, -9], [2, 1, 1, 9])
NOW = np.array([0.3, 1.0, 0.0, 0.0])
CART, POLE = 1, 2


@pytest.fixture
def goals(tmp_path):
    file = tmp_path / "model.xml"
    file.write_text(CARTPOLE)
    return Goals(Poser.of_file(str(file), RAIL.names), RAIL)


def test_a_slides_target_lies_on_its_way_and_is_moved_along_it(goals):
    (marker,) = goals.markers({"rail": 1.0}, NOW)
    assert (marker.body, marker.axes) == (CART, (True, False, False))
    assert marker.point == pytest.approx([1.0, 0, 0])
    moved = goals.dragged(CART, np.array([-0.7, 5.0, 3.0]), {"rail": 1.0}, NOW)
    assert moved == {"rail": pytest.approx(-0.7)}
    assert goals.dragged(CART, np.array([9.0, 0, 0]), {"rail": 1.0}, NOW) == {"rail": 2.0}
    assert goals.dragged(CART, np.array([math.nan, 0, 0]), {"rail": 1.0}, NOW) == {}
    assert goals.dragged(POLE, np.zeros(3), {"rail": 1.0}, NOW) == {}


def test_a_hinges_target_is_where_the_tip_is_to_be(goals):
    wanted = {"rail": 1.0, "swing_sin": 0.0, "swing_cos": 1.0}
    cart, pole = goals.markers(wanted, NOW)
    assert cart.point == pytest.approx([1.0, 0, 0])
    assert pole.point == pytest.approx([1.0, 0, 1.15])
    assert pole.axes == (True, False, True)
    moved = goals.dragged(POLE, np.array([0.0, 0.0, 0.1]), wanted, NOW)
    assert moved == pytest.approx({"swing_sin": -1.0, "swing_cos": 0.0}, abs=1e-3)
    # The cart's target stays: it has a marker of its own.
    assert goals.markers({**wanted, **moved}, NOW)[1].point == pytest.approx(
        [-0.05, 0, 0.1], abs=2e-3
    )
    # Half an angle is no place.
    assert goals.markers({"swing_cos": 1.0}, NOW) == []
    assert goals.markers({"speed": 1.0}, NOW) == []


def test_a_task_of_fewer_dimensions_than_the_model_has_is_not_placed(goals):
    other = Goals(goals._poser, Space.of(["rail"]))
    assert other.markers({"rail": 1.0}, np.zeros(1)) == []
    assert other.dragged(CART, np.zeros(3), {"rail": 1.0}, np.zeros(1)) == {}


@pytest.mark.parametrize("strange", [math.nan, math.inf, 1e300])
def test_what_is_nowhere_has_no_marker_and_is_not_dragged(goals, strange):
    wanted = {"swing_sin": 0.0, "swing_cos": 1.0}
    for targets, now in (
        ({**wanted, "rail": strange}, NOW), (wanted, np.array([strange, 1.0, 0.0, 0.0])),
    ):  # fmt: skip
        for marker in goals.markers(targets, now):
            assert np.isfinite(marker.point).all()
        for moved in (goals.dragged(body, np.ones(3), targets, now) for body in (CART, POLE)):
            assert all(map(math.isfinite, moved.values()))


@pytest.mark.parametrize("angle", [0.5, 2.0, -3.0])
def test_what_has_no_target_is_where_it_is_now(goals, angle):
    now = np.array([0.8, 0.0, 1.0, 0.0])
    wanted = {"swing_sin": math.sin(angle), "swing_cos": math.cos(angle)}
    (marker,) = goals.markers(wanted, now)
    assert marker.point == pytest.approx(
        [0.8 + 1.05 * math.sin(angle), 0, 0.1 + 1.05 * math.cos(angle)]
    )
    assert goals.dragged(POLE, marker.point, wanted, now) == pytest.approx(wanted, abs=1e-6)


def test_a_free_body_is_wanted_at_a_place():
    names = ["base_x", "base_y", "base_yaw"]
    space = Space.of(names, [-5, -5, -math.inf], [5, 5, math.inf])
    poser = Poser.of_file(str(STANDINS / "diff_drive.xml"), names)
    goals, now = Goals(poser, space), np.array([0.2, 0.1, math.pi / 2])
    (marker,) = goals.markers({"base_x": 1.0, "base_y": 0.5}, now)
    assert marker.axes == (True, True, False)
    assert marker.point[:2] == pytest.approx([1.0, 0.5])
    moved = goals.dragged(marker.body, np.array([-1.0, 7.0, 2.0]), {"base_x": 1, "base_y": 0}, now)
    assert moved == pytest.approx({"base_x": -1.0, "base_y": 5.0})
    # The nose looks along y.
    _, turns = poser.bodies(now)
    assert turns[1] == pytest.approx([math.sqrt(0.5), 0, 0, math.sqrt(0.5)])


def test_an_arm_is_dragged_by_those_points_that_its_joints_move():
    joints = ["base", "shoulder", "elbow", "forearm", "wrist", "hand"]
    names = [f"{joint}_angle" for joint in joints]
    poser = Poser.of_file(str(STANDINS / "arm.xml"), names)
    goals, now = Goals(poser, Space.of(names)), np.zeros(6)
    wanted = dict(zip(names, [0.0, -0.5, 1.0, 0.0, 0.5, 0.0], strict=True))
    by_name = {poser.model.body(m.body).name: m for m in goals.markers(wanted, now)}
    # Base, forearm and hand turn themselves on the spot.
    assert [*by_name] == ["shoulder", "elbow", "wrist"]
    shoulder = by_name["shoulder"]
    to = shoulder.point + np.array([0.0, 0.1, 0.0])
    moved = goals.dragged(shoulder.body, to, wanted, now)
    assert {*moved} == {"base_angle", "shoulder_angle"}
    (after, *_) = goals.markers({**wanted, **moved}, now)
    assert after.point[1] == pytest.approx(to[1], abs=0.02)
    assert np.linalg.norm(after.point - to) < 0.05
