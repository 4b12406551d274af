"""Parameter files as ROS 2 users write them, read for one system."""

import pytest

from mbrl_ros.core.settings import SettingsError
from mbrl_ros.system.configuration import read_task
from mbrl_ros.system.task_file import absolute_namespace, read_task_file

TASK = "/**: {ros__parameters: {task: mine, period: 0.1}}"


@pytest.fixture
def written(tmp_path):
    def write(*sections):
        path = tmp_path / "task.yaml"
        path.write_text("\n".join([TASK, *sections]))
        return path

    return write


def horizon(node, value):
    return f"{node}: {{ros__parameters: {{planner.horizon: {value}}}}}"


@pytest.mark.parametrize(
    ("node", "namespace", "lives_in"),
    [
        ("mpc_controller", "", "/"),
        ("/mpc_controller", "/", "/"),
        ("/**/mpc_controller", "", "/"),
        ("/**/mpc_controller", "/left/arm", "/left/arm"),
        ("/*/mpc_controller", "/left", "/left"),
        ("/left/mpc_controller", "", "/left"),
        ("/left/arm/mpc_controller", "", "/left/arm"),
        ("/left/**/mpc_controller", "/left/arm", "/left/arm"),
        ("mpc_controller", "/left", "/left"),
        ("/right/mpc_controller", "/left", "/left"),
    ],
)
def test_a_section_reaches_its_node(written, node, namespace, lives_in):
    file = read_task_file(written(horizon(node, 7)), namespace)
    assert file.nodes["mpc_controller"] == {"planner.horizon": 7}
    assert file.nodes["**"] == {"task": "mine", "period": 0.1}
    assert (file.namespace, file.notes) == (lives_in, ())


@pytest.mark.parametrize("pattern", ["/**/mujoco_sim", "/*/mujoco_sim", "/left/**/mujoco_sim"])
def test_a_name_beside_a_pattern_says_where_the_nodes_live(written, pattern):
    plant = f"{pattern}: {{ros__parameters: {{action_repeat: 3}}}}"
    file = read_task_file(written(plant, horizon("/left/mpc_controller", 7)))
    assert file.nodes["mpc_controller"] == {"planner.horizon": 7}
    assert file.nodes["mujoco_sim"] == {"action_repeat": 3}
    assert (file.namespace, file.notes) == ("/left", ())
    several = written(plant, *(horizon(f"/{name}/mpc_controller", 7) for name in ("left", "right")))
    with pytest.raises(SettingsError, match="namespace:=NAME, got nodes in namespaces: /left, /ri"):
        read_task_file(several)
    assert read_task_file(several, "/left").notes[0].endswith("passed over: /right/mpc_controller")


def test_other_nodes_are_passed_over_with_a_note(written):
    nested = "left: {mpc_controller: {ros__parameters: {planner.horizon: 8}}}"
    foreign = "pid_controller: {ros__parameters: {kp: 3.0}}"
    path = written(horizon("mpc_controller", 7), nested, foreign)
    here, left = read_task(str(path)), read_task(str(path), namespace="/left")
    assert here.node("mpc_controller")["planner.horizon"] == 7
    assert left.node("mpc_controller")["planner.horizon"] == 8
    assert here.notes == (
        f"{path}: parameters of other nodes are passed over: /left/mpc_controller, /pid_controller",
    )


def test_a_node_may_repeat_the_task(written):
    path = written("mpc_controller: {ros__parameters: {period: 0.1, seed: 4, planner.horizon: 9}}")
    file = read_task_file(path)
    assert file.nodes["**"] == {"task": "mine", "period": 0.1, "seed": 4}
    assert file.nodes["mpc_controller"] == {"planner.horizon": 9}


def test_parameters_of_ros_itself_are_kept_apart_and_written(written, tmp_path):
    own = "use_sim_time: true, qos_overrides./clock.subscription.depth: 2"
    path = written(f"/*: {{ros__parameters: {{use_sim_time: true}}}}\n"
                   f"data_logger: {{ros__parameters: {{{own}}}}}")  # fmt: skip
    configuration = read_task(str(path))
    assert configuration.ros["**"] == {"use_sim_time": True}
    assert configuration.own("data_logger") == {}
    again = tmp_path / "config.yaml"
    configuration.write(again)
    assert read_task(str(again)) == configuration


def test_files_that_cannot_be_read_are_refused(tmp_path):
    with pytest.raises(SettingsError, match=r"nowhere\.yaml: cannot be read: No such file"):
        read_task_file(tmp_path / "nowhere.yaml")
    with pytest.raises(SettingsError, match="cannot be read: Is a directory"):
        read_task_file(tmp_path)
    for content in (b"\xff\xfe\x00\x80", b""):
        path = tmp_path / "odd.yaml"
        path.write_bytes(content)
        with pytest.raises(SettingsError, match=r"odd\.yaml: "):
            read_task_file(path)


def test_namespaces_become_absolute():
    assert absolute_namespace("left") == absolute_namespace("/left/", "/other") == "/left"
    assert absolute_namespace("arm", "/left") == "/left/arm"
    assert absolute_namespace("", "/left") == "/left"
    assert absolute_namespace("") == "/"
    for name in ("1left", "a b", "a//b", "a-b", "~"):
        with pytest.raises(SettingsError, match="namespace: expected letters"):
            absolute_namespace(name)
