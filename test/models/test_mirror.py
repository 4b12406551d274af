from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from support.systems import ACTION, OBSERVATION, with_model, with_process

from mbrl_ros.core.records import Transition
from mbrl_ros.core.settings import build, for_node
from mbrl_ros.core.spaces import Space
from mbrl_ros.core.task import TaskSettings
from mbrl_ros.data.segments import Batch
from mbrl_ros.learning.dynamics_learner import DynamicsLearner
from mbrl_ros.models.dynamics_model import DynamicsModel
from mbrl_ros.models.ensemble.settings import EnsembleSettings
from mbrl_ros.models.mirror import Mirror
from mbrl_ros.simulation.environments import make_plant
from mbrl_ros.simulation.settings import SimulatorSettings
from mbrl_ros.system.task_file import read_task_file

CONFIG = Path(__file__).parents[2] / "config"
MIRRORED = {
    path.stem: names
    for path in sorted(CONFIG.glob("*.yaml"))
    if (names := for_node(read_task_file(path).nodes, "model_trainer").get("model.mirrored"))
}


def test_every_other_row_is_seen_in_the_mirror_with_its_history():
    space = Space.of(["x", "height", "v"])
    mirror = Mirror(space, ACTION, 2, ["x", "v", "force"])
    numbers = torch.arange(1.0, 1 + 2 * 4 * 7).reshape(2, 4, 7)
    batch = Batch(
        numbers, numbers[..., :1], numbers[..., 1:4], numbers[..., 0], numbers[..., 0] > 0
    )
    seen = mirror.every_other(batch)
    # Two observations and the action between them.
    signs = torch.tensor([-1.0, 1.0, -1.0, -1.0, 1.0, -1.0, -1.0])
    for rows, sign in ((slice(0, None, 2), torch.ones(7)), (slice(1, None, 2), signs)):
        assert torch.equal(seen.state[:, rows], batch.state[:, rows] * sign)
        assert torch.equal(seen.action[:, rows], batch.action[:, rows] * sign[6:])
        assert torch.equal(
            seen.next_observation[:, rows], batch.next_observation[:, rows] * sign[:3]
        )
    assert torch.equal(seen.reward, batch.reward)
    assert torch.equal(seen.terminated, batch.terminated)
    assert torch.equal(batch.state, numbers)


def test_a_name_that_is_not_there_is_refused():
    expected = "model.mirrored: 'speed' is not one of position, velocity, force"
    with pytest.raises(ValueError, match=expected):
        DynamicsModel(OBSERVATION, ACTION, EnsembleSettings(mirrored=["position", "speed"]))


def test_an_action_without_a_mirror_image_is_refused():
    choice = Space.of(["push"], [0.0], [1.0], discrete=["push"])
    expected = "'push': expected limits that are the same on both sides, got 0.0 and 1.0"
    with pytest.raises(ValueError, match=expected):
        DynamicsModel(OBSERVATION, choice, EnsembleSettings(mirrored=["position", "push"]))


def error_on_the_other_side(settings):
    """Learn a spring that hardens from its stretched side alone, and judge the other."""
    rng = np.random.default_rng(0)
    optimizer = replace(settings.optimizer, updates_per_transition=4.0)
    learner = DynamicsLearner(OBSERVATION, ACTION, replace(settings, optimizer=optimizer), seed=0)

    def moved(position, velocity, force):
        return position + 0.1 * velocity, velocity + 0.1 * (force - position**3)

    for k in range(400):
        position, velocity, force = rng.uniform((0.5, -1.0, -1.0), (1.5, 1.0, 1.0))
        after = moved(position, velocity, force)
        learner.append(Transition([position, velocity], [force], after, k, 0))
        while learner.owed_updates >= 1:
            learner.update()
    learner.judge()
    states = rng.uniform((-1.5, -1.0), (-0.5, 1.0), size=(100, 2))
    forces = rng.uniform(-1.0, 1.0, size=100)
    expected = np.array([moved(*s, f) for s, f in zip(states, forces, strict=True)])
    inputs = (torch.from_numpy(x).float() for x in (states, forces[:, None]))
    with torch.no_grad():
        predicted, _ = learner.model.predict(*(x.expand(3, *x.shape) for x in inputs))
    return float((predicted.mean(dim=0)[:, 1].numpy() - expected[:, 1]).std())


@pytest.mark.process
@pytest.mark.parametrize("kind", [with_model, with_process], ids=["gaussian", "gaussian_process"])
def test_what_was_seen_on_one_side_is_known_on_the_other(kind):
    if kind is with_process:
        pytest.importorskip("gpytorch")
    mirrored = error_on_the_other_side(kind(mirrored=["position", "velocity", "force"]))
    assert mirrored < 0.02
    assert error_on_the_other_side(kind()) > 3 * mirrored


def test_there_are_shipped_mirrors():
    assert set(MIRRORED) >= {"cartpole_swingup", "pendulum_swingup", "reacher_easy"}


@pytest.mark.parametrize("task", MIRRORED)
def test_the_shipped_plants_behave_the_same_in_their_mirrors(task):
    nodes = read_task_file(CONFIG / f"{task}.yaml").nodes
    settings = build(TaskSettings, nodes["**"])
    observation, action = (
        np.array([-1.0 if name in MIRRORED[task] else 1.0 for name in names])
        for names in (settings.observation.names, settings.action.names)
    )
    environment = nodes["mujoco_sim"]["environment"]
    # Before MuJoCo is imported: how it draws is settled then, for all tests.
    plant = make_plant(build(SimulatorSettings, {"environment": environment}))
    import mujoco

    rng = np.random.default_rng(0)
    for episode in range(10):
        plant.reset(seed=episode)
        model, data = plant.physics.model, plant.physics.data
        # Beyond the rail's ends, too.
        position = rng.uniform(-2.0, 2.0, size=model.nq)
        speed = 3.0 * rng.normal(size=model.nv)
        forces = rng.uniform(plant.action_space.low, plant.action_space.high, size=(5, len(action)))
        seen = []
        for sign in (1.0, -1.0):
            data.qpos[:], data.qvel[:], data.qacc_warmstart[:] = sign * position, sign * speed, 0.0
            if task == "reacher_easy":
                model.geom("target").pos[1] *= sign
            # A step of dm_control begins with what follows from the state.
            mujoco.mj_forward(model, data)
            seen.append([plant.step(f if sign > 0 else action * f)[0] for f in forces])
        np.testing.assert_allclose(seen[1], np.array(seen[0]) * observation, atol=1e-6, rtol=1e-6)
        assert np.abs(seen[0]).max() > 0.1
    plant.close()
