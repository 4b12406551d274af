import copy
import dataclasses
import itertools

import mujoco
import numpy as np
import pytest

from mbrl_ros.core.task import ActionSettings, ObservationSettings, TaskSettings
from mbrl_ros.simulation.environments import make_plant
from mbrl_ros.simulation.mjcf_writing import mjcf_text
from mbrl_ros.simulation.settings import PhysicsSettings, SimulatorSettings
from mbrl_ros.simulation.simulator import make_simulator

CARTPOLE = "dm_control/cartpole-swingup-v0"
PENDULUM = "dm_control/pendulum-swingup-v0"
HARDER = PhysicsSettings(mass_scale=2.0, friction_scale=3.0, gain_scale=0.6)

# Numbers that two and three times are exact of. The box slides on the floor, the arm above it
# swings, a tendon pulls: everything that masses, friction and gains act in.
SLED = """
<mujoco>
  <option timestep="0.005"/>
  <default><geom friction="{slide} 0.005 0.0001"/></default>
  <worldbody>
    <geom type="plane" size="5 5 0.1"/>
    <body name="box" pos="0 0 0.24">
      <freejoint/>
      <geom name="box" type="box" size="0.5 0.25 0.25" mass="{box}"/>
      <body name="arm" pos="0 0 0.25">
        <joint name="shoulder" axis="0 1 0" damping="{damping}" frictionloss="{loss}"/>
        <geom type="capsule" fromto="0 0 0 0.3 0 0.5" size="0.05" mass="{arm}"/>
        <site name="tip" pos="0.3 0 0.5"/>
      </body>
    </body>
    <site name="anchor" pos="0 0 2"/>
  </worldbody>
  <tendon>
    <spatial name="rope"><site site="anchor"/><site site="tip"/></spatial>
  </tendon>
  <actuator>
    <general joint="shoulder" gaintype="fixed" gainprm="{kp}" biastype="affine"
      biasprm="0 -{kp} -{kv}" forcelimited="true" forcerange="-{force} {force}"/>
    <motor tendon="rope" gear="8"/>
  </actuator>
</mujoco>
"""
SLED_NUMBERS = {
    "slide": 0.125,
    "box": 4.0,
    "arm": 1.0,
    "damping": 0.125,
    "loss": 0.0625,
    "kp": 16.0,
    "kv": 0.5,
    "force": 6.0,
}


@pytest.fixture
def sled(tmp_path):
    """A function that makes the plant of the sled, with other numbers in its file if given."""
    count = itertools.count()

    def make(**numbers):
        path = tmp_path / f"sled{next(count)}.xml"
        path.write_text(SLED.format(**{**SLED_NUMBERS, **numbers}))
        return made(str(path))

    return make


@pytest.fixture
def plant(request, arm_file):
    plant = made(str(arm_file) if request.param == "arm" else request.param)
    yield plant
    plant.close()


every_kind = pytest.mark.parametrize(
    "plant",
    [CARTPOLE, "dm_control/cheetah-run-v0", "HalfCheetah-v5", "Ant-v5", "arm"],
    indirect=True,
)


def made(environment, **settings):
    return make_plant(SimulatorSettings(environment=environment, **settings))


def actions(plant, steps, seed=0):
    low, high = np.maximum(plant.action_space.low, -1), np.minimum(plant.action_space.high, 1)
    return np.random.default_rng(seed).uniform(low, high, (steps, low.size))


def stepped(plant, steps, seed=0):
    """Return observation and reward of some steps; shape ``(steps, observation_dim + 1)``."""
    rows = []
    for action in actions(plant, steps, seed):
        values, reward, *_ = plant.step(action)
        rows.append([*values, reward])
    return np.array(rows)


def placed(plant, positions, velocities=None):
    """Put a MuJoCo plant somewhere, at rest unless told otherwise."""
    model, data = plant.physics.model, plant.physics.data
    data.qpos[:] = positions
    data.qvel[:] = 0.0 if velocities is None else velocities
    mujoco.mj_forward(model, data)


def contents(model):
    """Every array of numbers in a model."""
    names = [name for name in dir(model) if isinstance(getattr(model, name), np.ndarray)]
    return {name: getattr(model, name).copy() for name in names}


def assert_same_model(one, other):
    for name, values in one.items():
        np.testing.assert_array_equal(values, other[name], err_msg=name)


def test_a_weaker_motor_accelerates_the_cart_less():
    plant = made(CARTPOLE)
    speeds = {}
    for scale in (1.0, 0.6):
        plant.change_physics(PhysicsSettings(gain_scale=scale))
        plant.reset(seed=0)
        placed(plant, [0.0, np.pi])
        plant.step(np.array([1.0]))
        speeds[scale] = plant.physics.data.qvel.copy()
    assert speeds[1.0][0] > 0.05
    np.testing.assert_allclose(speeds[0.6], 0.6 * speeds[1.0], rtol=1e-6)


