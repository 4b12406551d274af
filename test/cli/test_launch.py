"""What `mbrl-ros launch` says before anything is started."""

import re
from pathlib import Path

import pytest
import yaml

from mbrl_ros.cli.main import main
from mbrl_ros.core.parameter_files import matching, read_sections
from mbrl_ros.system.fleet import robots_of
from mbrl_ros.system.launch_kinds import FLEET_TRAINER, KINDS, ROBOT, SIM
from mbrl_ros.system.launching import SettingsError, is_meant, plan

ROOT = Path(__file__).parents[2]


@pytest.fixture
def occupied(tmp_path):
    (tmp_path / "something").write_text("")
    return tmp_path


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["task:=cartpole"], "unknown task 'cartpole'"),
        (["durration:=5"], "unknown parameter 'durration': did you mean 'duration'"),
        (["planner.horizn:=5"], "did you mean 'planner.horizon'"),
        (["mpc_controller.nothing:=1"], "unknown parameter 'nothing'"),
        (["planner.horizon:=far"], "'planner.horizon': expected an integer"),
        (["duration:=long"], "'duration': expected a number"),
        (["duration:=-1"], "'duration': expected a number >= 0"),
        (["seed:=1.5"], "'seed': expected an integer"),
        (["view:=all"], "'view': expected one of auto, page, none"),
        (["task:=/nowhere/task.yaml"], "/nowhere/task.yaml: cannot be read"),
        (["seed=4"], "argument 'seed=4': expected name:=value"),
    ],
)
def test_bad_input_is_told_in_one_line(words, reason, capsys, tmp_path):
    assert main(["launch", "sim", f"run_dir:={tmp_path / 'run'}", *words]) == 2
    out, err = capsys.readouterr()
    assert re.fullmatch(r"error: [^\n]*\n", err)
    assert reason in err
    assert out == ""
    assert not (tmp_path / "run").exists()


def test_an_unreadable_file(capsys, tmp_path):
    file = tmp_path / "task.yaml"
    file.write_text("{: no yaml")
    assert main(["launch", "sim", f"task:={file}"]) == 2
    assert re.fullmatch(r"error: .*task.yaml: not YAML[^\n]*\n", capsys.readouterr().err)


def test_an_occupied_run_folder_is_left_alone(capsys, occupied):
    assert main(["launch", "sim", f"run_dir:={occupied}"]) == 2
    assert capsys.readouterr().err == (
        f"error: run_dir: {occupied} is occupied: expected a new or an empty folder\n"
    )
    assert [path.name for path in occupied.iterdir()] == ["something"]


def test_a_robot_must_have_a_task():
    with pytest.raises(SettingsError, match="task:= is missing"):
        plan(ROBOT, {})


def test_the_folder_holds_what_starts_the_same_system_again(tmp_path):
    given = {"seed": "7", "real_time_factor": "2", "planner.horizon": "12"}
    system = plan(SIM, {**given, "run_dir": str(tmp_path / "1")})
    system.prepare_folder("embedded")
    again = plan(SIM, {"task": str(system.parameter_file), "run_dir": str(tmp_path / "2")})
    assert again.configuration.node("mpc_controller")["planner.horizon"] == 12
    shared = {**system.configuration.shared, "run_dir": str(tmp_path / "2")}
    assert again.configuration.shared == shared
    assert (shared["seed"], shared["real_time_factor"]) == (7, 2)


