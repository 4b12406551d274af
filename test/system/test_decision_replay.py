"""Decisions of a recorded run are made again, to the last bit, or as they would be."""

import csv
import json
import shutil
import tracemalloc

import numpy as np
import pytest

from mbrl_ros.cli.main import main
from mbrl_ros.control.command import CommandSource
from mbrl_ros.data.bags import read_messages
from mbrl_ros.data.definitions import Topic
from mbrl_ros.data.recorder import Recorder
from mbrl_ros.models import checkpoint
from mbrl_ros.nodes.controller_messages import action_message, objective_message
from mbrl_ros.nodes.record_messages import observation_message, time_message
from mbrl_ros.objectives.objective_manager import Change, Way
from mbrl_ros.ros import interfaces as ri
from mbrl_ros.ros import serialize_message
from mbrl_ros.system.configuration import read_task
from mbrl_ros.system.decisions import Decision, Decisions
from mbrl_ros.system.lock_step import LockStepSystem

from .test_lock_step import FAST

pytestmark = pytest.mark.process

STEPS, CHANGE = 260, 220


def write(recorder, name, message):
    kind = f"mbrl_ros/msg/{type(message).__name__}"
    topic = Topic(f"/{name}", kind, ri.definition(kind), ri.type_hash(kind))
    recorder.write(topic, serialize_message(message))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run whose objective changes, logged as the nodes do, but for the order."""
    folder = tmp_path_factory.mktemp("run")
    configuration = read_task("inverted_pendulum", {**FAST, "seed": 3})
    configuration.write(folder / "config.yaml")
    (folder / "checkpoints").mkdir()
    system = LockStepSystem(configuration)
    recorder = Recorder(folder / "bag")
    saved, late = 0, None
    for step in range(STEPS):
        if step == CHANGE:
            system.manager.objectives = system.manager.objectives.with_goal({"pole_angle": 0.1})
        before = system.simulator.observation
        command, _, _ = system.step()
        if late is not None:
            write(recorder, "observation", observation_message(late))
            late = None
        if step % 50 == 7:
            late = before  # the logger hears of the answer first
        else:
            write(recorder, "observation", observation_message(before))
        if command is not None:
            write(recorder, "action", action_message(command, time_message(0)))
        if system.models != saved:
            saved = system.models
            path = folder / "checkpoints" / f"model-1-{saved:06d}.safetensors"
            checkpoint.save(system.published, path)
    change = Change(Way.GOAL, system.manager.objective)
    write(recorder, "objective", objective_message(change, True, 0, CHANGE, time_message(0)))
    recorder.close()
    assert saved >= 2
    return folder


def replayed(run, capsys, *words):
    code = main(["replay", str(run / "bag"), "--json", *words])
    return code, json.loads(capsys.readouterr().out)


def test_all_decisions_are_equal_to_the_last_bit(run, capsys, tmp_path):
    code, found = replayed(run, capsys, "--out", str(tmp_path))
    assert (code, found["different"], found["passed_over"]) == (0, 0, {})
    assert found["decisions"] > 0.8 * STEPS
    rows = list(csv.DictReader((tmp_path / "replay.csv").open()))
    assert len(rows) == found["decisions"]
    assert {row["source"] for row in rows} == {"exploration", "planned"}
    assert all(row["recorded.motor"] == row["replayed.motor"] for row in rows)
    assert (tmp_path / "replay.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("words", [["planner=mppi"], ["objective.caution=3.0", "seed=4"]])
def test_what_would_be_otherwise(run, capsys, words):
    code, found = replayed(run, capsys, "--what-if", *words)
    assert code == 0
    assert found["different"] > 0
    assert 0.0 < found["mean"]["motor"] <= found["largest"]["motor"] <= 1.0


def test_another_objective_in_a_file_as_a_table_and_a_figure(run, capsys, tmp_path):
    there = tmp_path / "run"
    shutil.copytree(run, there)
    file = tmp_path / "still.yaml"
    file.write_text(
        "objective:\n  terms: [effort]\n  effort: {type: quadratic, of: [motor], weight: 1.0}\n"
    )
    assert main(["replay", str(there / "bag"), "--what-if", f"objective={file}"]) == 0
    told = capsys.readouterr().out
    assert "episode" in told
    assert "instead" in told
    rows = list(csv.DictReader((there / "what_if/replay.csv").open()))
    planned = [row for row in rows if row["source"] == "planned"]
    effort = {
        which: sum(float(row[f"{which}.motor"]) ** 2 for row in planned)
        for which in ("recorded", "replayed")
    }
    assert effort["replayed"] < 0.5 * effort["recorded"]
    assert (there / "what_if/replay.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("planner", "--what-if planner: expected NAME=VALUE"),
        ("planner=", "expected NAME=VALUE"),
        ("planner=none_such", "none_such"),
        ("objective=none_such", "none_such"),
        ("objective=none_such.yaml", "none_such.yaml"),
        ("model=none_such", "none_such"),
        ("run_dir=elsewhere", "expected BAG"),
        ("planer=mppi", "planer"),
    ],
)
def test_what_cannot_be_otherwise_is_told_in_a_line(run, capsys, word, message):
    assert main(["replay", str(run / "bag"), "--what-if", word]) == 2
    told = capsys.readouterr().err
    assert told.startswith("error: ")
    assert message in told
    assert told.count("\n") == 1


def test_another_model_decides_from_the_start(run, capsys):
    first = sorted((run / "checkpoints").iterdir())[0]
    code, found = replayed(run, capsys, "--what-if", f"model={first}")
    assert code == 0
    # Where it explored, it plans now.
    assert found["different"] > 0.8 * found["decisions"]


def test_what_is_missing_is_told_and_nothing_stands_in_for_it(run, capsys, tmp_path):
    there = tmp_path / "run"
    shutil.copytree(run, there)
    made = read_messages(run / "bag", types=["mbrl_ros/msg/Action"])
    of_first = sum(m.message.model_sequence == 1 for m in made)
    (there / "checkpoints" / "model-1-000001.safetensors").unlink()
    _, found = replayed(there, capsys)
    assert found["passed_over"] == {
        "checkpoint 1 is not kept (model_trainer.checkpoints)": of_first
    }
    assert of_first > 1
    assert found["decisions"] > of_first
    assert main(["replay", str(tmp_path)]) == 2
    assert "expected the bag of a run" in capsys.readouterr().err


def test_a_decision_of_another_size_is_passed_over(run, capsys, tmp_path):
    there = tmp_path / "run"
    shutil.copytree(run, there)
    made = read_messages(run / "bag", types=["mbrl_ros/msg/Action"])
    last = max((m.message for m in made), key=lambda m: (m.episode, m.step))
    recorder = Recorder(there / "bag")
    seen = ri.Observation(episode=last.episode, step=last.step + 1, values=[0.0] * 4)
    write(recorder, "observation", seen)
    wrong = ri.Action(episode=last.episode, step=last.step + 1, values=[0.1, 0.2])
    write(recorder, "action", wrong)
    recorder.close()
    _, found = replayed(there, capsys)
    assert found["passed_over"] == {"they have another number of values than 1": 1}


def test_a_million_decisions_fit_into_memory():
    made = Decisions(2)
    tracemalloc.start()
    for i in range(10_000):
        recorded, now = np.array([0.1 * i, i]), np.array([0.1 * i, i if i % 9 else -1])
        made.append(Decision(i // 100, i % 100, CommandSource.PLANNED, 3, recorded, now))
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 100 * len(made)
    assert made.different.tolist() == [i for i in range(10_000) if not i % 9]
    np.testing.assert_array_equal(made.episode, np.arange(10_000) // 100)
    for i, each in enumerate(made):
        assert (each.episode, each.step, each.source, each.model) == (i // 100, i % 100, 0, 3)
        np.testing.assert_array_equal(each.recorded, made.recorded[i])
        np.testing.assert_array_equal(each.replayed, made.replayed[i])


def test_a_bag_without_decisions_is_told_to_be_one(run, capsys, tmp_path):
    shutil.copy(run / "config.yaml", tmp_path)
    recorder = Recorder(tmp_path / "bag")
    goal = ri.Goal(names=["pole_angle"], values=[0.1])  # some message
    write(recorder, "goal", goal)
    recorder.close()
    assert main(["replay", str(tmp_path / "bag")]) == 2
    assert "expected decisions, as a launch records them, found none" in capsys.readouterr().err