@every_kind
def test_the_same_command_has_that_share_of_its_force(plant):
    efforts = {}
    for scale in (1.0, 0.6):
        plant.change_physics(PhysicsSettings(gain_scale=scale))
        plant.reset(seed=0)
        plant.step(np.full(plant.action_space.shape, 0.4))
        efforts[scale] = plant.physics.joints().efforts
    assert np.abs(efforts[1.0]).max() > 0.1
    np.testing.assert_allclose(efforts[0.6], 0.6 * efforts[1.0])


def test_a_heavier_pole_couples_as_inverse_dynamics_has_it():
    plant = made(CARTPOLE)
    plant.reset(seed=0)
    # A point of the cart-pole's equations: cart 1 kg, pole 0.1 kg with its middle at 0.5 m.
    angle, speed, force = 0.7, 2.0, 10.0
    model, data = plant.physics.model, plant.physics.data
    plain = model.body("pole_1").inertia.copy()
    for mass_scale in (1.0, 2.0):
        plant.change_physics(PhysicsSettings(mass_scale=mass_scale, bodies=["pole_1"]))
        placed(plant, [0.0, angle], [0.0, speed])
        plant.step(np.array([1.0]))
        placed(plant, [0.0, angle], [0.0, speed])
        data.ctrl[:] = 1.0
        mujoco.mj_forward(model, data)
        cart, pole, half = 1.0, 0.1 * mass_scale, 0.5
        about_hinge = plain[1] * mass_scale + pole * half**2
        coupling = pole * half * np.cos(angle)
        inertia = np.array([[cart + pole, coupling], [coupling, about_hinge]])
        # MuJoCo's zero angle is upright.
        bias = np.array(
            [-pole * half * np.sin(angle) * speed**2, -pole * 9.81 * half * np.sin(angle)]
        )
        needed = inertia @ data.qacc + bias + model.dof_damping * data.qvel
        np.testing.assert_allclose(needed, [force, 0.0], atol=1e-5)
        mujoco.mj_inverse(model, data)
        np.testing.assert_allclose(data.qfrc_inverse, [force, 0.0], atol=1e-9)
        assert model.body("cart").mass[0] == 1.0


def test_more_friction_makes_a_swing_die_sooner():
    plant = made(PENDULUM)
    lost = {}
    for scale in (1.0, 3.0):
        plant.change_physics(PhysicsSettings(friction_scale=scale))
        plant.reset(seed=0)
        placed(plant, [np.pi + 0.5])
        energies = []
        for _ in range(51):
            model, data = plant.physics.model, plant.physics.data
            mujoco.mj_energyPos(model, data)
            mujoco.mj_energyVel(model, data)
            energies.append(data.energy.sum())
            plant.step(np.zeros(1))
        lost[scale] = energies[0] - energies[-1]
    assert lost[1.0] > 0.01
    assert 2.0 < lost[3.0] / lost[1.0] < 3.5


@pytest.mark.parametrize(
    ("physics", "numbers"),
    [
        ({"mass_scale": 2.0}, {"box": 8.0, "arm": 2.0}),
        ({"mass_scale": 2.0, "bodies": ["arm"]}, {"arm": 2.0}),
        ({"friction_scale": 3.0}, {"slide": 0.375, "damping": 0.375, "loss": 0.1875}),
        ({"gain_scale": 0.5}, {"kp": 8.0, "kv": 0.25, "force": 3.0}),
    ],
)
def test_a_changed_model_is_the_one_its_file_would_have_made(sled, physics, numbers):
    changed, written = sled(), sled(**numbers)
    changed.change_physics(PhysicsSettings(**physics))
    for plant in (changed, written):
        plant.reset(seed=0)
    one, other = contents(changed.physics.model), contents(written.physics.model)
    # Only muscles depend on it, and they keep their strength.
    del one["actuator_acc0"]
    if "gain_scale" in physics:
        # The motor on the rope has gear 8 in the file, whatever the scale.
        for values in (one, other):
            values["actuator_gainprm"] = values["actuator_gainprm"][0]
    assert_same_model(one, other)
    if "gain_scale" not in physics:
        np.testing.assert_array_equal(stepped(changed, 200), stepped(written, 200))


