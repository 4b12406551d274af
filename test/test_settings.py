import dataclasses
import math
from dataclasses import dataclass
from pathlib import Path

import pytest

from mbrl_ros.control.settings import ControllerSettings, TrustSettings
from mbrl_ros.core.settings import (
    SettingsError,
    build,
    flat,
    flatten,
    group,
    setting,
    specs,
)
from mbrl_ros.core.task import TaskSettings
from mbrl_ros.learning.settings import GateSettings, TrainerSettings
from mbrl_ros.models.settings import OptimizerSettings
from mbrl_ros.objectives.settings import ObjectiveSettings, SelectionSettings
from mbrl_ros.objectives.term_settings import TERM_SETTINGS
from mbrl_ros.system.schema import checked_nodes, node_settings
from mbrl_ros.system.task_file import read_task_file

CONFIG = Path(__file__).parents[1] / "config"


@dataclass(frozen=True)
class Wheel:
    radius: float = setting(0.1, "radius [m]", low=0.0, high=1.0)
    spokes: int = setting(8, "spokes", low=0)


@dataclass(frozen=True)
class Robot:
    name: str = setting("r2", "what it is called")
    kind: str = setting("mobile", "how it moves", choices=("mobile", "fixed"))
    armed: bool = setting(False, "whether it may move")
    limits: list[float] = setting([], "limits", low=-10.0, high=10.0)
    ports: list[int] = setting([1, 2], "ports", low=1)
    labels: list[str] = setting([], "labels")
    wheel: Wheel = group(Wheel)


def test_defaults_stand_where_nothing_is_given():
    robot = build(Robot, {})
    assert robot == Robot()
    assert robot.wheel.radius == 0.1
    assert robot.ports == [1, 2]


def test_a_list_default_is_not_shared_between_instances():
    Robot().ports.append(3)
    assert Robot().ports == [1, 2]


def test_values_reach_nested_groups_by_dotted_names():
    robot = build(Robot, {"wheel.radius": 0.5, "name": "c3", "ports": [7]})
    assert (robot.wheel.radius, robot.wheel.spokes, robot.name) == (0.5, 8, "c3")
    assert robot.ports == [7]


def test_an_integer_will_do_for_a_number_alone_and_in_a_list():
    robot = build(Robot, {"wheel.radius": 1, "limits": [1, 2.5]})
    assert isinstance(robot.wheel.radius, float)
    assert robot.limits == [1.0, 2.5]
    assert all(isinstance(limit, float) for limit in robot.limits)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("wheel.spokes", 8.0),
        ("wheel.spokes", "8"),
        ("wheel.spokes", True),
        ("wheel.spokes", None),
        ("wheel.spokes", [8]),
        ("wheel.spokes", -1),
        ("wheel.spokes", 2**63),
        ("wheel.radius", True),
        ("wheel.radius", "0.1"),
        ("wheel.radius", math.nan),
        ("wheel.radius", math.inf),
        ("wheel.radius", -1e-9),
        ("wheel.radius", 1.0000001),
        ("wheel.radius", 10**400),
        ("armed", 1),
        ("armed", 0.0),
        ("armed", "true"),
        ("name", 5),
        ("name", True),
        ("kind", "flying"),
        ("kind", "MOBILE"),
        ("limits", 1.0),
        ("limits", "1.0"),
        ("limits", [1.0, math.nan]),
        ("limits", [1.0, 11.0]),
        ("limits", [True]),
        ("limits", [[1.0]]),
        ("ports", [1.5]),
        ("ports", [0]),
        ("labels", ["a", 1]),
    ],
)
def test_wrong_types_and_values_out_of_bounds_are_refused_by_name(name, value):
    with pytest.raises(SettingsError, match=f"^parameter '{name}': expected .*, got "):
        build(Robot, {name: value})


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("wheel.radius", 2.0, "a number in [0, 1], got 2.0"),
        ("wheel.spokes", "x", "an integer >= 0, got 'x'"),
        ("kind", "x", "one of mobile, fixed, got 'x'"),
        ("armed", "x", "true or false, got 'x'"),
        ("labels", 1, "a list of str, got 1"),
    ],
)
def test_a_refusal_says_what_was_expected(name, value, expected):
    with pytest.raises(SettingsError) as refusal:
        build(Robot, {name: value})
    assert str(refusal.value) == f"parameter '{name}': expected {expected}"


def test_infinite_limits_are_numbers_where_no_bound_forbids_them():
    task = build(TaskSettings, {"observation.low": [-math.inf]})
    assert task.observation.low == [-math.inf]


def test_an_unknown_parameter_is_refused_with_the_one_that_was_meant():
    with pytest.raises(SettingsError, match=r"^f\.yaml: unknown parameter 'wheel\.radios'"):
        build(Robot, {"wheel.radios": 1.0}, "f.yaml")
    with pytest.raises(SettingsError, match=r"did you mean 'wheel\.radius'\?"):
        build(Robot, {"wheel.radios": 1.0})
    with pytest.raises(SettingsError, match=r"^unknown parameter 'zzzzzz'$"):
        build(Robot, {"zzzzzz": 1.0})


def test_a_group_itself_is_no_parameter():
    with pytest.raises(SettingsError, match="unknown parameter 'wheel'"):
        build(Robot, {"wheel": None})


def test_flat_parameters_build_the_same_group_again():
    robot = build(Robot, {"wheel.spokes": 3, "limits": [1.0], "kind": "fixed", "armed": True})
    parameters = flat(robot)
    assert parameters["wheel.spokes"] == 3
    assert set(parameters) == {spec.name for spec in specs(Robot)}
    assert build(Robot, parameters) == robot


