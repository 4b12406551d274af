import math
from pathlib import Path

import numpy as np
import pytest
import torch

from mbrl_ros.objectives.objective import Objective
from mbrl_ros.plants.environments import make_plant
from mbrl_ros.plants.settings import SimulatorSettings
from mbrl_ros.settings import build, for_node, read_parameter_file
from mbrl_ros.spaces import Space
from mbrl_ros.system.schema import objective_parameters
from mbrl_ros.task import TaskSettings

CONFIG = Path(__file__).parents[2] / "config"
OBSERVATION = Space.of(
    ["x", "y", "yaw"], [-2.0, -np.inf, -np.inf], [2.0, np.inf, np.inf], angles=["yaw"]
)
ACTION = Space.of(["u"], [-1.0], [1.0])


def objective(**parameters):
    """Make an objective; `__` stands for the dot in a parameter's name."""
    values = {name.replace("__", "."): value for name, value in parameters.items()}
    return Objective.from_parameters(values, OBSERVATION, ACTION)


def worth(judge, x=0.0, y=0.0, yaw=0.0, u=0.0):
    return float(judge.rewards(torch.tensor([[x, y, yaw]]), torch.tensor([[u]])))


def shipped(task):
    nodes = read_parameter_file(CONFIG / f"{task}.yaml")
    settings = build(TaskSettings, nodes["**"])
    parameters = objective_parameters(for_node(nodes, "mpc_controller"))
    spaces = settings.observation_space(), settings.action_space()
    return nodes, Objective.from_parameters(parameters, *spaces)


def test_the_shipped_cartpole_objective_is_the_reward_of_the_environment():
    nodes, judge = shipped("cartpole_swingup")
    environment = make_plant(
        build(SimulatorSettings, {"environment": nodes["mujoco_sim"]["environment"]})
    )
    physics = environment.physics
    assert physics is not None
    rng = np.random.default_rng(0)
    for episode in range(20):
        environment.reset(seed=episode)
        data = physics.data
        # Anywhere the pole can be, at any speed.
        data.qpos[:] = rng.uniform([-1.5, -np.pi], [1.5, np.pi])
        data.qvel[:] = rng.normal(size=2) * [1.0, 5.0]
        for _ in range(5):
            action = rng.uniform(-1, 1, size=1)
            # The reward of a step depends on the state after it, and on its action.
            after, reward, _, _, _ = environment.step(action)
            ours = judge.rewards(torch.from_numpy(after)[None], torch.from_numpy(action)[None])
            assert float(ours) == pytest.approx(reward, abs=1e-6)
    environment.close()


