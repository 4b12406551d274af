import dataclasses
import math
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from mbrl_ros.control.settings import ControllerSettings
from mbrl_ros.core.settings import build
from mbrl_ros.core.spaces import Space
from mbrl_ros.core.task import ActionSettings, ObservationSettings, TaskSettings
from mbrl_ros.simulation.environments import make_plant
from mbrl_ros.simulation.fit import check_fit
from mbrl_ros.simulation.flattening import flatten_action, flatten_observation
from mbrl_ros.simulation.plant import Plant, PlantDivergedError
from mbrl_ros.simulation.settings import SimulatorSettings
from mbrl_ros.simulation.simulator import make_simulator
from mbrl_ros.system.task_file import read_task_file

CONFIG = Path(__file__).parents[2] / "config"


def made(environment, **settings):
    return make_plant(SimulatorSettings(environment=environment, **settings))


@pytest.mark.parametrize(
    ("environment", "dim", "actions", "period", "joints"),
    [
        ("dm_control/cartpole-swingup-v0", 5, 1, 0.01, ("slider", "hinge_1")),
        ("InvertedPendulum-v5", 4, 1, 0.04, ("slider", "hinge")),
        ("Pendulum-v1", 3, 1, 0.05, None),
        ("CartPole-v1", 4, 1, 0.02, None),
    ],
)
def test_environments_are_plants(environment, dim, actions, period, joints):
    plant = made(environment)
    values, _ = plant.reset(seed=1)
    assert values.shape == (dim,)
    assert values.dtype == np.float64
    assert plant.observation_space.dtype == plant.action_space.dtype == np.float64
    assert len(plant.observation_names) == dim
    assert len(plant.action_names) == actions
    assert plant.period == pytest.approx(period)
    stepped, reward, *_ = plant.step(plant.action_space.high)
    assert plant.observation_space.contains(stepped)
    assert np.isfinite(reward)
    if joints is None:
        assert plant.physics is None
    else:
        reading = plant.physics.joints()
        assert reading.names == joints
        assert reading.positions.shape == reading.velocities.shape == (len(joints),)
        assert np.abs(reading.efforts).sum() > 0
    plant.close()


@pytest.mark.parametrize("path", sorted(CONFIG.glob("*.yaml")), ids=lambda p: p.stem)
def test_parameter_files_fit_their_environments(path):
    if path.stem == "car_racing":
        pytest.importorskip("Box2D")
    nodes = read_task_file(path).nodes
    task = build(TaskSettings, nodes["**"])
    settings = build(SimulatorSettings, nodes["mujoco_sim"])
    simulator = make_simulator(task, settings)
    assert task.task == path.stem
    assert simulator.advance().step == 1
    simulator.close()


def test_action_repeat_sums_rewards_and_counts_own_steps():
    once, thrice = made("Pendulum-v1"), made("Pendulum-v1", action_repeat=3)
    once.reset(seed=4)
    thrice.reset(seed=4)
    singles = [once.step(np.array([0.5])) for _ in range(3)]
    values, reward, *_ = thrice.step(np.array([0.5]))
    np.testing.assert_array_equal(values, singles[-1][0])
    assert reward == pytest.approx(sum(s[1] for s in singles))
    assert once.env_steps == thrice.env_steps == 3
    assert thrice.period == pytest.approx(0.15)


def test_action_repeat_ends_where_the_episode_ends():
    plant = made("CartPole-v1", action_repeat=1000)
    plant.reset(seed=0)
    _, reward, terminated, _, _ = plant.step(np.array([1.0]))
    assert terminated
    assert plant.env_steps == reward < 20
    plant.close()


def test_time_limit_cuts_an_episode():
    plant = made("Pendulum-v1", action_repeat=2, time_limit=0.3)
    plant.reset(seed=0)
    cut = [plant.step(np.zeros(1))[3] for _ in range(3)]
    assert cut == [False, False, True]
    plant.reset(seed=0)
    assert not plant.step(np.zeros(1))[3]


