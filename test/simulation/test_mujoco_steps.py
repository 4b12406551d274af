"""Control steps from any observation, as a prior and as a fit make them."""

import json

import numpy as np
import pytest
import torch

from mbrl_ros.core.prior import PriorSettings
from mbrl_ros.core.spaces import Space
from mbrl_ros.models.prior import make_prior
from mbrl_ros.simulation.environments import make_plant
from mbrl_ros.simulation.mujoco_prior import MujocoPrior
from mbrl_ros.simulation.mujoco_steps import MujocoSteps
from mbrl_ros.simulation.settings import PhysicsSettings, SimulatorSettings

ARM = """
<mujoco>
  <option timestep="0.01" integrator="implicitfast"/>
  <worldbody>
    <body name="upper"><joint name="shoulder" damping="0.1"/>
      <geom type="capsule" size="0.02" fromto="0 0 0 0.3 0 0"/>
      <body name="lower" pos="0.3 0 0"><joint name="elbow" damping="0.1"/>
        <geom type="capsule" size="0.02" fromto="0 0 0 0.3 0 0"/></body></body>
    {more}
  </worldbody>
  <actuator>{motor}</actuator>
</mujoco>
"""
MOTORS = '<motor joint="shoulder" ctrlrange="-1 1"/><motor joint="elbow" ctrlrange="-1 1"/>'
TASK = "class Task:\n    def observation(self, model, data):\n        q, v = data.qpos, data.qvel\n"


def spaces(plant):
    low, high = plant.action_space.low, plant.action_space.high
    return Space.of(plant.observation_names), Space.of(plant.action_names, low, high)


def made(environment, repeat=1, task_module=""):
    settings = SimulatorSettings(
        environment=str(environment), action_repeat=repeat, task_module=task_module
    )
    plant = make_plant(settings)
    plant.reset(seed=3)
    return plant


def arm(folder, observation="[*np.sin(q), *np.cos(q), *v]", more="", motor=MOTORS):
    path = folder / "arm.xml"
    path.write_text(ARM.format(more=more, motor=motor))
    (folder / "task.py").write_text(f"import numpy as np\n\n\n{TASK}        return {observation}\n")
    return path, f"{folder / 'task.py'}:Task"


def checked_against(plant, steps):
    """Follow the plant, and compare each step and whole episodes."""
    rng = np.random.default_rng(0)
    low, high = plant.action_space.low, plant.action_space.high
    seen, acted = [plant.reset(seed=5)[0]], rng.uniform(low, high, (20, len(low)))
    for action in acted:
        seen.append(plant.step(action)[0])
    seen = np.array(seen)
    np.testing.assert_allclose(steps(seen[:-1], acted), seen[1:], rtol=1e-4, atol=1e-4)
    followed = steps.follow(seen[:1], acted[None])
    np.testing.assert_allclose(followed[0], seen[1:], rtol=1e-2, atol=1e-2)


@pytest.mark.parametrize(
    ("name", "repeat"),
    [
        ("dm_control/cartpole-swingup-v0", 4),
        ("dm_control/pendulum-swingup-v0", 2),
        ("InvertedPendulum-v5", 1),
    ],
)
def test_it_steps_as_the_plant_does(name, repeat):
    plant = made(name, repeat)
    steps = MujocoSteps(SimulatorSettings(environment=name), *spaces(plant), plant.period)
    checked_against(plant, steps)
    plant.change_physics(PhysicsSettings(mass_scale=1.5, friction_scale=2.0, gain_scale=0.5))
    steps.change(PhysicsSettings(mass_scale=1.5, friction_scale=2.0, gain_scale=0.5))
    checked_against(plant, steps)


@pytest.mark.parametrize("threads", [1, 2])
def test_a_users_model_whose_task_shows_sines_and_cosines(tmp_path, threads):
    path, task = arm(tmp_path)
    plant = made(path, 4, task)
    settings = SimulatorSettings(environment=str(path), task_module=task)
    steps = MujocoSteps(settings, *spaces(plant), plant.period, threads=threads)
    checked_against(plant, steps)


