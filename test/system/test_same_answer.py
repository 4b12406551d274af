"""`learn` and the nodes of `launch` take the same files, and refuse them in the same words."""

from dataclasses import replace

import pytest
from support.rcl_forms import READ_ALIKE, REFUSED, REFUSED_BY_US
from support.task_inputs import (
    REFUSED_SECTIONS,
    REFUSED_SYSTEMS,
    REFUSED_WORDS,
    SHARED,
    TAKEN_SECTIONS,
    TAKEN_WORDS,
    TASK,
)

from mbrl_ros.core.parameter_files import ROS_OWN
from mbrl_ros.core.resources import resource_directory
from mbrl_ros.core.settings import build, specs
from mbrl_ros.core.task import TaskSettings
from mbrl_ros.objectives.objective_set import ObjectiveSet
from mbrl_ros.ros.embedded.arguments import parse
from mbrl_ros.ros.embedded.exceptions import RCLError
from mbrl_ros.simulation.settings import SimulatorSettings
from mbrl_ros.simulation.simulator import make_simulator
from mbrl_ros.system.configuration import anchor, parse_assignments, read_task, task_names
from mbrl_ros.system.launch_kinds import SIM
from mbrl_ros.system.launching import plan
from mbrl_ros.system.lock_step import LockStepSystem
from mbrl_ros.system.schema import NODES, OBJECTIVE, node_settings, objective_parameters
from mbrl_ros.system.task_file import read_task_file

PLANT = """
import gymnasium, numpy
from helper_of_plant import PERIOD
class Plant(gymnasium.Env):
    dt = PERIOD
    observation_space = gymnasium.spaces.Box(-1, 1, (1,))
    action_space = gymnasium.spaces.Box(-1, 1, (1,))
    def reset(self, *, seed=None, options=None): return numpy.zeros(1), {}
    def step(self, action): return numpy.zeros(1), None, False, False, {}
class Old(Plant):
    def reset(self): return numpy.zeros(1)
gymnasium.register('Good-v0', Plant)
gymnasium.register('Old-v0', Old)
"""
FILE = """
/**:
  ros__parameters:
    task: plant
    period: 0.1
    observation: {names: [x]}
    action: {names: [u], low: [-1.0], high: [1.0]}
mujoco_sim: {ros__parameters: {environment: 'plant_beside:Good-v0'}}
mpc_controller: {ros__parameters: {objective: {terms: [t], t: {type: quadratic, of: [x]}}}}
"""
CHANGES = {
    "as it is": ("", ""),
    "an old API": ("Good-v0", "Old-v0"),
    "no such environment": ("Good-v0", "Bad-v0"),
    "no such module": ("plant_beside:", "plant_elsewhere:"),
    "a file": ("plant_beside:", "plant_beside.py:"),
    "too many names": ("[x]}\n", "[x, y]}\n"),
    "another period": ("period: 0.1", "period: 0.2"),
    "limits too wide": ("high: [1.0]", "high: [2.0]"),
    "an unknown parameter": ("period:", "perod:"),
    "a word for a number": ("period: 0.1", "period: long"),
    "no limits": ("low: [-1.0], high: [1.0]", ""),
}


def answer(make, *given):
    """Why something cannot be made; empty if it can."""
    try:
        make(*given)
    except ValueError as error:
        return str(error)
    return ""


def learn(file):
    LockStepSystem(read_task(str(file))).simulator.close()


def launch(file, run_dir):
    """What the launcher does, then what the plant's node reads of the file written for it."""
    system = plan(SIM, {"task": str(file), "run_dir": str(run_dir)})
    system.prepare_folder("embedded")
    nodes = read_task_file(system.parameter_file).nodes
    task = build(TaskSettings, nodes["**"])
    make_simulator(task, build(SimulatorSettings, nodes["mujoco_sim"])).close()


@pytest.mark.parametrize("change", CHANGES)
def test_a_file_gets_the_same_answer(tmp_path, change, monkeypatch):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "plant_beside.py").write_text(PLANT)
    (folder / "helper_of_plant.py").write_text("PERIOD = 0.1")
    file = folder / "mine.yaml"
    file.write_text(FILE.replace(*CHANGES[change]))
    monkeypatch.chdir(tmp_path)
    answers = answer(learn, file), answer(launch, file, tmp_path / "run")
    assert answers[0] == answers[1]
    assert (answers[0] == "") == (change in ("as it is", "a file"))


