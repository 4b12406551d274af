"""What environments and tasks return that is not what they must return: one line that names it."""

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium import spaces

from mbrl_ros.simulation.answers import PlantError, WrongAnswerError
from mbrl_ros.simulation.environments import make_plant
from mbrl_ros.simulation.plant import Plant
from mbrl_ros.simulation.settings import SimulatorSettings

SEEN = np.zeros(3, np.float32)


class Tank(gymnasium.Env):
    dt = 0.1
    observation_space = spaces.Box(-10.0, 10.0, (3,), np.float32)
    action_space = spaces.Box(-1.0, 1.0, (1,), np.float32)

    def __init__(self, start=(SEEN, {}), step=(SEEN, 0.0, False, False, {})):
        self.answers = start, step

    def reset(self, *, seed=None, options=None):
        return self.answers[0]

    def step(self, action):
        return self.answers[1]


class NoSeed(Tank):
    def reset(self):
        return SEEN, {}


class Fails(Tank):
    def step(self, action):
        return self.nothing


def answer(**changed):
    parts = {"seen": SEEN, "reward": 0.0, "terminated": False, "truncated": False, "info": {}}
    return tuple({**parts, **changed}.values())


def stepped(environment):
    plant = Plant(environment, "Tank")
    plant.reset(seed=0)
    return plant.step(np.zeros(1))


def refusal(environment):
    with pytest.raises(PlantError) as refused:
        stepped(environment)
    assert "\n" not in str(refused.value)
    assert "environment 'Tank'" in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        (NoSeed(), "expected reset(self, *, seed=None, options=None) (Gymnasium 0.26)"),
        (Tank(start=SEEN), "reset of environment 'Tank' returned an array of shape (3,) of"),
        (Tank(start=(SEEN,)), "returned 1 values, expected 2 (Gymnasium 0.26: observation, info)"),
        (Tank(start=(SEEN, 1.0)), "returned 1.0 as info, expected a dictionary"),
        (
            Tank(step=(SEEN, 0.0, False, {})),
            "step of environment 'Tank' returned 4 values, expected 5 (Gymnasium 0.26: "
            "observation, reward, terminated, truncated, info)",
        ),
        (Tank(step=None), "step of environment 'Tank' returned None, no tuple, expected 5"),
        (Tank(step=answer(reward=np.ones(2))), "an array of shape (2,) of float64 as reward"),
        (Tank(step=answer(reward="1.0")), "returned '1.0' as reward, expected a number"),
        (Tank(step=answer(reward={})), "returned {} as reward, expected a number"),
        (Tank(step=answer(terminated="False")), "'False' as terminated, expected true or false"),
        (Tank(step=answer(truncated=None)), "returned None as truncated"),
        (Tank(step=answer(terminated=2)), "returned 2 as terminated"),
        (Tank(step=answer(seen=SEEN[:2])), "expected numbers of shape (3,), got an array of"),
        (Tank(start=(["a", "b", "c"], {})), "got ['a', 'b', 'c']"),
        (Tank(start=([[1.0], [1.0, 2.0]], {})), "got [[1.0], [1.0, 2.0]]"),
        (Tank(start=(None, {})), "observation of environment 'Tank': expected numbers"),
        (Fails(), "step: AttributeError: 'Fails' object has no attribute 'nothing' ("),
    ],
)
def test_a_wrong_answer_is_named(environment, words):
    assert words in refusal(environment)


def test_where_an_environment_fails_is_told():
    assert "test_answers.py:" in refusal(Fails())


@pytest.mark.parametrize(
    ("reward", "expected"),
    [
        (None, np.nan),
        (np.array([1.5]), 1.5),
        (np.float32(2.0), 2.0),
        (torch.tensor([[3.0]], requires_grad=True), 3.0),
        (True, 1.0),
        ([4], 4.0),
    ],
)
def test_rewards_that_are_one_number_or_none(reward, expected):
    np.testing.assert_equal(stepped(Tank(step=answer(reward=reward)))[1], expected)


def test_flags_and_observations_in_other_clothes():
    step = answer(seen=[[0.5], [1], [2]], terminated=np.array([True]), truncated=np.False_)
    values, _, terminated, truncated, _ = stepped(Tank(step=step))
    np.testing.assert_array_equal(values, [0.5, 1.0, 2.0])
    assert (terminated, truncated) == (True, False)


def test_parts_of_an_observation_are_named():
    parts = {"level": spaces.Box(0, 1, (1,)), "gear": spaces.Discrete(3, start=1)}
    right = {"level": [0.5], "gear": np.int64(2)}
    for space, seen, words in (
        (spaces.Dict(parts), {"level": [0.5]}, "expected the keys gear, level, got level"),
        (spaces.Dict(parts), {**right, "more": 1}, "got level, gear, more"),
        (spaces.Dict(parts), [0.5, 2], "expected the keys gear, level, got list"),
        (spaces.Dict(parts), {**right, "gear": 0}, "gear: expected one of 1 to 3, got 0"),
        (spaces.Dict(parts), {**right, "gear": 1.5}, "gear: expected one of 1 to 3, got 1.5"),
        (spaces.Dict(parts), {**right, "level": [1, 2]}, "level: expected numbers of shape (1,)"),
        (spaces.Tuple(parts.values()), ([0.5],), "expected 2 parts, got 1"),
    ):
        environment = Tank(start=(seen, {}))
        environment.observation_space = space
        assert words in refusal(environment)


@pytest.mark.parametrize(
    ("function", "words"),
    [
        ("def reward(model, data, action): return [1.0, 2.0]", "returned [1.0, 2.0] as reward"),
        ("def reward(model, data, action): return 'much'", "returned 'much' as reward"),
        ("def terminated(model, data): return 'no'", "returned 'no' as its answer"),
        ("def observation(model, data): return ['a']", "observation: expected numbers, got ['a']"),
        ("def observation(model, data): return None", "observation: expected numbers, got None"),
        ("def reset(model, data): pass", "task_module: reset: TypeError: reset() takes 2"),
        ("def reward(model, data, action): return 1 / 0", "task.py:1)"),
    ],
)
def test_a_wrong_answer_of_a_task_is_named(arm_file, tmp_path, function, words):
    (tmp_path / "task.py").write_text(function)
    settings = SimulatorSettings(environment=str(arm_file), task_module=f"{tmp_path}/task.py")
    with pytest.raises(PlantError) as refused:
        make_plant(settings)
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_task_may_pay_nothing_and_answer_in_arrays(arm_file, tmp_path):
    (tmp_path / "task.py").write_text(
        "import numpy as np\n"
        "def reward(model, data, action): return None if data.time < 0.015 else data.qpos\n"
        "def terminated(model, data): return data.qpos > 100\n"
        "def observation(model, data): return [0.0] * (1 + (data.time > 0.025))\n"
    )
    plant = make_plant(
        SimulatorSettings(environment=str(arm_file), task_module=f"{tmp_path}/task.py")
    )
    plant.reset(seed=0)
    assert np.isnan(plant.step(np.zeros(1))[1])
    assert np.isfinite(plant.step(np.zeros(1))[1])
    with pytest.raises(WrongAnswerError, match=r"expected numbers of shape \(1,\), got"):
        plant.step(np.zeros(1))
