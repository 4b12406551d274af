"""The robot's pose from what is observed."""

import math

import numpy as np
import pytest

from mbrl_ros.core.resources import resource_directory
from mbrl_ros.scene.posing import Poser
from mbrl_ros.scene.settings import DrawnSettings
from mbrl_ros.scene.shapes import SHOWN_GROUPS, placed, shapes_of, tips
from mbrl_ros.simulation.environments import make_environment
from mbrl_ros.simulation.physics import Physics
from mbrl_ros.simulation.settings import SimulatorSettings
from mbrl_ros.system.configuration import read_task

pytest.importorskip("trimesh", reason="the page needs viser, which brings it")

STANDINS = resource_directory("config") / "robots" / "standins"

MODEL = """<mujoco><worldbody>
  <geom type="plane" size="1 1 .1"/>
  <body name="cart"><joint name="rail" type="slide" axis="1 0 0"/>
    <geom type="box" size=".1 .1 .1" rgba="1 0 0 1"/>
    <body name="pole" pos="0 0 .1"><joint name="swing" type="hinge" axis="0 1 0"/>
      <geom type="capsule" fromto="0 0 0 0 0 1" size=".05"/>
      <geom type="sphere" size=".2" group="3"/></body></body>
  <body name="ball" pos="0 0 3"><freejoint name="free"/><geom type="sphere" size=".1"/></body>
</worldbody></mujoco>"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "model.xml"
    path.write_text(MODEL)
    return str(path)


@pytest.mark.parametrize(
    ("names", "values"),
    [
        (["rail_position", "swing_angle"], [0.5, 1.0]),
        (["swing_sin", "other", "swing_cos", "rail"], [math.sin(1.0), 9.0, math.cos(1.0), 0.5]),
        (["swing", "rail_position"], [1.0 - 2 * math.pi, 0.5]),
    ],
)
def test_observations_of_several_kinds_pose_it(file, names, values):
    poser = Poser.of_file(file, names)
    assert poser.told == ("rail", "swing")
    positions, turns = poser.bodies(np.array(values))
    assert positions[1] == pytest.approx([0.5, 0, 0])
    tip = placed(np.array([0, 0, 1.0]), positions[2], turns[2])
    assert tip == pytest.approx([0.5 + math.sin(1.0), 0, 0.1 + math.cos(1.0)])


def test_what_is_free_is_posed_by_place_and_quaternion(file):
    poser = Poser.of_file(file, ["free_x", "free_z", "free_qw", "free_qx"])
    positions, turns = poser.bodies(np.array([1.0, 2.0, 0.0, 1.0]))
    assert positions[3] == pytest.approx([1, 0, 2])
    assert turns[3] == pytest.approx([0, 1, 0, 0])


def test_dimensions_may_be_called_otherwise_than_the_joints(file):
    poser = Poser.of_file(file, ["at", "phi"], ["at=rail", "phi = swing"])
    assert poser.told == ("rail", "swing")
    names = ["s", "c", "rail", "height", "turn"]
    lines = ["s = swing_sin", "c = swing_cos", "height = free_z", "turn = free_yaw"]
    assert Poser.of_file(file, names, lines).told == ("rail", "swing", "free")
    expected = r"^drawn.joints: expected DIMENSION = JOINT with a"
    joints = "joint of rail, swing, swing_sin, swing_cos, free_x, "
    for wrong in ("at", "at=", "at=rail=phi", "at = rale", "at = free_angle"):
        with pytest.raises(ValueError, match=f"{expected} {joints}.*, got '{wrong}'$"):
            Poser.of_file(file, ["at"], [wrong])
    # As it was told in earlier versions, too.
    for wrong in ("rail", "=rail", "", "rail = at"):
        with pytest.raises(ValueError, match=f"{expected} dimension of at, got '{wrong}'$"):
            Poser.of_file(file, ["at"], [wrong])
    for twice, told in (
        (["at = rail", "phi = rail"], "'rail' is given twice"),
        (["at = rail", "at = swing"], "expected each dimension once"),
    ):
        with pytest.raises(ValueError, match=f"^drawn.joints: {told}"):
            Poser.of_file(file, ["at", "phi"], twice)


def test_too_short_an_observation_leaves_it_at_rest(file):
    poser = Poser.of_file(file, ["other", "swing_sin", "swing_cos", "rail"])
    resting, _ = poser.bodies(None)
    for size in range(4):
        assert (poser.bodies(np.ones(size))[0] == resting).all()
    assert (poser.bodies(np.ones(4))[0] != resting).any()


def test_joint_states_come_first(file):
    poser = Poser.of_file(file, ["rail"])
    positions, _ = poser.bodies(np.array([0.5]), {"rail": 0.7, "nobody": 3.0})
    assert positions[1][0] == pytest.approx(0.7)
    assert Poser.of_file(file, ["x", "y"]).told == ()


def test_shapes_are_what_is_visible_and_tips_are_the_far_ends(file):
    model = Poser.of_file(file, []).model
    shapes = shapes_of(model)
    assert [shape.body for shape in shapes] == [1, 2, 3]  # no plane, no group 3
    assert shapes[0].color == (1, 0, 0, 1)
    assert np.abs(shapes[0].vertices).max() == pytest.approx(0.1)
    assert shapes[1].vertices.max() == pytest.approx(1.05)
    assert tips(model, shapes)[2] == pytest.approx([0, 0, 1.05], abs=0.02)


@pytest.mark.parametrize("environment", ["dm_control/cartpole-swingup-v0", "Reacher-v5"])
def test_a_plants_dimensions_are_found_by_trying_it_out(environment):
    settings = SimulatorSettings(environment=environment)
    poser = Poser.of_plant(settings)
    made, _ = make_environment(settings)
    seen, _ = made.reset(seed=3)
    physics = Physics.find(made.unwrapped)
    flat = np.concatenate([np.ravel(v) for v in seen.values()]) if isinstance(seen, dict) else seen
    positions, _ = poser.bodies(flat)
    moved = [i for i in range(1, poser.model.nbody) if poser.model.body(i).name != "target"]
    assert positions[moved] == pytest.approx(physics.data.xpos[moved], abs=1e-6)
    made.close()


def test_a_target_that_every_reset_puts_elsewhere_is_not_shown_where_it_was_once():
    poser = Poser.of_plant(SimulatorSettings(environment="dm_control/reacher-easy-v0"))
    shown = {poser.model.body(shape.body).name for shape in shapes_of(poser.model)}
    assert "finger" in shown
    assert "target" not in {poser.model.geom(i).name for i in range(poser.model.ngeom)
                            if poser.model.geom_group[i] < SHOWN_GROUPS}  # fmt: skip


@pytest.mark.parametrize("path", sorted(STANDINS.glob("*.xml")), ids=lambda path: path.stem)
def test_every_shipped_robot_has_shapes(path):
    assert shapes_of(Poser.of_file(str(path), []).model)


def test_what_has_no_model_says_so(tmp_path):
    with pytest.raises(ValueError, match="CartPole-v1 has no MuJoCo model"):
        Poser.of_plant(SimulatorSettings(environment="CartPole-v1"))
    with pytest.raises(ValueError, match=r"^drawn.model: .*nothing.xml: [^\n]*$"):
        Poser.of_file(str(tmp_path / "nothing.xml"), [])
    (tmp_path / "bad.xml").write_text("<mujoco><nothing/></mujoco>")
    with pytest.raises(ValueError, match=r"^drawn.model: .*bad.xml: [^\n]*$"):
        Poser.of_file(str(tmp_path / "bad.xml"), [])


@pytest.mark.parametrize(
    ("robot", "told"), [("arm", 6), ("cartpole_rig", 2), ("diff_drive", 1)], ids=lambda x: str(x)
)
def test_the_models_of_shipped_robots_are_posed_by_their_dimensions(robot, told):
    configuration = read_task(robot, {})
    drawn = configuration.build("rviz_markers").drawn
    assert drawn == configuration.build("web_monitor").drawn
    names = configuration.shared["observation.names"]
    assert len(Poser.of_file(drawn.model, names, drawn.joints).told) == told


def test_one_parameter_of_a_launch_says_for_both_viewers_which_model_is_drawn():
    given = {"drawn.model": str(STANDINS / "arm.xml"), "drawn.joints": ["x = base"], "port": 9}
    configuration = read_task("pendulum_swingup", given)
    page, rviz = (configuration.build(node) for node in ("web_monitor", "rviz_markers"))
    assert page.drawn == rviz.drawn == DrawnSettings(given["drawn.model"], ["x = base"])
    assert page.port == 9
    with pytest.raises(ValueError, match=r"drawn.model: expected a file, for drawn.joints \['a"):
        read_task("pendulum_swingup", {"drawn.joints": ["a = b"]}).build("web_monitor")
