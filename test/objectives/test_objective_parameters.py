"""The objective's parameters as a node declares them."""

from pathlib import Path

import pytest

from mbrl_ros import ros
from mbrl_ros.core.settings import build
from mbrl_ros.core.task import TaskSettings
from mbrl_ros.nodes.objective_parameters import declare_objective, mirror_objective
from mbrl_ros.nodes.parameters import on_change, plain
from mbrl_ros.system.configuration import read_task, task_names
from mbrl_ros.system.schema import OBJECTIVE, objective_parameters

pytestmark = pytest.mark.process

CONFIG = Path(__file__).parents[2] / "config"


@pytest.fixture
def node(monkeypatch, domain):
    """A function that makes a node with a task's objectives declared; returns it and the set."""
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    context = ros.Context()
    made = []

    def make(task):
        places = (CONFIG / f"{task}.yaml", CONFIG / "robots" / f"{task}.yaml")
        (file,) = (place for place in places if place.is_file())
        ros.init(args=["--ros-args", "--params-file", str(file)], context=context)
        made.append(ros.Node("mpc_controller", context=context))
        settings = build(TaskSettings, read_task(task).shared)
        spaces = settings.observation_space(), settings.action_space()
        return made[-1], declare_objective(made[-1], *spaces, settings.period)

    yield make
    for one in made:
        one.destroy_node()
    context.try_shutdown()


@pytest.mark.parametrize("task", task_names())
def test_every_parameter_of_a_shipped_file_is_declared_with_its_value(node, task):
    made, objectives = node(task)
    for name, value in objective_parameters(read_task(task).node("mpc_controller")).items():
        declared = plain(made.get_parameter(OBJECTIVE + name).value)
        # One number for all dimensions is declared as one for each.
        each = isinstance(declared, list) and not isinstance(value, list)
        assert declared == ([value] * len(declared) if each else value)
    assert objectives.objective.digest


def test_descriptors_say_what_may_change_and_how_far(node):
    made, _ = node("cartpole_swingup")
    weight = made.describe_parameter("objective.upright.weight")
    assert not weight.read_only
    assert weight.description
    assert weight.floating_point_range[0].to_value == 1e6
    assert made.describe_parameter("objective.upright.of").read_only
    assert not made.describe_parameter("objective.variants.balance_left.centered.target").read_only
    active = made.describe_parameter("objective.active")
    names = ("swingup", "balance_left", "balance_right", "hang_still", "go_to", "learned")
    assert active.additional_constraints == f"one of {', '.join(names)}"
    assert made.get_parameter("objective.active").value == "swingup"


def test_objectives_change_by_parameters_all_at_once_or_not_at_all(node):
    made, objectives = node("cartpole_swingup")

    def accept(changed):
        nonlocal objectives
        objectives = objectives.changed(objective_parameters(changed))

    on_change(made, accept)

    def set_all(**values):
        return made.set_parameters_atomically(
            [ros.Parameter(OBJECTIVE + n.replace("__", "."), value=v) for n, v in values.items()]
        )

    assert set_all(active="balance_left", upright__weight=0.4).successful
    assert objectives.active == "balance_left"
    assert objectives.objective.terms["upright"].settings.weight == 0.4
    before = objectives.objective.digest
    refusal = set_all(active="swingup", variants__balance_left__centered__target=float("nan"))
    assert not refusal.successful
    assert "objective.variants.balance_left.centered.target" in refusal.reason
    refusal = set_all(active="nowhere")
    assert "expected one of swingup, balance_left" in refusal.reason
    assert (objectives.active, objectives.objective.digest) == ("balance_left", before)
    assert made.get_parameter("objective.active").value == "balance_left"


def test_parameters_follow_an_objective_that_came_by_another_way(node):
    made, objectives = node("cartpole_swingup")
    values = {"terms": ["near"], "near.of": ["cart_position"], "near.target": 1.0}
    loaded = objectives.load("corner", values)
    mirror_objective(made, objectives, loaded)
    prefix = f"{OBJECTIVE}variants.corner."
    assert made.get_parameter(f"{prefix}near.target").value == 1.0
    assert plain(made.get_parameter(f"{prefix}terms").value) == ["near"]
    assert made.get_parameter("objective.active").value == "corner"
    assert "corner" in made.describe_parameter("objective.active").additional_constraints
    # Again under the same name, with another term; the old one's parameters go.
    other = loaded.load("corner", {"terms": ["far"], "far.of": ["cart_position"]})
    mirror_objective(made, loaded, other)
    assert not made.has_parameter(f"{prefix}near.target")
    assert plain(made.get_parameter(f"{prefix}terms").value) == ["far"]
    declared = {name: value for name, (_, value) in other.parameters.items()}
    assert {n: plain(made.get_parameter(OBJECTIVE + n).value) for n in declared} == declared
    mirror_objective(made, other, other.select("swingup"))
    assert made.get_parameter("objective.active").value == "swingup"