def test_fewer_time_steps_are_nearly_as_good():
    plant = made("dm_control/cartpole-swingup-v0", 4)
    settings = SimulatorSettings(environment=plant.name)
    steps = MujocoSteps(settings, *spaces(plant), plant.period, time_steps=1)
    checked_against(plant, steps)


@pytest.mark.parametrize(
    ("observation", "more", "motor", "message"),
    [
        ("[*q, v[0]]", "", MOTORS, "no observation shows how fast joint 'elbow' moves"),
        ("[*np.sin(q), *v]", "", MOTORS, "no observation shows where joint 'shoulder' is"),
        ("[*q, *v, q[0] + q[1]]", "", MOTORS, "'.*' is not position, sine, cosine or velocity"),
        ("[*q, *v, 1.0]", "", MOTORS, "is not position, sine, cosine or velocity of one joint"),
        ("[*q, *v]", "", MOTORS.replace("motor ", 'general dyntype="filter" dynprm="0.1" '),
         "its actuators have states of their own"),
        ("[*q, *v]", '<body pos="0 0 3"><freejoint/><geom size="0.1"/></body>', MOTORS,
         "it has free or ball joints"),
    ],
)  # fmt: skip
def test_what_an_observation_does_not_determine_is_refused_by_name(
    tmp_path, observation, more, motor, message
):
    path, task = arm(tmp_path, observation, more, motor)
    plant = made(path, 4, task)
    with pytest.raises(ValueError, match=rf"^prior\.environment '{path}': .*{message}"):
        MujocoPrior(
            PriorSettings(model="mujoco", environment=str(path), task_module=task),
            *spaces(plant),
            plant.period,
        )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"environment": "CartPole-v1"}, r"prior\.environment 'CartPole-v1': it is no MuJoCo"),
        ({"environment": "Nowhere-v0"}, r"prior\.environment 'Nowhere-v0': "),
        ({"bodies": ["leg"], "mass_scale": 2.0}, r"prior\.bodies: .* has no body 'leg', it has: "),
        ({"period": 0.05}, r"prior\.environment: period: .* got 0\.05"),
        ({"environment": "HalfCheetah-v5"}, r"prior\.environment: observation\.names: expected 17"),
    ],
)
def test_settings_that_do_not_fit_are_named(settings, message):
    plant = made("InvertedPendulum-v5")
    period = settings.pop("period", plant.period)
    told = {"environment": plant.name, **settings}
    with pytest.raises(ValueError, match=f"^{message}"):
        make_prior(PriorSettings(model="mujoco", **told), *spaces(plant), period)


def test_as_a_prior_it_keeps_shape_and_type_and_its_name():
    plant = made("InvertedPendulum-v5")
    settings = PriorSettings(
        model="mujoco", environment=plant.name, mass_scale=1.3, threads=2, time_steps=1
    )
    prior = make_prior(settings, *spaces(plant), plant.period)
    assert json.loads(prior.name) == {
        "model": "mujoco", "environment": plant.name, "mass_scale": 1.3, "time_steps": 1
    }  # fmt: skip
    seen, acted = torch.rand(3, 5, 4), torch.rand(3, 5, 1)
    after = prior.step(seen, acted)
    assert after.shape == seen.shape
    assert after.dtype == seen.dtype
    torch.testing.assert_close(prior.step(seen[1, 2:3], acted[1, 2:3])[0], after[1, 2])


def test_what_diverges_or_is_no_number_is_known_by_nobody():
    plant = made("InvertedPendulum-v5")
    steps = MujocoSteps(SimulatorSettings(environment=plant.name), *spaces(plant), plant.period)
    seen = np.array([[0.0, 0.1, 0.0, 0.0], [0.0, 0.1, 0.0, 1e12], [np.nan, 0.0, 0.0, 0.0]])
    after = steps(seen, np.zeros((3, 1)))
    assert np.isfinite(after[0]).all()
    assert np.isnan(after[1:]).all()
