from pathlib import Path

import pytest
import torch
from exact import LinearModel, action, problem, quadratic, settings, start, worth

from mbrl_ros.core.spaces import Space
from mbrl_ros.planning.cem import CEM
from mbrl_ros.planning.loop import PlanningLoop
from mbrl_ros.planning.registry import PLANNERS, make_planner

CHOICE = Space.of(["push"], [0.0], [1.0], discrete=["push"])
MIXED = Space.of(["push", "brake"], [0.0, 0.0], [1.0, 1.0], discrete=["push"])


class Halved(CEM):
    """A planner of somebody else's."""

    def sample(self, search, generator):
        return 0.5 * super().sample(search, generator)


def test_every_planner_is_found_by_its_name():
    for name, kind in PLANNERS.items():
        space = CHOICE if name == "categorical_cem" else action(1.0)
        assert type(make_planner(space, settings(type=name))) is kind


def test_a_planner_of_ones_own_is_found_by_module_and_attribute(tmp_path):
    planner = make_planner(action(1.0), settings(type="test_registry:Halved"))
    plan = PlanningLoop(planner, 0).plan(problem(LinearModel(), quadratic(1.0), start(1.0)))
    assert plan.elites.abs().max() <= 0.5
    file = tmp_path / "mine.py"
    file.write_text("from mbrl_ros.planning.cem import CEM\nclass Mine(CEM): pass\n")
    assert type(make_planner(action(1.0), settings(type=f"{file}:Mine"))).__name__ == "Mine"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("icme", "planner.type: expected one of random_shooting, cem, .* or module:attribute"),
        ("nowhere:Planner", "planner.type 'nowhere:Planner': ModuleNotFoundError"),
        ("test_registry:Nothing", "planner.type 'test_registry:Nothing': AttributeError"),
        ("os:system", "expected a subclass of mbrl_ros.planning.planner.Planner"),
        ("torch:nn.Linear", "expected a subclass of mbrl_ros.planning.planner.Planner"),
    ],
)
def test_what_is_no_planner_is_refused(name, message):
    with pytest.raises(ValueError, match=message):
        make_planner(action(1.0), settings(type=name))


@pytest.mark.parametrize(
    ("name", "space", "message"),
    [
        ("icem", CHOICE, "ICEM plans no discrete action, as 'push' is"),
        ("ilqr", MIXED, "ILQR plans no discrete action, as 'push' is"),
        ("categorical_cem", action(1.0), "CategoricalCEM plans no continuous action, as 'force'"),
        ("categorical_cem", MIXED, "CategoricalCEM plans no continuous action, as 'brake' is"),
    ],
)
def test_a_planner_for_another_kind_of_action_is_refused(name, space, message):
    with pytest.raises(ValueError, match=message):
        make_planner(space, settings(type=name))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("last_plan", "planner.proposals: expected one of previous_plan, inverse_model, policy or"),
        ("test_registry:CHOICE", "expected a function, 'test_registry:CHOICE' is a Space"),
        ("nowhere:policy", "planner.proposals 'nowhere:policy': ModuleNotFoundError"),
    ],
)
def test_what_is_no_proposal_is_refused(name, message):
    with pytest.raises(ValueError, match=message):
        make_planner(action(1.0), settings(proposals=[name]))


def too_short(question, plan):
    return plan[None, :-1]


def test_a_proposal_of_another_shape_is_refused():
    planner = make_planner(action(1.0), settings(proposals=["test_registry:too_short"], horizon=4))
    with pytest.raises(
        ValueError,
        match=r"too_short: expected a tensor of shape \(Q, 4, 1\), got Tensor of shape \(1, 3, 1\)",
    ):
        PlanningLoop(planner, 0).plan(problem(LinearModel(), quadratic(1.0), start(1.0)))


def test_with_the_previous_plan_proposed_no_plan_is_worse():
    objective = quadratic(10.0)
    known = settings(
        type="cem", horizon=15, candidates=4, elites=2, iterations=1, noise_std=2.0,
        proposals=["previous_plan"],
    )  # fmt: skip
    loop = PlanningLoop(make_planner(action(10.0), known), 0)
    question = problem(LinearModel(), objective, start(1.0))
    for _ in range(20):
        last = loop._search
        plan = loop.plan(question, elapsed=0)
        if last is not None:
            kept = worth(objective, start(1.0), last.actions[None])
            assert plan.expected_return >= kept.item() - 1e-5
    assert torch.isfinite(plan.actions).all()


def test_the_planner_in_the_documentation_works(tmp_path):
    text = (Path(__file__).parents[2] / "docs" / "tutorials" / "planner.md").read_text(
        encoding="utf-8"
    )
    file = tmp_path / "my_planners.py"
    file.write_text(text.split("```python\n")[1].split("```")[0], encoding="utf-8")
    known = settings(type=f"{file}:Hill", horizon=10, iterations=20)
    plan = PlanningLoop(make_planner(action(10.0), known), 0).plan(
        problem(LinearModel(), quadratic(10.0), start(1.0))
    )
    nothing = worth(quadratic(10.0), start(1.0), 0 * plan.actions[None])
    assert plan.expected_return > 0.9 * nothing.item()
    assert plan.expected_return > nothing.item()
