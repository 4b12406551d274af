"""Episodes with the model frozen: from the same starts, whoever plays them."""

import math

import numpy as np
import pytest

from mbrl_ros.core.settings import SettingsError
from mbrl_ros.evaluation.episodes import Evaluation
from mbrl_ros.evaluation.interval import with_margin
from mbrl_ros.simulation.simulator import Simulator
from mbrl_ros.system.configuration import read_task

FEW = {
    "planner.candidates": 12,
    "planner.iterations": 1,
    "planner.horizon": 5,
    "mujoco_sim.evaluation_time_limit": 0.2,
}


@pytest.fixture
def starts(monkeypatch):
    """The first observation of every episode."""
    seen, reset = [], Simulator.reset

    def begun(simulator):
        seen.append(reset(simulator))
        return seen[-1]

    monkeypatch.setattr(Simulator, "reset", begun)
    return seen


@pytest.mark.parametrize("task", ["cartpole_v1", "reacher_easy"])
def test_all_play_from_the_starts_of_the_seed(task, starts):
    def begun(play):
        starts.clear()
        assert len(play().returns) == len(starts)
        return np.stack([start.values for start in starts])

    evaluation = Evaluation(read_task(task, {**FEW, "seed": 1}), 3)
    random = begun(evaluation.random)
    assert len(np.unique(random, axis=0)) == 3
    np.testing.assert_array_equal(random, begun(lambda: evaluation.model(None)))
    # Those that play fewer play the first of them.
    fewer = Evaluation(read_task(task, {**FEW, "seed": 1}), 2)
    np.testing.assert_array_equal(random[:2], begun(fewer.true_dynamics))
    other = Evaluation(read_task(task, {**FEW, "seed": 2}), 3)
    assert not np.isin(random, begun(other.random)).all()


def test_every_seed_has_a_seed_to_be_judged_with():
    last = 2**31 - 1
    seeds = [
        Evaluation(read_task("cartpole_v1", {"seed": seed}), 1).configuration.shared["seed"]
        for seed in (0, 1, last - 1, last)
    ]
    assert len({*seeds}) == 4
    assert all(0 <= seed <= last for seed in seeds)


def test_the_episodes_may_have_another_end_than_those_learned_from():
    def limit(**parameters):
        given = {f"mujoco_sim.{name}": value for name, value in parameters.items()}
        judged = Evaluation(read_task("cartpole_v1", given), 1).configuration
        return judged.build("mujoco_sim").time_limit

    assert limit(time_limit=3.0) == 3.0
    assert limit(time_limit=3.0, evaluation_time_limit=0.0) == 0.0
    assert limit(time_limit=math.inf, evaluation_time_limit=5.0) == 5.0
    for endless in ({"time_limit": math.inf}, {"evaluation_time_limit": math.inf}):
        with pytest.raises(SettingsError, match=r"mujoco_sim\.time_limit: expected a limit"):
            limit(**endless)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([815.0, 877.0], "846 ± 394"),
        ([0.5, 0.6, 0.52], "0.54 ± 0.13"),
        ([-150.2, -151.0, -149.9], "-150.4 ± 1.4"),
        ([1000.0, 1000.0], "1000 ± 0"),
        ([0.0, 0.0], "0 ± 0"),
        ([0.037], "0.037"),
        ([12.3], "12"),
        ([0.0], "0"),
    ],
)
def test_a_mean_has_the_digits_of_its_interval(values, text):
    assert with_margin(values) == text


def test_what_went_wrong_is_told():
    odd = {"objective.near.expression": "log(upper_cos - 9)"}
    evaluation = Evaluation(read_task("acrobot_swingup", {**FEW, **odd}), 1)
    (note,) = evaluation.true_dynamics().notes
    assert note.startswith("the safe command in place of a plan: ")
    assert evaluation.random().notes == ()
