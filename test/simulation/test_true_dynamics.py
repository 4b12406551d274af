"""What a plant would do, beside what it then does."""

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from mbrl_ros.simulation.environments import make_plant
from mbrl_ros.simulation.plant import Plant
from mbrl_ros.simulation.settings import SimulatorSettings
from mbrl_ros.simulation.true_dynamics import NoTrueDynamicsError, true_dynamics

MJCF = """
<mujoco>
  <option timestep="0.01"/>
  <worldbody>
    <body name="target" mocap="true"><site name="goal"/></body>
    <body><joint name="hinge" axis="0 1 0"/><geom type="capsule" size="0.02" fromto="0 0 0 0 0 1"/>
      <site name="tip" pos="0 0 1"/></body>
  </worldbody>
  <actuator><motor joint="hinge" ctrllimited="true" ctrlrange="-1 1"/></actuator>
</mujoco>
"""


def made(name, **settings):
    plant = make_plant(SimulatorSettings(environment=name, **settings))
    plant.reset(seed=3)
    return plant


def drawn(plant, rng, *shape):
    return rng.uniform(
        plant.action_space.low, plant.action_space.high, (*shape, *plant.action_space.shape)
    )


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(
    ("name", "repeat"),
    [
        ("dm_control/cartpole-swingup-v0", 4),
        ("dm_control/cartpole-swingup-v0", 1),
        ("dm_control/pendulum-swingup-v0", 2),
        ("dm_control/reacher-easy-v0", 2),
        ("dm_control/acrobot-swingup-v0", 2),
        ("dm_control/hopper-hop-v0", 2),  # feels touches
        ("InvertedPendulum-v5", 1),
        ("InvertedDoublePendulum-v5", 1),
        ("Reacher-v5", 2),  # its bodies lag behind its joints
        ("HalfCheetah-v5", 1),
        ("CartPole-v1", 1),
        ("Pendulum-v1", 2),
    ],
)
def test_what_is_foreseen_happens(name, repeat, threads):
    plant = made(name, action_repeat=repeat)
    foresee = true_dynamics(plant, threads)
    rng = np.random.default_rng(0)
    for _ in range(5):
        actions = drawn(plant, rng, 6, 3)
        foreseen = foresee(actions)
        assert foreseen.shape == (6, 3, *plant.observation_space.shape)
        chosen = int(rng.integers(6))
        happened = np.stack([plant.step(action)[0] for action in actions[chosen]])
        np.testing.assert_allclose(foreseen[chosen], happened, rtol=1e-6, atol=1e-6)
        # Another episode may have another model.
        plant.reset(seed=int(rng.integers(1000)))
    plant.close()


@pytest.mark.parametrize("name", ["dm_control/reacher-easy-v0", "HalfCheetah-v5", "CartPole-v1"])
def test_the_plant_is_left_as_it_was(name):
    rng = np.random.default_rng(0)
    alone, foreseen = made(name), made(name)
    foresee = true_dynamics(foreseen)
    for action in drawn(alone, rng, 8):
        foresee(drawn(alone, rng, 4, 5))
        np.testing.assert_array_equal(alone.step(action)[0], foreseen.step(action)[0])
    alone.close()
    foreseen.close()


def test_a_model_of_ones_own_is_foreseen(tmp_path):
    file, task = tmp_path / "pole.xml", tmp_path / "pole.py"
    file.write_text(MJCF)
    task.write_text(
        "import numpy as np\n"
        "def observation(model, data):\n"
        "    way = data.site('tip').xpos - data.site('goal').xpos\n"
        "    return np.concatenate([data.qvel, way])\n"
        "def reset(model, data, rng):\n"
        "    data.mocap_pos[0] = rng.uniform(-1, 1, 3)\n"
    )
    plant = made(str(file), task_module=str(task), action_repeat=3)
    actions = drawn(plant, np.random.default_rng(0), 2, 4)
    foreseen = true_dynamics(plant)(actions)
    happened = np.stack([plant.step(action)[0] for action in actions[1]])
    np.testing.assert_allclose(foreseen[1], happened, rtol=1e-6, atol=1e-9)
    plant.close()


def test_after_the_end_nothing_changes():
    plant = made("CartPole-v1")
    foreseen = true_dynamics(plant)(np.ones((1, 40, 1)))[0]
    ended = [abs(angle) > 0.2095 for angle in foreseen[:, 2]].index(True)
    assert 5 < ended < 30
    assert (foreseen[ended:] == foreseen[ended]).all()
    plant.close()


def test_what_cannot_be_copied_is_refused():
    class Uncopied(gymnasium.Env):
        observation_space = spaces.Box(-1.0, 1.0, (1,))
        action_space = spaces.Box(-1.0, 1.0, (1,))
        dt = 0.1

        def __deepcopy__(self, memo):
            raise TypeError("it is one of a kind")

    with pytest.raises(NoTrueDynamicsError, match="'one': no copy of it: it is one of a kind"):
        true_dynamics(Plant(Uncopied(), "one"))