def test_the_default_folder_is_named_after_task_and_time(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    system = plan(SIM, {"task": "pendulum_swingup"})
    assert system.run_dir.parent == tmp_path / "runs"
    assert re.fullmatch(r"pendulum_swingup-\d{8}-\d{6}", system.run_dir.name)


def test_a_robot_has_no_simulator(tmp_path):
    system = plan(ROBOT, {"task": "cartpole_swingup", "run_dir": str(tmp_path / "run")})
    system.prepare_folder("rclpy")
    assert "mujoco_sim" not in yaml.safe_load(system.parameter_file.read_text())
    assert system.duration == 0


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_all_nodes_are_stopped_and_the_logger_is_the_last(kind):
    assert sorted(kind.stopping) == sorted(kind.nodes)
    order = ["mpc_controller", "model_trainer", "data_logger"]
    assert [name for name in kind.stopping if name in order] == [
        name for name in order if name in kind.nodes
    ]
    assert {kind.stopping[0], kind.stopping[-1]} <= {*order}


def test_a_fleet_has_one_trainer(tmp_path):
    given = {"trainer": "/fleet", "namespace": "left", "run_dir": str(tmp_path / "left")}
    robot = plan(SIM, given)
    assert "model_trainer" not in robot.kind.nodes
    assert ("model", "/fleet/model") in robot.remappings
    assert ("training_status", "/fleet/training_status") in robot.remappings
    given = {"robots": "[left, right]", "run_dir": str(tmp_path / "trainer")}
    trainer = plan(FLEET_TRAINER, given)
    assert (trainer.kind.nodes, trainer.namespace) == (("model_trainer",), "/fleet")
    assert trainer.configuration.node("model_trainer")["robots"] == ["left", "right"]
    # One file may be that of all of them.
    same = plan(FLEET_TRAINER, {**given, "trainer": "/fleet"})
    assert same.kind.nodes == trainer.kind.nodes
    assert same.remappings == trainer.remappings
    with pytest.raises(SettingsError, match="model: expected none"):
        plan(FLEET_TRAINER, {**given, "model": "a.safetensors"})
    with pytest.raises(SettingsError, match="trainer: expected letters"):
        plan(SIM, {**given, "trainer": "my fleet"})


def test_each_robot_of_a_fleet_has_a_seed_of_its_own():
    robots = robots_of({"robots": "[left, /right]", "seed": "7"})
    assert robots == {
        "left": {"trainer": "/fleet", "seed": "7"},
        "/right": {"trainer": "/fleet", "seed": "8"},
    }
    assert [own["seed"] for own in robots_of({"robots": "[a, b]", "seed": ""}).values()] == [
        "0", "1",
    ]  # fmt: skip


@pytest.mark.parametrize("robots", ["one", "[]", "[a, /a]", "[fleet]", "[1, 2]", "[my robot]"])
def test_robots_that_are_no_names_are_refused(robots):
    with pytest.raises(SettingsError, match="robots: expected"):
        robots_of({"robots": robots})


PERSON = """
teleop:
  ros__parameters:
    sources: [pad]
    pad: {topic: joy, type: sensor_msgs/msg/Joy, rate: 20.0}
    actions: ["force = pad.axes[1]"]
    held: pad.buttons[4]
"""


def test_a_person_is_heard_where_the_task_says_how(tmp_path):
    shipped = ROOT / "config" / "cartpole_swingup.yaml"
    file = tmp_path / "with_a_person.yaml"
    file.write_text(shipped.read_text() + PERSON)
    given = {"task": str(file), "run_dir": str(tmp_path / "run")}
    system = plan(SIM, given)
    assert (system.kind.nodes[-1], system.kind.stopping[0]) == ("teleop", "teleop")
    assert system.configuration.node("teleop")["reset_service"] == "mujoco_sim/reset"
    assert "reset_service" not in plan(ROBOT, given).configuration.node("teleop")
    assert "teleop" not in plan(SIM, {"run_dir": given["run_dir"]}).kind.nodes
    with pytest.raises(SettingsError, match="guard: expected true with a section teleop"):
        plan(SIM, {**given, "guard": "false"})


def test_help_names_the_arguments(capsys):
    with pytest.raises(SystemExit):
        main(["launch", "--help"])
    out = capsys.readouterr().out
    for argument in SIM.arguments:
        assert f"{argument.name}:=" in out


def test_a_namespace_and_simulated_time(tmp_path):
    given = {"run_dir": str(tmp_path / "run"), "namespace": "left"}
    system = plan(SIM, given)
    assert (system.namespace, system.remappings) == ("/left", [("/clock", "clock")])
    assert plan(SIM, given, "/robot").namespace == "/robot/left"
    assert plan(ROBOT, {**given, "task": "cartpole_swingup"}).remappings == []
    assert plan(SIM, {}, "/robot").run_dir.name.startswith("cartpole_swingup-robot-")
    for kind, words, expected in (
        (SIM, {}, True),
        (SIM, {"use_sim_time": "false"}, False),
        (ROBOT, {"task": "cartpole_swingup"}, False),
        (ROBOT, {"task": "cartpole_swingup", "use_sim_time": "on"}, True),
    ):
        assert plan(kind, words).configuration.ros["**"] == {"use_sim_time": expected}
    system.prepare_folder("embedded")
    sections = read_sections(system.parameter_file.read_text())
    assert matching(sections, "/left/mpc_controller")["use_sim_time"] is True


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["namespace:=a-b"], "namespace: expected letters, digits and _"),
        (["use_sim_time:=perhaps"], "'use_sim_time': expected true or false"),
    ],
)
def test_a_bad_namespace_or_clock_is_told_in_one_line(words, reason, capsys):
    assert main(["launch", "sim", *words]) == 2
    assert re.fullmatch(rf"error: [^\n]*{reason}[^\n]*\n", capsys.readouterr().err)


def test_which_arguments_of_an_include_are_meant_for_the_nodes():
    ours = "planner.horizon period planner.horizn objective.x durration mujoco_sim.camera.rate"
    assert all(is_meant(name) for name in ours.split())
    others = "ros_namespace robot_model use_rviz params_file world log_level slam.map"
    assert not any(is_meant(name) for name in others.split())
