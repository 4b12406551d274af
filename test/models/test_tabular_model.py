"""The table as a world model: what it imagines, how surprised it is, and how it travels."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from mbrl_ros.core.kinds import find_kind
from mbrl_ros.core.spaces import Space
from mbrl_ros.models.tabular.packing import pack
from mbrl_ros.models.tabular.settings import TabularSettings
from mbrl_ros.models.tabular.table import Table
from mbrl_ros.models.update import MODEL, CheckpointError, ModelPart
from mbrl_ros.objectives.objective import Objective
from mbrl_ros.planning.loop import PlanningLoop
from mbrl_ros.planning.problem import Problem
from mbrl_ros.planning.registry import make_planner
from mbrl_ros.planning.settings import PlannerSettings

PLACE = Space.of(["x", "y"], [0.0, -1.0], [2.0, 1.0], discrete=["x", "y"])
MOVE = Space.of(["left", "up"], [0.0, 0.0], [1.0, 2.0], discrete=["left", "up"])
EAST, WEST = [0.0, 0.0], [1.0, 2.0]


def number(x, y):
    return 3 * x + y + 1


def update(paid=True, **settings):
    """From (0, 0), EAST leads to (1, 0) three times in four and pays 2; (1, 1) ends the task."""
    table = Table(9, 6, 1.0)
    for k in range(4000):
        after, reward = (number(1, 0), 2.0) if k % 4 else (number(1, 1), 0.0)
        table.add(6 * number(0, 0), reward if paid else np.nan, after, k % 4 == 0)
    table.add(6 * number(1, 0) + 5, 1.0 if paid else np.nan, number(0, 0), False)
    made = TabularSettings(**{"members": 400, "optimism": 7.0, **settings})
    q = np.arange(54.0).reshape(9, 6)
    return pack("tabular", PLACE, MOVE, made, table, q, -q)


def model(**settings):
    return find_kind("tabular").make_world_model(update(**settings))


def begin(made, *place):
    return made.observe(None, torch.zeros(2), torch.tensor(place, dtype=torch.float64), True)


def test_particles_are_where_outcomes_led_as_often():
    made = model()
    imagined = made.imagine(begin(made, 0, 0), torch.tensor([[EAST, WEST]] * 2))
    seen = imagined.observations[:, 0]
    assert seen.shape == (400, 3, 2)
    assert set(map(tuple, seen[:, 1].tolist())) == {(1.0, 0.0), (1.0, 1.0)}
    assert (seen[:, 1, 1] == 0).float().mean() == pytest.approx(0.75, abs=0.06)
    torch.testing.assert_close(imagined.rewards[:, :, 0], torch.full((400, 2), 1.5))
    on = seen[:, 1, 1] == 0
    torch.testing.assert_close(imagined.continues[:, 0, 0], on.float())
    assert (seen[on][:, 2] == torch.tensor([0.0, 0.0])).all()
    # Nobody knows what WEST does at (1, 1): it is worth the optimism, and that is all.
    assert (seen[~on][:, 2] == torch.tensor([1.0, 1.0])).all()
    assert (imagined.rewards[~on][:, :, 1] == 7.0).all()
    assert (imagined.continues[~on][:, :, 1] == 0.0).all()
    blind = model(unvisited="self_loop")
    imagined = blind.imagine(begin(blind, 2, -1), torch.tensor([[EAST, WEST]]))
    assert (imagined.observations == torch.tensor([2.0, -1.0])).all()
    assert (imagined.rewards == 0.0).all()
    assert (imagined.continues == 1.0).all()


def test_a_planner_sees_what_is_best_on_average():
    made = model(unvisited="self_loop", members=50)
    values = {"terms": ["r", "s"], "r.type": "learned_reward", "s.type": "learned_survival"}
    values |= {"s.weight": 0.0}
    objective = Objective.from_parameters(values, PLACE, MOVE)
    settings = PlannerSettings(type="categorical_cem", horizon=2, candidates=200, iterations=3)
    loop = PlanningLoop(make_planner(MOVE, settings), 0)
    found = loop.plan(Problem(begin(made, 0, 0), made, objective, torch.empty(0, 2)))
    assert found.actions.tolist() == [EAST, WEST]
    assert found.expected_return == pytest.approx(1.5 + 0.75, abs=0.2)


def test_the_policy_and_the_value_are_those_of_the_table():
    made = model(epsilon=0.3)
    features = made.features(begin(made, 1, -1))[0]
    assert features.shape == (1, 1)
    assert made.policy(features).tolist() == [[1.0, 2.0]]
    assert made.value(features).tolist() == [23.0]
    generator = torch.Generator().manual_seed(0)
    drawn = made.policy.sample(features.expand(4000, 1), generator)
    # Where it explores it is drawn to the opposite.
    share = (drawn == torch.zeros(2)).all(dim=1).float().mean()
    assert share == pytest.approx(0.7 + 0.3 / 6, abs=0.03)
    made.policy.drawn_to = torch.zeros(9, 6)
    drawn = made.policy.sample(features.expand(6000, 1), generator)
    counts = torch.bincount((3 * drawn[:, 0] + drawn[:, 1]).long(), minlength=6)
    torch.testing.assert_close(counts / 6000, torch.full((6,), 1 / 6), atol=0.03, rtol=0)


def surprised(made, start, actions, *seen):
    z = made.surprise(begin(made, *start), torch.tensor(actions), torch.tensor(seen))
    assert z.shape == (2,)
    return z[0].item()


def test_surprise_is_one_on_average_and_grows_with_the_visits():
    made = model()
    often, seldom = (surprised(made, (0, 0), [EAST], *seen) for seen in ((1, 0), (1, 1)))
    assert 0.75 * often**2 + 0.25 * seldom**2 == pytest.approx(1.0)
    assert surprised(made, (0, 0), [EAST], 2, 1) == pytest.approx(4000**0.5)
    assert surprised(made, (1, 0), [WEST], 0, 0) == 0.0
    assert surprised(made, (1, 0), [WEST], 2, 0) == 1.0
    # Nothing is expected of what was never tried.
    assert surprised(made, (1, 0), [EAST], 2, 0) == 0.0
    # An episode that goes on has not come to where the task ends.
    assert surprised(made, (0, 0), [EAST, WEST], 0, 0) == 0.0
    assert surprised(made, (0, 0), [EAST, WEST], 2, 0) == 1.0


def test_without_rewards_none_are_imagined():
    made = find_kind("tabular").make_world_model(update(paid=False))
    assert made.imagine(begin(made, 0, 0), torch.zeros(1, 1, 2)).rewards is None


def spoiled(part, **tensors):
    good = update()
    state = {**good.parts[part].state(part), **tensors}
    state = {name: tensor for name, tensor in state.items() if tensor is not None}
    return replace(good, parts={**good.parts, part: ModelPart.of(state)})


def retold(**changes):
    good = update()
    return replace(good, settings=json.dumps({**json.loads(good.settings), **changes}))


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (lambda: spoiled(MODEL, pair=torch.tensor([99, 0, 0])), "'pair' holds a number that is"),
        (lambda: spoiled(MODEL, after=torch.tensor([9, 0, 0])), "'after' holds a number that is"),
        (lambda: spoiled(MODEL, pair=torch.tensor([1, 2, 3])), "'visits' and 'pair' tell of other"),
        (lambda: spoiled(MODEL, chance=torch.ones(3)), "'chance': expected 3 of float64"),
        (lambda: spoiled(MODEL, reward=None), "'reward': expected 54 of float64"),
        (lambda: spoiled(MODEL, visits=torch.full((54,), torch.nan)), "not finite"),
        (lambda: spoiled("policy", q=torch.zeros(9, 5)), "'q': expected finite numbers of shape"),
        (lambda: spoiled("policy", drawn_to=None), "'drawn_to': expected finite numbers"),
        (lambda: replace(update(), parts={MODEL: update().parts[MODEL]}), "a part 'policy', got"),
        (lambda: replace(update(), settings="{}"), "'settings' is missing"),
        (lambda: retold(settings={"discount": 1.0}), "model settings: parameter 'discount'"),
        (lambda: retold(observation={"names": ["x"], "angles": []}), "takes integers only"),
    ],
)
def test_a_damaged_table_is_refused_in_one_line(made, words):
    with pytest.raises(CheckpointError) as refusal:
        find_kind("tabular").make_world_model(made())
    assert words in str(refusal.value)
    assert "\n" not in str(refusal.value)
