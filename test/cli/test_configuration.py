import math
import re
from pathlib import Path

import pytest
from support.task_inputs import REFUSED_SECTIONS, REFUSED_SYSTEMS, REFUSED_WORDS, SHARED, TASK

from mbrl_ros.core.parameter_files import read_sections
from mbrl_ros.core.settings import SettingsError
from mbrl_ros.system.configuration import (
    parse_assignments,
    read_task,
    task_names,
    versions_in_use,
)
from mbrl_ros.system.schema import NODES

CONFIG = Path(__file__).parents[2] / "config"


def test_the_shipped_tasks_are_known_by_name():
    files = [*CONFIG.glob("*.yaml"), *CONFIG.glob("robots/*.yaml")]
    assert task_names() == sorted(path.stem for path in files)
    assert "cartpole_swingup" in task_names()


@pytest.mark.parametrize("task", [path.stem for path in CONFIG.glob("*.yaml")])
def test_every_shipped_task_configures_every_node(task):
    configuration = read_task(task)
    assert set(configuration.nodes) == {"**", *NODES}
    assert configuration.shared["task"] == task
    for node in NODES:
        assert configuration.node(node)["period"] == configuration.shared["period"]


def test_overrides_go_to_the_nodes_that_have_the_parameter():
    configuration = read_task(
        "cartpole_swingup",
        {
            "seed": 7,
            "planner.horizon": 11,
            "model_trainer.model.members": 3,
            "objective.caution": 0.5,
            "action_repeat": 2,
        },
    )
    assert configuration.shared["seed"] == 7
    assert configuration.node("mpc_controller")["planner.horizon"] == 11
    assert configuration.node("mpc_controller")["objective.caution"] == 0.5
    assert configuration.node("model_trainer")["model.members"] == 3
    assert configuration.node("mujoco_sim")["action_repeat"] == 2
    for node in NODES:
        assert configuration.node(node)["seed"] == 7
    assert "planner.horizon" not in configuration.node("model_trainer")


def test_overrides_leave_the_rest_as_it_was():
    plain, changed = read_task("pendulum_swingup"), read_task("pendulum_swingup", {"seed": 1})
    assert {**changed.shared, "seed": 0} == {**plain.shared, "seed": 0}
    assert all(changed.nodes[node] == plain.nodes[node] for node in NODES)


@pytest.mark.parametrize(("words", "message"), REFUSED_WORDS.items())
def test_wrong_overrides_are_refused_by_name(words, message):
    with pytest.raises(SettingsError, match=re.escape(message)) as refusal:
        read_task("cartpole_swingup", parse_assignments([words]))
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("task", ["cartpole", "", "config/cartpole_swingup", "../x", "a\x00b"])
def test_an_unknown_task_is_refused_with_the_known_ones(task):
    with pytest.raises(SettingsError, match=r"unknown task .*cartpole_swingup, .*reacher_easy"):
        read_task(task)


@pytest.mark.parametrize(
    ("task", "meant"),
    [("cartpole_swngup", "cartpole_swingup"), ("Pendulum", "Pendulum-v1"), ("ant", "Ant-v5")],
)
def test_what_was_meant_is_suggested(task, meant):
    with pytest.raises(SettingsError, match=rf"unknown task '{task}'.*did you mean '{meant}'\?$"):
        read_task(task)


def test_a_parameter_file_of_ones_own_will_do(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(
        "/**: {ros__parameters: {task: mine, period: 0.1}}\n"
        "model_trainer: {ros__parameters: {optimizer: {learning_rate: 1e-4}}}\n"
    )
    configuration = read_task(str(path), {"period": 0.2})
    assert configuration.shared == {"task": "mine", "period": 0.2}
    assert configuration.node("model_trainer")["optimizer.learning_rate"] == 0.0001


@pytest.mark.parametrize(
    ("text", "message"),
    [
        *((TASK + text, message) for text, message in REFUSED_SECTIONS.items()),
        *((SHARED + text, message) for text, message in REFUSED_SYSTEMS.items()),
        ("pilot: {ros__parameters: {}}", "expected parameters of mujoco_sim, robot_bridge"),
    ],
)
def test_a_wrong_file_is_refused_by_its_name(tmp_path, text, message):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=re.escape(message)) as refusal:
        read_task(str(path))
    assert str(refusal.value).startswith(f"{path}: ")


def test_values_on_the_command_line_have_the_types_they_have_in_a_file():
    values = parse_assignments(
        [
            "seed:=3",
            "a.b:=1e-3",
            "c:=true",
            "d:=[1.0, 2.0]",
            "e:=text",
            "f:=",
            "g:=-.inf",
            "h:=a:=b",
        ]
    )
    assert values == {
        "seed": 3, "a.b": 0.001, "c": True, "d": [1.0, 2.0], "e": "text", "f": "", "g": -math.inf,
        "h": "a:=b",
    }  # fmt: skip
    assert isinstance(values["seed"], int)


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("seed", "expected name:=value"),
        ("seed=3", "expected name:=value"),
        (":=3", "expected name:=value"),
        ("seed:={a", "the value is not YAML"),
    ],
)
def test_words_of_another_form_are_refused(word, message):
    with pytest.raises(SettingsError, match=message):
        parse_assignments([word])


@pytest.mark.parametrize("task", ["cartpole_swingup", "half_cheetah"])
def test_what_is_written_starts_the_same_system_again(tmp_path, task):
    configuration = read_task(task, {"seed": 12, "planner.momentum": 1e-7})
    path = tmp_path / "configuration.yaml"
    configuration.write(path)
    assert read_task(str(path)) == configuration
    sections = {each.pattern for each in read_sections(path.read_text())}
    assert sections == {"/**", *(f"/**/{node}" for node in NODES)}


def test_what_is_written_names_the_versions_in_use(tmp_path):
    path = tmp_path / "configuration.yaml"
    read_task("cartpole_swingup").write(path)
    text = path.read_text()
    versions = versions_in_use()
    assert {"mbrl_ros", "python", "torch", "numpy"} <= set(versions)
    for name, version in versions.items():
        assert f"# {name} {version}\n" in text


def test_files_beside_a_parameter_file_are_found_from_anywhere(tmp_path, monkeypatch):
    folder = tmp_path / "mine"
    folder.mkdir()
    for name in ("robot.xml", "mine.py"):
        (folder / name).touch()
    (folder / "mine.yaml").write_text(
        "/**: {ros__parameters: {task: mine}}\n"
        "mujoco_sim: {ros__parameters: {environment: robot.xml, task_module: mine.py:Task}}\n"
        "mpc_controller: {ros__parameters: {planner: {type: other.py:Planner,"
        " proposals: [mine.py:policy, previous_plan]}}}\n"
    )
    monkeypatch.chdir(tmp_path)
    nodes = read_task("mine/mine.yaml").nodes
    assert nodes["mujoco_sim"]["environment"] == str(folder / "robot.xml")
    assert nodes["mujoco_sim"]["task_module"] == f"{folder}/mine.py:Task"
    # Not beside it: as it stands.
    assert nodes["mpc_controller"]["planner.type"] == "other.py:Planner"
    assert nodes["mpc_controller"]["planner.proposals"] == [
        f"{folder}/mine.py:policy",
        "previous_plan",
    ]
