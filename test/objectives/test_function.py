import pytest
import torch

from mbrl_ros.core.spaces import Space
from mbrl_ros.models.imagined import Imagined
from mbrl_ros.objectives.objective import Objective

OBSERVATION = Space.of(["x", "y"])
ACTION = Space.of(["u"], [-1.0], [1.0])
TERMS = """
import torch

def near(observation, action):
    return -(observation["x"] - observation["y"]).abs() - 0.1 * action["u"] ** 2

def effort(observation, action):
    return -action["u"] ** 2

def all_of_them(observation, action):
    return sum(observation.values()) + sum(action.values())

def wrong_name(observation, action):
    return observation["z"]

def total(observation, action):
    return observation["x"].sum()

def number(observation, action):
    return 1.0

def one_argument(observation):
    return observation["x"]

seven = 7
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "my_terms.py"
    path.write_text(TERMS)
    return path


def objective(reference, **fields):
    values = {"terms": ["f"], "f.type": reference}
    values.update({f"f.{name}": value for name, value in fields.items()})
    return Objective.from_parameters(values, OBSERVATION, ACTION)


def test_a_function_in_a_file_is_a_term(file):
    judge = objective(f"{file}:near", weight=2.0, offset=1.0)
    observations, actions = torch.randn(3, 4, 2), torch.randn(4, 1)
    expected = 1.0 + 2.0 * (
        -(observations[..., 0] - observations[..., 1]).abs() - 0.1 * actions[:, 0] ** 2
    )
    torch.testing.assert_close(judge.rewards(observations, actions), expected)


def test_a_function_in_a_module_is_a_term(file, monkeypatch):
    monkeypatch.syspath_prepend(file.parent)
    actions = torch.rand(4, 3, 1)
    returns = objective("my_terms:effort").score(Imagined(actions, torch.zeros(2, 4, 4, 2)))
    torch.testing.assert_close(returns, -(actions**2).sum(dim=(1, 2)))


def test_it_sees_every_dimension_by_its_name(file):
    rewards = objective(f"{file}:all_of_them").rewards(
        torch.tensor([[1.0, 2.0]]), torch.tensor([[4.0]])
    )
    assert rewards.tolist() == [7.0]


@pytest.mark.parametrize(
    ("attribute", "message"),
    [
        ("nothing", "AttributeError"),
        ("seven", "expected a function, got int"),
        ("wrong_name", "KeyError: 'z'"),
        ("total", r"expected a tensor of its input's shape, got torch.Size\(\[\]\)"),
        ("number", "expected a tensor of its input's shape, got float"),
        ("one_argument", "TypeError"),
    ],
)
def test_what_is_no_reward_is_refused_with_the_terms_name(file, attribute, message):
    with pytest.raises(ValueError, match=rf"objective\.f\.type '.*{attribute}': .*{message}") as no:
        objective(f"{file}:{attribute}")
    assert "\n" not in str(no.value)


def test_a_file_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match=r"objective\.f\.type .*there is no file"):
        objective("/nowhere/terms.py:near")


def test_it_has_no_dimensions_of_its_own(file):
    with pytest.raises(ValueError, match=r"objective\.f: unknown parameter 'of'"):
        objective(f"{file}:near", of=["x"])


def test_another_source_is_another_objective(tmp_path):
    digests = set()
    for number, source in enumerate(("x", "y", "x")):
        path = tmp_path / f"terms{number}" / "mine.py"
        path.parent.mkdir()
        path.write_text(f"def f(observation, action):\n    return observation['{source}']\n")
        digests.add(objective(f"{path}:f").digest)
    assert len(digests) == 3