def settings(node, values):
    """What a node makes of all its parameters: task, own settings, objective."""
    names = {spec.name for spec in specs(TaskSettings)}
    task = build(TaskSettings, {name: v for name, v in values.items() if name in names})
    others = {n: v for n, v in values.items() if n not in names and not n.startswith(ROS_OWN)}
    objective = {}
    if node == "mpc_controller":
        spaces = task.observation_space(), task.action_space(), task.period
        found = ObjectiveSet.from_parameters(objective_parameters(others), *spaces)
        objective = {name: value for name, (_, value) in found.parameters.items()}
        others = {name: v for name, v in others.items() if not name.startswith(OBJECTIVE)}
    own = build(node_settings({"**": {"learner": task.learner}, node: others})[node], others)
    return replace(task, run_dir=""), own, objective


def learned(task, words=()):
    configuration = read_task(task, parse_assignments(words))
    return {node: settings(node, configuration.node(node)) for node in NODES}


def read_by_nodes(file, namespace="/"):
    """What nodes that are started with a parameter file make of it."""
    arguments = parse(["--ros-args", "--params-file", str(file)])
    names = {node: f"{namespace.rstrip('/')}/{node}" for node in NODES}
    # Files that they name lie beside theirs.
    return {
        node: settings(node, anchor(arguments.parameters_of(name), [file.parent]))
        for node, name in names.items()
    }


def launched(task, run_dir, words=()):
    given = dict(word.split(":=", 1) for word in words)
    system = plan(SIM, {"task": task, "run_dir": str(run_dir), **given})
    system.prepare_folder("embedded", {})
    return read_by_nodes(system.parameter_file, system.namespace)


@pytest.mark.parametrize("task", task_names())
def test_the_nodes_get_what_learn_has_of_a_shipped_task(tmp_path, task):
    folder = resource_directory("config")
    (file,) = [*folder.glob(f"{task}.yaml"), *folder.glob(f"robots/{task}.yaml")]
    found, started = learned(task), launched(task, tmp_path / "run")
    assert repr(read_by_nodes(file)) == repr(found)
    for node in SIM.nodes:
        assert repr(started[node]) == repr(found[node])


@pytest.mark.parametrize("words", TAKEN_WORDS)
def test_the_nodes_get_what_learn_has_of_arguments(tmp_path, words):
    task, words = "cartpole_swingup", words.split(" ")
    assert repr(learned(task, words)) == repr(launched(task, tmp_path / "run", words))


@pytest.mark.parametrize("sections", TAKEN_SECTIONS)
def test_the_nodes_get_what_learn_has_of_a_file(tmp_path, sections):
    file = tmp_path / "mine.yaml"
    file.write_text(TASK + sections)
    found = repr(learned(str(file)))
    assert repr(launched(str(file), tmp_path / "run")) == found
    assert repr(read_by_nodes(file, read_task(str(file)).namespace)) == found


@pytest.mark.parametrize("words", REFUSED_WORDS)
def test_learn_and_launch_refuse_arguments_in_the_same_words(tmp_path, words):
    said = answer(launched, "cartpole_swingup", tmp_path / "run", [words])
    # Where launch has no word for an empty text it takes the default.
    assert said == ("" if words.endswith("=") else answer(learned, "cartpole_swingup", [words]))


@pytest.mark.parametrize(
    "text",
    [
        *REFUSED,
        *REFUSED_BY_US,
        *READ_ALIKE,
        *(TASK + text for text in [*REFUSED, *REFUSED_BY_US, *REFUSED_SECTIONS]),
        *(SHARED + text for text in REFUSED_SYSTEMS),
    ],
)
def test_learn_and_launch_refuse_a_file_in_the_same_words(tmp_path, text):
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    said = answer(learned, str(file))
    assert said.startswith(f"{file}: ")
    assert answer(launched, str(file), tmp_path / "run") == said
    if text.removeprefix(SHARED) not in REFUSED_SYSTEMS:
        with pytest.raises((ValueError, RCLError)):
            read_by_nodes(file)