@pytest.mark.parametrize("name", ["Pendulum-v1", "dm_control/cartpole-swingup-v0"])
def test_an_infinite_time_limit_lifts_that_of_the_environment(name):
    cut = {}
    for limit in (0.0, math.inf):
        plant = made(name, action_repeat=100, time_limit=limit)
        plant.reset(seed=0)
        cut[limit] = [plant.step(np.zeros(1))[3] for _ in range(12)]
        plant.close()
    assert any(cut[0.0])
    assert not any(cut[math.inf])


def test_discrete_actions_are_rounded():
    flat = flatten_action(spaces.Discrete(3, start=1), "E")
    assert (flat.low[0], flat.high[0]) == (0.0, 2.0)
    assert [flat.decode(np.array([v])) for v in (-4.0, 0.4, 0.6, 1.7, 9.0)] == [1, 1, 2, 3, 3]


def test_nested_spaces_are_flattened_in_order():
    space = spaces.Dict(
        {
            "arm": spaces.Tuple([spaces.Box(-1, 1, (2,)), spaces.Discrete(3)]),
            "height": spaces.Box(0, 2, ()),
        }
    )
    flat = flatten_observation(space, "E")
    assert flat.names == ("arm_0_0", "arm_0_1", "arm_1_0", "arm_1_1", "arm_1_2", "height")
    value = {"arm": (np.array([0.5, -0.5], np.float32), 1), "height": np.array(1.5)}
    np.testing.assert_array_equal(flat.encode(value), [0.5, -0.5, 0, 1, 0, 1.5])

    action = flatten_action(space, "E")
    decoded = action.decode(np.array([0.25, 7.0, 2.2, 1.0]))
    assert space.contains(decoded)
    np.testing.assert_array_equal(decoded["arm"][0], [0.25, 1.0])
    assert decoded["arm"][1] == 2


def test_a_choice_that_is_declared_discrete_is_its_index():
    space = spaces.Dict(
        {
            "cell": spaces.Discrete(5, start=3),
            "hand": spaces.Tuple([spaces.MultiDiscrete([2, 3]), spaces.MultiBinary(2)]),
            "speed": spaces.Box(-1, 1, (1,)),
        }
    )
    value = {"cell": 7, "hand": (np.array([1, 2]), np.array([0, 1], np.int8)), "speed": [0.5]}
    one_hot = flatten_observation(space, "E")
    assert one_hot.choices
    np.testing.assert_array_equal(one_hot.encode(value), [0, 0, 0, 0, 1, 0, 1, 0, 0, 1, 0, 1, 0.5])
    flat = flatten_observation(space, "E", list("abcdefg"), ["a", "d"])
    assert flat.names == (
        "cell", "hand_0_0_0", "hand_0_0_1", "hand_0_1", "hand_1_0", "hand_1_1", "speed",
    )  # fmt: skip
    np.testing.assert_array_equal(flat.encode(value), [4, 0, 1, 2, 0, 1, 0.5])
    flat = flatten_observation(space, "E", list("abcdef"), ["a", "b", "c"])
    assert not flat.choices
    np.testing.assert_array_equal(flat.encode(value), [4, 1, 2, 0, 1, 0.5])
    np.testing.assert_array_equal(flat.high, [4, 1, 2, 1, 1, 1])
    assert flat.whole == (True, True, True, True, True, False)
    for cell in (2, 8, 3.5):
        with pytest.raises(ValueError, match="observation of environment 'E': cell: expected one"):
            flat.encode({**value, "cell": cell})


def test_several_choices_are_an_action():
    space = spaces.Dict(
        {"legs": spaces.MultiDiscrete([[2, 3], [4, 2]]), "on": spaces.MultiBinary(2)}
    )
    flat = flatten_action(space, "E")
    assert flat.names == ("legs_0", "legs_1", "legs_2", "legs_3", "on_0", "on_1")
    np.testing.assert_array_equal(flat.high, [1, 2, 3, 1, 1, 1])
    decoded = flat.decode(np.array([0.6, -1.0, 2.4, 9.0, 0.2, 0.8]))
    assert space.contains(decoded)
    np.testing.assert_array_equal(decoded["legs"], [[1, 0], [2, 1]])
    np.testing.assert_array_equal(decoded["on"], [0, 1])


