"""`learn` and the nodes of `launch` take the same files, and refuse them in the same words."""

import pytest

from mbrl_ros.core.settings import build
from mbrl_ros.core.task import TaskSettings
from mbrl_ros.simulation.settings import SimulatorSettings
from mbrl_ros.simulation.simulator import make_simulator
from mbrl_ros.system.configuration import read_task, task_names
from mbrl_ros.system.launching import SIM, plan
from mbrl_ros.system.lock_step import LockStepSystem
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


@pytest.mark.parametrize("task", sorted({"cartpole_v1", "pendulum_swingup"} & {*task_names()}))
def test_shipped_tasks_are_taken_by_both(tmp_path, task):
    assert answer(learn, task) == answer(launch, task, tmp_path / "run") == ""