@every_kind
def test_the_change_acts_with_the_next_step_and_leaves_the_state(plant):
    plant.reset(seed=0)
    stepped(plant, 30)
    state, mass = plant.physics.state(), plant.physics.model.body_mass.copy()
    data = copy.copy(plant.physics.data)
    plant.change_physics(HARDER)
    plant._perturbation.act()
    np.testing.assert_array_equal(plant.physics.state(), state)
    plant.step(actions(plant, 1, seed=5)[0])
    model = plant.physics.model
    np.testing.assert_allclose(model.body_mass, 2.0 * mass)
    # mj_step computes everything from the state, so nothing of the old physics was left.
    data.ctrl[:] = plant.physics.data.ctrl
    mujoco.mj_step(model, data, round(plant.time_step / model.opt.timestep))
    np.testing.assert_array_equal(plant.physics.data.qpos, data.qpos)
    np.testing.assert_array_equal(plant.physics.data.qvel, data.qvel)


@every_kind
def test_a_scale_of_one_restores_everything_bit_by_bit(plant):
    plant.reset(seed=3)
    original = contents(plant.physics.model)
    untouched = [stepped(plant, 20), stepped(plant, 20, seed=1)]

    plant.reset(seed=3)
    first = stepped(plant, 20)
    for settings in (HARDER, PhysicsSettings(mass_scale=0.3, bodies=[]), PhysicsSettings()):
        plant.change_physics(settings)
        plant._perturbation.act()
    assert_same_model(original, contents(plant.physics.model))
    np.testing.assert_array_equal([first, stepped(plant, 20, seed=1)], untouched)

    plant.change_physics(HARDER)
    assert not np.array_equal(stepped(plant, 20, seed=2), untouched[0])
    plant.change_physics(PhysicsSettings())
    plant.reset(seed=3)
    np.testing.assert_array_equal([stepped(plant, 20), stepped(plant, 20, seed=1)], untouched)


@every_kind
def test_changes_survive_resets_and_leave_the_first_state(plant):
    first = plant.reset(seed=4)[0]
    mass = plant.physics.model.body_mass.copy()
    plant.change_physics(HARDER)
    for _ in range(2):
        again = plant.reset(seed=4)[0]
        np.testing.assert_allclose(plant.physics.model.body_mass, 2.0 * mass)
        np.testing.assert_array_equal(again, first)


def test_a_task_that_writes_into_its_model_at_every_reset():
    plant = made("dm_control/finger-spin-v0")
    plant.change_physics(PhysicsSettings(friction_scale=3.0))
    for _ in range(3):
        plant.reset(seed=0)
        # The task sets 0.03.
        assert plant.physics.model.joint("hinge").damping[0] == pytest.approx(0.09)
    plant.change_physics(PhysicsSettings())
    plant.step(np.zeros(2))
    assert plant.physics.model.joint("hinge").damping[0] == 0.03


def test_a_task_that_makes_a_new_model_at_every_reset():
    plant = made("dm_control/CmuHumanoidGoToTarget-v0")
    plant.reset(seed=0)
    model = plant.physics.model
    total = model.body_subtreemass[0]
    plant.change_physics(PhysicsSettings(mass_scale=2.0))
    plant.reset(seed=1)
    assert plant.physics.model is not model
    assert plant.physics.model.body_subtreemass[0] == pytest.approx(2.0 * total)
    plant.close()


def test_a_muscle_has_that_share_of_its_force_and_a_load_makes_it_no_weaker(tmp_path):
    path = tmp_path / "muscle.xml"
    path.write_text(
        "<mujoco><worldbody><body name='a'>"
        "<joint name='j' axis='0 1 0' limited='true' range='-60 60'/>"
        "<geom type='capsule' fromto='0 0 0 0.5 0 0' size='0.05'/></body></worldbody>"
        "<actuator><muscle joint='j' ctrllimited='true' ctrlrange='0 1' lengthrange='-1 1'/>"
        "</actuator></mujoco>"
    )
    plant = made(str(path))
    plant.reset(seed=0)
    forces = []
    for settings in ({}, {"gain_scale": 0.5}, {"mass_scale": 2.0}):
        plant.change_physics(PhysicsSettings(**settings))
        plant.reset(seed=0)
        data = plant.physics.data
        data.act[:] = data.ctrl[:] = 0.5
        mujoco.mj_forward(plant.physics.model, data)
        forces.append(data.actuator_force[0])
    assert abs(forces[0]) > 0.1
    assert forces[1:] == pytest.approx([0.5 * forces[0], forces[0]])