@pytest.mark.parametrize("path", sorted(CONFIG.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_shipped_objective_judges_predictions(path):
    _, judge = shipped(path.stem)
    o, a = judge.observation.dim, judge.action.dim
    returns = judge.returns(torch.randn(5, 7, 11, o), torch.rand(7, 10, a))
    assert returns.shape == (7,)
    assert returns.isfinite().all()
    assert returns.std() > 0


def test_terms_add_up_or_multiply():
    terms = {
        "terms": ["a", "b"],
        "a__of": ["x"], "a__weight": 2.0, "a__offset": 1.0,
        "b__of": ["u"], "b__type": "quadratic", "b__weight": 0.5,
    }  # fmt: skip
    # a = 1 + 2 * 3, b = -0.5 * 0.5 ** 2
    assert worth(objective(**terms), x=3.0, u=0.5) == pytest.approx(7.0 - 0.125)
    assert worth(objective(**terms, combine="product"), x=3.0, u=0.5) == pytest.approx(-0.875)


def test_each_term_is_told_by_name():
    judge = objective(terms=["far", "effort"], far__of=["x"], effort__of=["u"], effort__weight=-1.0)
    rewards = judge.term_rewards(torch.tensor([[2.0, 0.0, 0.0]]), torch.tensor([[0.5]]))
    assert {name: float(value) for name, value in rewards.items()} == {"far": 2.0, "effort": -0.5}


def test_several_dimensions_enter_by_their_euclidean_norm():
    judge = objective(terms=["d"], d__of=["x", "y", "u"], d__target=1.0)
    assert worth(judge, x=4.0, y=5.0, u=13.0) == pytest.approx(13.0)


def test_a_return_is_the_sum_over_steps_after_the_first_state():
    judge = objective(terms=["a", "b"], a__of=["x"], b__of=["u"], b__weight=10.0)
    trajectory = torch.zeros(2, 3, 5, 3)
    trajectory[:, :, 0, 0] = 1e6  # where it starts is not up to the plan
    trajectory[:, :, 1:, 0] = torch.arange(4.0)
    actions = torch.arange(12.0).reshape(3, 4, 1)
    expected = 6.0 + 10.0 * actions.sum(dim=(1, 2))
    torch.testing.assert_close(judge.returns(trajectory, actions), expected)


def test_an_objective_of_actions_only_still_judges_every_candidate():
    judge = objective(terms=["effort"], effort__of=["u"], effort__type="quadratic")
    actions = torch.arange(12.0).reshape(3, 4, 1)
    for caution in (0.0, 1.0):
        judge = objective(terms=["e"], e__of=["u"], e__type="quadratic", caution=caution)
        returns = judge.returns(torch.zeros(2, 3, 5, 3), actions)
        torch.testing.assert_close(returns, -(actions**2).sum(dim=(1, 2)))


def test_caution_takes_off_what_the_members_disagree_on():
    trajectory = torch.zeros(4, 1, 2, 3)
    trajectory[:, 0, 1, 0] = torch.tensor([1.0, 2.0, 3.0, 6.0])
    spread = torch.tensor([1.0, 2.0, 3.0, 6.0]).std()
    for caution in (0.0, 2.0, -1.0):
        judge = objective(terms=["a"], a__of=["x"], caution=caution)
        returns = judge.returns(trajectory, torch.zeros(1, 1, 1))
        torch.testing.assert_close(returns, 3.0 - caution * spread[None])


def test_one_member_has_nobody_to_disagree_with():
    judge = objective(terms=["a"], a__of=["x"], caution=2.0)
    assert judge.returns(torch.ones(1, 3, 2, 3), torch.zeros(3, 1, 1)).tolist() == [1.0] * 3


def test_angles_are_judged_the_short_way_round():
    judge = objective(terms=["a"], a__of=["yaw"], a__type="quadratic", a__target=3.0)
    away = 2 * math.pi - 6.0
    assert worth(judge, yaw=-3.0) == pytest.approx(-(away**2), abs=1e-5)
    assert worth(judge, yaw=3.0 + 4 * math.pi) == pytest.approx(0.0, abs=1e-6)
    assert worth(judge, yaw=2.0) == pytest.approx(-1.0, abs=1e-5)


def test_a_dimension_that_is_no_angle_is_not_wrapped():
    judge = objective(terms=["a"], a__of=["y"], a__type="quadratic")
    assert worth(judge, y=2 * math.pi) == pytest.approx(-4 * math.pi**2)


def test_a_cosine_peaks_at_its_target():
    judge = objective(terms=["a"], a__of=["yaw"], a__type="cosine", a__target=1.0)
    assert worth(judge, yaw=1.0) == pytest.approx(1.0)
    assert worth(judge, yaw=1.0 + math.pi) == pytest.approx(-1.0)


def test_a_goal_replaces_targets_of_single_dimensions_only():
    judge = objective(
        terms=["at", "near", "effort"],
        at__of=["x"], at__type="quadratic", at__target=1.0,
        near__of=["x", "y"], near__type="quadratic",
        effort__of=["u"], effort__type="quadratic",
    )  # fmt: skip
    moved = judge.with_goal({"x": -1.0})
    assert worth(judge, x=1.0) == pytest.approx(-1.0)
    assert worth(moved, x=-1.0) == pytest.approx(-1.0)
    assert worth(moved, x=1.0) == pytest.approx(-5.0)
    # A frozen snapshot: a plan under way keeps its own.
    assert judge.goal == {}


def test_a_later_goal_keeps_what_it_does_not_name():
    judge = objective(terms=["a", "b"], a__of=["x"], b__of=["yaw"], b__type="quadratic")
    both = judge.with_goal({"x": 1.0, "yaw": 0.5}).with_goal({"x": 2.0})
    assert both.goal == {"x": 2.0, "yaw": 0.5}


def test_the_goal_of_an_angle_wraps_too():
    judge = objective(terms=["a"], a__of=["yaw"], a__type="quadratic").with_goal({"yaw": math.pi})
    assert worth(judge, yaw=-math.pi) == pytest.approx(0.0, abs=1e-5)


@pytest.mark.parametrize(
    ("goal", "message"),
    [
        ({"z": 0.0}, "unknown dimension 'z': expected one of x, y, yaw"),
        ({"u": 0.0}, "unknown dimension 'u'"),
        ({"yaw": 0.0}, "goal 'yaw': no term of the objective reads this dimension"),
        ({"x": 2.1}, r"goal 'x': expected a number in \[-2, 2\], got 2.1"),
        ({"x": math.nan}, "got nan"),
        ({"y": math.inf}, "got inf"),
        ({"y": -math.inf}, "got -inf"),
        ({"x": 0.0, "y": math.nan}, "goal 'y'"),
    ],
)
def test_goals_that_make_no_sense_are_refused(goal, message):
    judge = objective(terms=["a", "b", "c"], a__of=["x"], b__of=["y"], c__of=["yaw", "x"])
    with pytest.raises(ValueError, match=message):
        judge.with_goal(goal)
    assert judge.goal == {}


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, "objective.terms: expected at least one term"),
        ({"terms": ["a"]}, "objective.a.of: expected at least one dimension"),
        ({"terms": ["a", "a"], "a__of": ["x"]}, "objective.terms: 'a' stands there more than once"),
        ({"terms": ["a"], "a__of": ["z"]}, "objective.a.of: unknown dimension 'z'.*x, y, yaw, u"),
        ({"terms": ["a"], "b__of": ["x"]}, "objective: unknown parameter 'b'"),
        ({"terms": ["a"], "a__off": 1.0}, "objective.a: unknown parameter 'off'"),
        ({"terms": ["a"], "a__type": "cubic"}, "objective.a: parameter 'type': expected one of"),
        ({"terms": ["a"], "combine": "min"}, "objective: parameter 'combine': expected one of"),
        ({"term": ["a"]}, "objective: unknown parameter 'term': did you mean 'terms'"),
        ({"terms": ["a"], "a__of": ["x"], "a__weight": math.inf}, "objective.a.weight: .*finite"),
        ({"terms": ["a"], "a__of": ["x"], "a__offset": -math.inf}, "objective.a.offset: .*finite"),
        ({"terms": ["a"], "a__of": ["x"], "a__target": math.inf}, "objective.a.target: .*finite"),
        ({"terms": ["a"], "a__of": ["x"], "a__margin": -1.0}, "objective.a: parameter 'margin'"),
        (
            {"terms": ["a"], "a__of": ["x"], "a__lower": 1.0, "a__upper": 0.0},
            "objective.a.lower: expected at most upper = 0, got 1",
        ),
        (
            {"terms": ["a"], "a__of": ["x"], "a__value_at_margin": 0.0},
            "objective.a.value_at_margin",
        ),
    ],
)
def test_objectives_that_make_no_sense_are_refused_by_name(parameters, message):
    with pytest.raises(ValueError, match=message):
        objective(**parameters)


def test_predictions_that_are_not_numbers_give_returns_that_are_not():
    judge = objective(terms=["a"], a__of=["x"], a__type="tolerance", a__lower=-1.0, a__upper=1.0)
    trajectory = torch.zeros(2, 3, 4, 3)
    trajectory[1, 2, 3, 0] = torch.nan
    assert judge.returns(trajectory, torch.zeros(3, 3, 1)).isnan().tolist() == [False, False, True]