def test_a_field_that_no_parameter_can_hold_is_a_programming_error():
    for hint in (dict, list[list[int]], "int | None"):

        @dataclass
        class Odd:
            field: hint = setting(None, "odd")  # type: ignore[valid-type]

        with pytest.raises(TypeError, match="which no parameter can hold"):
            list(specs(Odd))


@pytest.mark.parametrize(
    "cls",
    [
        TaskSettings,
        ObjectiveSettings,
        SelectionSettings,
        *dict.fromkeys(TERM_SETTINGS.values()),
        *node_settings({}).values(),
    ],
    ids=lambda c: c.__name__,
)
def test_every_default_is_itself_allowed_and_described(cls):
    for spec in specs(cls):
        assert spec.check(spec.default) == spec.default
        assert len(spec.description) > 3
        assert "\n" not in spec.description


def test_every_setting_of_the_planner_may_change_while_it_runs():
    assert all(s.live for s in specs(ControllerSettings) if s.name.startswith("planner."))


@pytest.mark.parametrize(
    ("cls", "values", "message"),
    [
        (GateSettings, {"segment": 7}, "'horizon': expected at most segment, 7, got 8"),
        (
            TrainerSettings,
            {"model.log_variance_low": 1.0},
            "'model.log_variance_low': expected at most model.log_variance_high, 0.5, got 1.0",
        ),
        (
            ControllerSettings,
            {"trust.doubtful": 5.0},
            "'trust.cautious': expected at most trust.doubtful, 5.0, got 6.0",
        ),
        (TrustSettings, {"doubtful": 24.0000001}, "'doubtful': .* fallback, 24.0, got 24.0000001"),
        (OptimizerSettings, {"restart_growth": 1.0}, "expected 0, or a number >= 1.01, got 1.0"),
        (OptimizerSettings, {"restart_growth": math.nan}, "expected 0, or a number .* got nan"),
    ],
)
def test_settings_that_contradict_each_other_are_refused_by_name(cls, values, message):
    with pytest.raises(SettingsError, match=message):
        build(cls, values)


@pytest.mark.parametrize("word", ["y", "yes", "On", True])
def test_a_setting_that_is_true_or_false_takes_the_words_that_rcl_takes(word):
    assert build(TrustSettings, {"enabled": word}).enabled is True
    with pytest.raises(SettingsError, match="expected true or false, got 'yep'"):
        build(TrustSettings, {"enabled": "yep"})


def test_settings_at_their_limit_are_no_contradiction():
    assert build(OptimizerSettings, {"restart_growth": 0.0}).restart_growth == 0.0
    assert build(TrustSettings, {"cautious": 12.0, "doubtful": 12.0}).cautious == 12.0
    assert build(GateSettings, {"segment": 20, "horizon": 20}).horizon == 20


def test_flatten_and_build_agree_with_dataclasses_asdict():
    settings = ControllerSettings()
    assert flatten(dataclasses.asdict(settings)) == flat(settings)


@pytest.mark.parametrize("path", sorted(CONFIG.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_shipped_task_is_valid_and_its_spaces_build(path):
    nodes = read_task_file(path).nodes
    assert checked_nodes(nodes, path.name) == nodes
    task = build(TaskSettings, nodes["**"])
    assert task.task == path.stem
    assert task.observation_space().dim > 0
    assert task.action_space().dim > 0


def test_nodes_refuse_what_is_not_theirs():
    with pytest.raises(SettingsError, match=r"^f: unknown node 'pilot': expected mujoco_sim"):
        checked_nodes({"pilot": {}}, "f")
    with pytest.raises(SettingsError, match=r"f: .*unknown parameter 'planner\.horizon'"):
        checked_nodes({"**": {"planner.horizon": 3}}, "f")
    with pytest.raises(SettingsError, match="f: model_trainer: unknown parameter 'planner"):
        checked_nodes({"model_trainer": {"planner.horizon": 3}}, "f")
    with pytest.raises(SettingsError, match="must be the same for all nodes"):
        checked_nodes({"model_trainer": {"seed": 3}}, "f")
    with pytest.raises(SettingsError, match="f: model_trainer: unknown parameter 'objective"):
        checked_nodes({"model_trainer": {"objective.terms": ["a"]}}, "f")


def test_checked_values_have_their_declared_types():
    objective = {"terms": ["a"], "a.of": ["x", "y"], "a.type": "quadratic", "a.target": 1}
    objective |= {"a.weight": 2, "variants.b.a.of": ["x"], "variants.b.a.scale": [1]}
    given = {f"objective.{n}": v for n, v in objective.items()} | {"observation_timeout": 1}
    checked = checked_nodes({"**": {"period": 1}, "mpc_controller": given}, "f")
    assert repr(checked["**"]["period"]) == "1.0"
    own = checked["mpc_controller"]
    assert list(own) == list(given)
    assert (own["objective.a.target"], own["objective.a.weight"]) == (1.0, 2.0)
    assert [type(own[n]) for n in given if n.endswith(("target", "weight", "timeout"))] == [
        float
    ] * 3
    assert repr(own["objective.variants.b.a.scale"]) in ("1.0", "[1.0]")


def test_a_wrong_objective_is_refused_with_the_file_it_stands_in():
    parameters = {"objective.terms": ["a"], "objective.a.wait": 1.0}
    with pytest.raises(SettingsError, match=r"^f: mpc_controller: objective\.a: .*'weight'\?"):
        checked_nodes({"mpc_controller": parameters}, "f")
