import numpy as np
import pytest

from mbrl_ros.core.spaces import Space
from mbrl_ros.safety.safe_command import SafeCommand
from mbrl_ros.simulation.environments import make_plant
from mbrl_ros.simulation.plant import PlantDivergedError
from mbrl_ros.simulation.settings import SimulatorSettings
from mbrl_ros.simulation.simulator import Simulator

TASK = """
class Reach:
    def observation(self, model, data):
        return [*data.qpos, *data.qvel, *data.site("tip").xpos]

    def reward(self, model, data, action):
        return -abs(data.site("tip").xpos[2]) - 0.1 * action[0] ** 2

    def reset(self, model, data, rng):
        data.qpos[0] = rng.uniform(-1, 1)

    def terminated(self, model, data):
        return abs(data.qpos[0]) > 2

class Broken:
    def reward(self, model, data, action):
        return data.site("nose").xpos[0]

nothing = 3

def observation(model, data):
    return data.qpos
"""


@pytest.fixture
def task_file(tmp_path):
    path = tmp_path / "reach.py"
    path.write_text(TASK)
    return path


def made(arm_file, task="", **settings):
    return make_plant(SimulatorSettings(environment=str(arm_file), task_module=task, **settings))


def test_defaults(arm_file):
    plant = made(arm_file, action_repeat=2)
    values, _ = plant.reset(seed=0)
    np.testing.assert_array_equal(values, [0, 0])
    values, reward, terminated, truncated, _ = plant.step(np.array([2.0]))
    assert np.isnan(reward)
    assert not terminated
    assert not truncated
    assert plant.period == pytest.approx(0.02)
    assert plant.env_steps == 2
    assert plant.action_space.high == [2.0]
    joints = plant.physics.joints()
    assert joints.names == ("elbow",)
    assert joints.positions[0] == values[0]
    assert joints.velocities[0] == values[1]
    assert joints.efforts[0] == pytest.approx(2.0)


def test_task(arm_file, task_file):
    plant = made(arm_file, f"{task_file}:Reach")
    first, _ = plant.reset(seed=5)
    again, _ = plant.reset(seed=5)
    other, _ = plant.reset(seed=6)
    np.testing.assert_array_equal(first, again)
    assert first[0] != other[0]
    assert first.shape == (5,)
    terminated = False
    for _ in range(400):
        values, reward, terminated, _, _ = plant.step(np.array([2.0]))
        # The site is where the joint of the same observation puts it.
        assert values[2] == pytest.approx(0.5 * np.cos(values[0]))
        assert reward == pytest.approx(-abs(values[4]) - 0.4)
        if terminated:
            break
    assert terminated


def test_functions_of_a_module_are_a_task(arm_file, task_file):
    assert made(arm_file, str(task_file)).reset(seed=0)[0].shape == (1,)


def test_a_keyframe_is_the_initial_state(arm_file):
    arm_file.write_text(
        arm_file.read_text().replace("</mujoco>", '<keyframe><key qpos="0.7"/></keyframe></mujoco>')
    )
    assert made(arm_file).reset(seed=0)[0][0] == 0.7


def test_a_diverged_simulation_is_noticed(arm_file):
    plant = made(arm_file)
    plant.reset(seed=0)
    plant.physics.data.qvel[0] = 1e12
    with pytest.raises(PlantDivergedError):
        plant.step(np.zeros(1))
    plant.reset(seed=0)
    plant.step(np.zeros(1))


@pytest.mark.parametrize(
    ("task", "words"),
    [
        ("{file}:Missing", "AttributeError"),
        ("{file}:nothing", "expected at least one of the functions observation, reward"),
        ("{file}:Broken", "task_module: reward: KeyError"),
        ("no_such_module:Task", "ModuleNotFoundError"),
        ("/no/such/file.py:Task", "there is no file"),
    ],
)
def test_bad_tasks_are_refused_in_one_line(arm_file, task_file, task, words):
    with pytest.raises(ValueError, match="task_module") as refusal:
        made(arm_file, task.format(file=task_file))
    assert words in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("text", ["<mujoco>", "<mujoco><worldbody/></mujoco>", "no model"])
def test_bad_models_are_refused_in_one_line(tmp_path, text):
    path = tmp_path / "bad.xml"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"bad\.xml") as refusal:
        made(path)
    assert "\n" not in str(refusal.value)


def test_an_unstable_model_is_named_and_writes_nothing_where_the_user_stands(
    tmp_path, monkeypatch, capfd
):
    (tmp_path / "stiff.xml").write_text(
        '<mujoco><option timestep="0.1" integrator="Euler"><flag eulerdamp="disable"/></option>'
        '<worldbody><body><joint name="j" damping="9" armature="0.0005"/><geom size="0.02"/></body>'
        '</worldbody><actuator><motor joint="j"/></actuator></mujoco>'
    )
    (tmp_path / "stood").mkdir()
    monkeypatch.chdir(tmp_path / "stood")
    plant = make_plant(SimulatorSettings(environment=str(tmp_path / "stiff.xml")))
    observation, action = Space.of(["q", "v"]), Space.of(["force"], low=[-1.0], high=[1.0])
    safe = SafeCommand(observation, action)
    simulator = Simulator(plant, observation, action, period=0.1, lock_step=True, safe=safe)
    for _ in range(600):
        seen = simulator.observation
        simulator.command([1.0], seen.episode, seen.step, seen.time)
        simulator.advance()
        if simulator.unstable:
            break
    assert f"'{tmp_path}/stiff.xml': the simulation is unstable" in simulator.unstable
    assert "in each of the last 5 episodes" in simulator.unstable
    assert list((tmp_path / "stood").iterdir()) == []
    # Once for all episodes.
    assert capfd.readouterr().err.count("MuJoCo: ") <= 1