@pytest.mark.parametrize(
    ("environment", "settings", "words"),
    [
        (
            "CartPole-v1",
            {"mass_scale": 2.0},
            r"physics\.mass_scale: environment 'CartPole-v1' has no MuJoCo model to change; "
            r"expected 1\.0, got 2\.0",
        ),
        ("CartPole-v1", {"friction_scale": 3.0}, "physics.friction_scale: .* no MuJoCo model"),
        ("CartPole-v1", {"gain_scale": 0.6}, "physics.gain_scale: .* no MuJoCo model"),
        ("CartPole-v1", {"bodies": ["pole"]}, "physics.bodies: .* no MuJoCo model"),
        (
            CARTPOLE,
            {"mass_scale": 2.0, "gain_scale": 0.6, "bodies": ["pole"]},
            f"physics.bodies: environment '{CARTPOLE}' has no body 'pole', it has: cart, pole_1",
        ),
        (CARTPOLE, {"bodies": ["world"]}, "physics.bodies: .* has no body 'world'"),
    ],
)
def test_what_does_not_fit_is_refused_and_changes_nothing(environment, settings, words):
    plant, untouched = made(environment), made(environment)
    if environment == CARTPOLE:
        for each in (plant, untouched):
            each.change_physics(PhysicsSettings(friction_scale=3.0))
    for each in (plant, untouched):
        each.reset(seed=0)
    with pytest.raises(ValueError, match=words):
        plant.change_physics(PhysicsSettings(**settings))
    np.testing.assert_array_equal(stepped(plant, 5), stepped(untouched, 5))


def test_an_actuator_of_ones_own_kind_has_no_gain_to_scale(tmp_path, arm_file):
    path = tmp_path / "own.xml"
    own = '<general gaintype="user" joint="elbow" ctrllimited="true" ctrlrange="-2 2"/>'
    path.write_text(arm_file.read_text().replace("</actuator>", f"{own}</actuator>"))
    plant = made(str(path))
    with pytest.raises(ValueError, match=r"physics\.gain_scale: .* motors, servos and muscles"):
        plant.change_physics(PhysicsSettings(gain_scale=0.6))
    plant.change_physics(PhysicsSettings(mass_scale=2.0))


def test_environments_without_mujoco_take_scales_of_one():
    plant = made("CartPole-v1")
    plant.change_physics(PhysicsSettings())
    plant.reset(seed=0)
    plant.step(np.ones(1))


def test_the_simulator_changes_from_the_next_control_step(cartpole):
    changed, plain = cartpole(seed=1), cartpole(seed=1)

    def advance(simulator):
        seen = simulator.observation
        simulator.command([1.0], seen.episode, seen.step, seen.time)
        return simulator.advance().values

    for _ in range(3):
        np.testing.assert_array_equal(advance(changed), advance(plain))
    changed.change_physics(PhysicsSettings(gain_scale=0.6))
    assert advance(changed)[3] < advance(plain)[3]
    # The next episode begins where it would have, and goes on with the weaker motor.
    np.testing.assert_array_equal(changed.reset().values, plain.reset().values)
    assert advance(changed)[3] < advance(plain)[3]
    changed.change_physics(PhysicsSettings())
    for simulator in (changed, plain):
        simulator.reset()
    np.testing.assert_array_equal(advance(changed), advance(plain))


def test_the_first_episode_has_the_physics_of_the_parameters(cartpole):
    heavy = cartpole(physics=PhysicsSettings(mass_scale=2.0, bodies=["pole_1"]))
    plain = cartpole()
    masses = [each.plant.physics.model.body("pole_1").mass[0] for each in (heavy, plain)]
    assert masses[0] == 2 * masses[1]


def test_parameters_that_do_not_fit_are_refused_at_the_start():
    task = TaskSettings(
        period=0.02,
        observation=ObservationSettings(["x", "v", "a", "w"]),
        action=ActionSettings(["push"], [0.0], [1.0]),
    )
    settings = SimulatorSettings(environment="CartPole-v1")
    make_simulator(task, settings).close()
    settings = dataclasses.replace(settings, physics=PhysicsSettings(gain_scale=0.6))
    with pytest.raises(ValueError, match=r"physics\.gain_scale: environment 'CartPole-v1'"):
        make_simulator(task, settings)


@pytest.mark.parametrize("own", ["", 'friction="0.5 0.4 0.01 0.001 0.001"'])
def test_a_written_file_has_the_friction_of_pairs_too(tmp_path, own):
    source, made = tmp_path / "block.xml", tmp_path / "made.xml"
    source.write_text(
        '<mujoco><worldbody><geom name="floor" type="plane" size="1 1 1"/><body><freejoint/>'
        '<geom name="block" size="0.1"/></body></worldbody>'
        f'<contact><pair geom1="block" geom2="floor" {own}/></contact></mujoco>'
    )
    made.write_text(mjcf_text(source, PhysicsSettings(friction_scale=2.0)))
    before, after = (mujoco.MjModel.from_xml_path(str(p)).pair_friction for p in (source, made))
    np.testing.assert_allclose(after, before * [2.0, 2.0, 1.0, 1.0, 1.0])