@pytest.mark.parametrize(
    ("space", "words"),
    [
        (spaces.Box(0, 255, (96, 96, 3), np.uint8), "Box of shape (96, 96, 3)"),
        (spaces.Text(5), "Text"),
        (spaces.Graph(spaces.Box(0, 1, (2,)), None), "Graph"),
        (spaces.Dict({"a": spaces.Sequence(spaces.Discrete(3))}), "a space Sequence"),
        (spaces.Dict({}), "0 values"),
    ],
)
def test_unsupported_spaces_are_named(space, words):
    with pytest.raises(ValueError, match="environment 'E'") as refusal:
        flatten_observation(space, "E")
    assert words in str(refusal.value)
    assert "expected Box" in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"environment": ""}, "environment: expected"),
        ({"environment": "NoSuch-v0"}, "environment 'NoSuch-v0': Environment `NoSuch`"),
        ({"environment": "dm_control/cartpole-swingpu-v0"}, "Did you mean"),
        ({"environment": "no_such_module:Env-v0"}, "no_such_module"),
        ({"environment": "not an id"}, "Malformed"),
        ({"environment": "HalfCheetah-v3"}, "environment 'HalfCheetah-v3'"),
        ({"environment": "MountainCarContinuous-v0"}, "time_step"),
        ({"environment": "Pendulum-v1", "time_step": 0.01}, "has steps of 0.05 s, got 0.01"),
        ({"environment": "Pendulum-v1", "task_module": "a:b"}, "task_module: only for an MJCF"),
        ({"environment": "/no/such/file.xml"}, "there is no such file"),
    ],
)
def test_bad_environments_are_refused_in_one_line(settings, words):
    with pytest.raises(ValueError, match=r".") as refusal:
        make_plant(SimulatorSettings(**settings))
    assert words in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_time_step_of_an_environment_that_does_not_say():
    plant = made("MountainCarContinuous-v0", time_step=0.02, action_repeat=5)
    assert plant.period == pytest.approx(0.1)
    plant.close()


def test_what_does_not_fit_the_environment_is_named():
    nodes = read_task_file(CONFIG / "cartpole_swingup.yaml").nodes
    task = build(TaskSettings, nodes["**"])
    settings = build(SimulatorSettings, nodes["mujoco_sim"])
    wrong = dataclasses.replace
    few = wrong(task.observation, names=["x"], low=[], high=[])
    wide = wrong(task.action, high=[2.0])
    for bad_task, bad_settings, words in (
        (wrong(task, observation=few), settings, "such as position_0, position_1"),
        (wrong(task, action=wide), settings, "takes -1 to 1"),
        (wrong(task, period=0.05), settings, "make 0.04 s, got 0.05"),
        (task, wrong(settings, command_timeout=0.01), "command_timeout"),
    ):
        with pytest.raises(ValueError, match=r".") as refusal:
            make_simulator(bad_task, bad_settings)
        assert words in str(refusal.value)


CELL = {"names": ["cell"], "low": [0.0], "high": [15.0], "discrete": ["cell"]}
ANGLE = {"names": ["cos", "sin", "rate"], "low": [0.0] * 3, "high": [1.0] * 3}


@pytest.mark.parametrize(
    ("environment", "observation", "words"),
    [
        ("FrozenLake-v1", {"names": ["cell"]}, "expected 16 names for environment 'FrozenLake-v1'"),
        ("FrozenLake-v1", {"names": ["cell"]}, "or an index instead: name it in observation.discr"),
        ("FrozenLake-v1", {**CELL, "high": [14.0]}, "'cell' is from 0 to 15 in environment"),
        ("FrozenLake-v1", {**CELL, "low": []}, "observation.discrete: 'cell': expected whole numb"),
        ("Pendulum-v1", {**ANGLE, "discrete": ["sin"]}, "observation.discrete: 'sin' of environme"),
    ],
)
def test_a_discrete_observation_that_does_not_fit_is_named(environment, observation, words):
    task = TaskSettings(
        observation=ObservationSettings(**observation), period=0.25,
        action=ActionSettings(names=["move"], low=[0.0], high=[3.0], discrete=["move"]),
    )  # fmt: skip
    time_step = 0.25 if environment.startswith("Frozen") else 0.0
    with pytest.raises(ValueError, match=r".") as refusal:
        make_simulator(task, SimulatorSettings(environment=environment, time_step=time_step))
    assert words in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(("period", "fits"), [(0.0166667, True), (0.01666, False)])
