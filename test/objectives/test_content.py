"""An objective read from what another process told of it."""

import json
from pathlib import Path

import pytest

from mbrl_ros.core.settings import build
from mbrl_ros.core.spaces import Space
from mbrl_ros.core.task import TaskSettings
from mbrl_ros.objectives.content import read_content
from mbrl_ros.objectives.objective import Objective
from mbrl_ros.objectives.objective_set import ObjectiveSet
from mbrl_ros.system.configuration import read_task
from mbrl_ros.system.schema import objective_parameters

CONFIG = Path(__file__).parents[2] / "config"
OBSERVATION, ACTION = Space.of(["x", "v"]), Space.of(["u"], [-1.0], [1.0])
VALUES = {"terms": ["near"], "near.of": ["x"], "near.type": "quadratic"}


def again(objective, functions=()):
    return read_content(
        objective.content, objective.digest, objective.observation, objective.action,
        objective.period, functions,
    )  # fmt: skip


@pytest.mark.parametrize("file", sorted(CONFIG.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_objective_of_the_shipped_tasks_is_understood(file):
    configuration = read_task(str(file), {})
    task = build(TaskSettings, configuration.shared)
    objectives = ObjectiveSet.from_parameters(
        objective_parameters(configuration.node("mpc_controller")),
        task.observation_space(), task.action_space(), task.period,
    )  # fmt: skip
    for objective in objectives.objectives.values():
        read = again(objective)
        assert read.digest == objective.digest
        assert read.content == objective.content


def test_goals_and_the_tail_come_along():
    values = {**VALUES, "tail": 0.4}
    objective = Objective.from_parameters(values, OBSERVATION, ACTION, 0.1).with_goal({"x": 2.0})
    assert again(objective).goal == {"x": 2.0}
    assert again(objective).settings.tail == 0.4


def test_what_comes_over_the_network_chooses_no_code(tmp_path):
    file = tmp_path / "terms.py"
    file.write_text("def effort(observation, action):\n    return -action['u'] ** 2\n")
    kind = f"{file}:effort"
    objective = Objective.from_parameters(
        {"terms": ["own"], "own.type": kind}, OBSERVATION, ACTION, 0.1
    )
    with pytest.raises(ValueError, match=r"'own' is a function .*policy\.functions"):
        again(objective)
    assert again(objective, [kind]).digest == objective.digest


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", '{"terms": 3}', '{"terms": {"a": {}}}', "nan", "[" * 5000, "{" * 70000],
)
def test_what_is_no_objective_is_refused_in_one_line(content):
    with pytest.raises(ValueError, match=r".+") as caught:
        read_content(content, "0", OBSERVATION, ACTION, 0.1)
    assert "\n" not in str(caught.value)


def test_another_objective_than_was_told_is_refused():
    objective = Objective.from_parameters(VALUES, OBSERVATION, ACTION, 0.1)
    told = json.loads(objective.content)
    told["terms"]["near"]["weight"] = 3.0
    with pytest.raises(ValueError, match="expected the digest"):
        read_content(json.dumps(told), objective.digest, OBSERVATION, ACTION, 0.1)
    with pytest.raises(ValueError, match="expected the digest"):
        read_content(objective.content, objective.digest, OBSERVATION, ACTION, 0.2)
