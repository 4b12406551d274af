"""What docs/objectives.md shows is what the code does."""

import re
from pathlib import Path

import pytest
import torch

from mbrl_ros.core.rcl_yaml import read_yaml
from mbrl_ros.core.settings import flatten
from mbrl_ros.core.spaces import Space
from mbrl_ros.models.imagined import Imagined
from mbrl_ros.objectives.objective_set import ObjectiveSet
from mbrl_ros.objectives.terms import TERMS
from mbrl_ros.system.configuration import read_task, task_names
from mbrl_ros.system.schema import objective_parameters

TEXT = (Path(__file__).parents[2] / "docs" / "objectives.md").read_text()
EXAMPLES = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
OBSERVATION = Space.of(
    ["x", "y", "cart_position", "cart_velocity", "pole_angle", "pole_cos", "pole_velocity"],
    angles=["pole_angle"],
)
ACTION = Space.of(["motor", "left", "right"], [-1.0] * 3, [1.0] * 3)


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_judges_predictions(example, tmp_path):
    functions = tmp_path / "my_terms.py"
    functions.write_text(re.search(r"```python\n(.*?)```", TEXT, re.DOTALL).group(1))
    tree = read_yaml(example.replace("/home/me/my_terms.py", str(functions)))
    values = flatten(tree["objective"])
    objectives = ObjectiveSet.from_parameters(values, OBSERVATION, ACTION, 0.04)
    for judge in objectives.objectives.values():
        returns = judge.score(
            Imagined(torch.rand(7, 10, 3), torch.randn(5, 7, 11, OBSERVATION.dim))
        )
        assert returns.isfinite().all()
        assert returns.std() > 0


def test_every_kind_of_term_has_its_line():
    for kind in TERMS:
        assert f"\n| `{kind}` |" in TEXT


@pytest.mark.parametrize("task", task_names())
def test_every_shipped_objective_has_its_line(task):
    values = objective_parameters(read_task(task).node("mpc_controller"))
    variants = dict.fromkeys(name.split(".")[1] for name in values if name.startswith("variants."))
    line = re.search(rf"\n\| `{task}` \|.*", TEXT).group()
    assert re.findall(r"`(\w+)`", line) == [task, values["name"], *variants]
