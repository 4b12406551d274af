"""A robot's stand-in in lock-step: the robot's own formulas, and no time between."""

from functools import partial

import numpy as np
import pytest
import torch
from support import sliders

from mbrl_ros.cli.main import main
from mbrl_ros.core.settings import build
from mbrl_ros.core.task import TaskSettings
from mbrl_ros.data.bag_records import read_transitions
from mbrl_ros.models.packing import unpack
from mbrl_ros.ros.interfaces import interface
from mbrl_ros.simulation.settings import PhysicsSettings
from mbrl_ros.simulation.simulator import make_simulator
from mbrl_ros.simulation.true_dynamics import NoTrueDynamicsError, true_dynamics
from mbrl_ros.system.configuration import read_task
from mbrl_ros.system.plants import StandinPlants
from mbrl_ros.system.rehearsed_plants import read_standin


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sliders")
    sliders.write(folder)
    text = (folder / "standin.yaml").read_text()
    (folder / "noisy.yaml").write_text(text.replace("    hears", "    noise: 0.1\n    hears"))
    return folder


def simulator(folder, standin="standin.yaml", vary=None, **parameters):
    configuration = read_task(str(folder / "sliders.yaml"), parameters)
    make = StandinPlants(read_standin(str(folder / standin)), interface)
    task = build(TaskSettings, {**configuration.shared, "lock_step": True})
    return make_simulator(task, configuration.build("mujoco_sim"), make(configuration), vary)


def played(plant, steps):
    """Let random actions act, and return observations and actions of each step."""
    rng, rows = np.random.default_rng(1), []
    for _ in range(steps):
        before = plant.observation
        plant.command(rng.uniform(-1.0, 1.0, 2), before.episode, before.step, before.time)
        after = plant.advance()
        rows.append((before, after))
        if after.ended:
            plant.advance()
    return rows


def test_an_action_acts_at_once_and_for_a_whole_step(folder):
    model = unpack(sliders.model())
    for before, after in played(simulator(folder), 10):
        given = (
            torch.from_numpy(x).float().expand(2, 1, -1) for x in (before.values, after.action)
        )
        told, _ = model.predict(*given)
        np.testing.assert_allclose(after.values, told[0, 0], atol=2e-5)


@pytest.mark.parametrize("robot", ["arm", "cartpole_rig", "diff_drive", "quadruped"])
def test_every_shipped_robot_can_be_learned_from_its_stand_in(robot):
    configuration = read_task(robot)
    task = build(TaskSettings, configuration.shared)
    plant = StandinPlants(read_standin(robot), interface)(configuration)
    first, _ = plant.reset(seed=3)
    action = task.action_space()
    middle = 0.5 * (action.lower + action.upper) + 0.1 * (action.upper - action.lower)
    start = plant.initial_action
    assert start is None or np.array_equal(action.clip(start), start)
    for _ in range(3):
        values, _, terminated, truncated, _ = plant.step(middle)
    assert abs(values - first).max() > 0.01
    assert (terminated, truncated) == (False, False)
    again, _ = plant.reset(seed=3)
    np.testing.assert_allclose(again, first, atol=1e-9)
    with pytest.raises(NoTrueDynamicsError):
        true_dynamics(plant)


def test_episodes_begin_by_their_seed_and_end_as_the_bridge_says(folder):
    noisy = partial(simulator, folder, "noisy.yaml")
    first, again, other = (played(noisy(seed=seed), 101) for seed in (3, 3, 4))
    assert [a.values.tolist() for _, a in first] == [a.values.tolist() for _, a in again]
    assert first[0][0].values.tolist() != other[0][0].values.tolist()
    assert [i for i, (_, after) in enumerate(first) if after.ended] == [49, 99]  # 2 s
    assert first[50][0].step == 0
    assert abs(first[50][0].values[:2] - first[0][0].values[:2]).max() > 0.01


def test_each_episode_may_have_physics_of_its_own(folder):
    def heavier(seed):
        return PhysicsSettings(mass_scale=1.0 + seed % 97)

    rows = played(simulator(folder, vary=heavier), 150)
    gains = [(a.values[2] - b.values[2]) / a.action[0] for b, a in rows if abs(a.action[0]) > 0.1]
    scales = {round(sliders.FORCE * sliders.PERIOD / gain, 3) for gain in gains}
    assert len(scales) == 3
    assert scales <= {*map(float, range(1, 98))}


@pytest.mark.process
def test_learn_takes_the_stand_in_of_a_robot_and_draws_its_physics(folder, tmp_path, capsys):
    words = [
        "learn", str(folder / "sliders.yaml"), "--standin", str(folder / "standin.yaml"), "--steps",
        "60", "--eval-episodes", "0", "--randomise", str(folder / "settings.yaml"),
        "robot_bridge.time_limit:=0.8", "gate.first_transitions:=1000", "--out",
    ]  # fmt: skip
    assert main([*words, str(tmp_path / "out")]) == 0
    configuration = read_task(str(folder / "sliders.yaml"))
    task = build(TaskSettings, configuration.shared)
    log = read_transitions(
        [tmp_path / "out" / "bag"], task.observation_space(), task.action_space()
    )
    gained = (log.next_observation[:, 2] - log.observation[:, 2]) / log.action[:, 0]
    masses = sliders.FORCE * sliders.PERIOD / gained[abs(log.action[:, 0]) > 0.05]
    assert masses.min() >= 0.9 - 1e-3
    assert masses.max() <= 1.1 + 1e-3
    assert len({*masses.round(3)}) == 3  # of three episodes
    # Whoever goes on goes on with this plant.
    assert main([*words[:8], *words[10:], str(tmp_path / "out"), "--resume"]) == 2
    told = f"--randomise was '{folder / 'settings.yaml'}', got None"
    assert told in capsys.readouterr().err
    assert main([*words, str(tmp_path / "out"), "--resume"]) == 0


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["cartpole_swingup", "--standin", "arm"], "--standin: cartpole_swingup has no bridge"),
        (["arm", "--standin", "leg"], "--standin: expected one of arm, cartpole_rig"),
        (["cartpole_v1", "--randomise"], "has no MuJoCo model to change"),
        (["arm", "--randomise", "nowhere.yaml"], "nowhere.yaml: No such file"),
    ],
)
def test_what_cannot_be_learned_from_is_named(words, reason, tmp_path, capsys):
    assert main(["learn", *words, "--steps", "10", "--out", str(tmp_path / "out")]) == 2
    assert reason in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