def test_six_digits_of_a_period_are_enough_and_digits_that_differ_are_shown(period, fits):
    plant = made("MountainCarContinuous-v0", time_step=0.0041666667, action_repeat=4)
    space = plant.observation_names, plant.action_space
    observation = Space.of(space[0])
    action = Space.of(["force"], space[1].low, space[1].high)
    if fits:
        check_fit(plant, observation, action, period)
    else:
        with pytest.raises(ValueError, match=r"make 0\.0166666668 s, got 0\.01666$"):
            check_fit(plant, observation, action, period)
    plant.close()


class Fan(gymnasium.Env):
    observation_space = spaces.Box(-np.inf, np.inf, (1,))
    dt = 0.1

    def __init__(self, low, high, dtype=np.float32):
        self.action_space = spaces.Box(low, high, (1,), dtype)

    def reset(self, *, seed=None, options=None):
        return np.zeros(1), {}

    def step(self, action):
        assert self.action_space.contains(action), action
        return np.ones(1), 0.0, False, False, {}


@pytest.mark.parametrize(
    ("low", "high"), [(0.0, 16628.469), (-139.9, 139.9), (0.1, 0.3), (1e-7, 7e-7), (-1e9, 1e9 + 1)]
)
def test_limits_in_decimal_digits_fit_a_float32_box_and_what_is_sent_lies_in_it(low, high):
    plant = Plant(Fan(low, high), "Fan")
    space = Space.of(["rpm"], [low], [high])
    check_fit(plant, Space.of(["speed"]), space, 0.1)
    plant.reset()
    for asked in (low, high, 2 * low - high, 2 * high - low):
        plant.step(space.clip(np.array([asked])))


def test_limits_that_differ_in_late_digits_are_told_apart():
    plant = Plant(Fan(0.0, 16628.469), "Fan")
    with pytest.raises(ValueError, match=r"to 16628\.51, but .* takes 0 to 16628\.46875$"):
        check_fit(plant, Space.of(["speed"]), Space.of(["rpm"], [0.0], [16628.51]), 0.1)


@pytest.mark.parametrize(
    ("period", "oldest", "silence"),
    [(0.02, 0.1, 0.2), (0.04, 0.1, 0.2), (0.2, 0.5, 1.0), (2.0, 5.0, 10.0)],
)
def test_default_times_follow_the_period(period, oldest, silence):
    assert SimulatorSettings().oldest_command(period) == pytest.approx(oldest)
    assert SimulatorSettings(command_timeout=3.0).oldest_command(period) == 3.0
    assert ControllerSettings().longest_silence(period) == pytest.approx(silence)
    assert ControllerSettings(observation_timeout=3.0).longest_silence(period) == 3.0


def test_a_slow_plant_needs_no_setting_of_times_in_real_time():
    task = TaskSettings(
        period=0.2, observation=ObservationSettings(names=list("abcdef")),
        action=ActionSettings(names=["torque"], low=[0.0], high=[2.0], discrete=["torque"]),
    )  # fmt: skip
    simulator = make_simulator(task, SimulatorSettings(environment="Acrobot-v1"))
    assert simulator.command([2.0], 0, 0, simulator.observation.time + 0.15)
    simulator.advance()
    assert simulator.intervention == ""
    simulator.close()


class Explodes(gymnasium.Env):
    observation_space = spaces.Box(-np.inf, np.inf, (1,))
    action_space = spaces.Box(-1, 1, (1,))
    dt = 0.1

    def reset(self, *, seed=None, options=None):
        return np.zeros(1), {}

    def step(self, action):
        return np.full(1, np.nan if action[0] > 0 else 1.0), 0.0, False, False, {}


def test_a_simulation_that_is_not_finite_is_reported():
    plant = Plant(Explodes(), "Explodes")
    plant.reset()
    plant.step(np.zeros(1))
    with pytest.raises(PlantDivergedError, match="Explodes"):
        plant.step(np.ones(1))
