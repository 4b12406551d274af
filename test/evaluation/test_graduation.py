"""Graduation: what is good enough passes, and what is not fails for the right reason."""

import json
import math
import re
import subprocess
import sys
from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from support import sliders
from support.waiting import eventually

from mbrl_ros.cli.graduation_processes import planned, restarted
from mbrl_ros.cli.main import main
from mbrl_ros.cli.supervisor import Supervisor
from mbrl_ros.core.settings import flat
from mbrl_ros.evaluation.graduation.conditions import Conditions, Ranges
from mbrl_ros.evaluation.graduation.course import graduate
from mbrl_ros.evaluation.graduation.searching import worst
from mbrl_ros.evaluation.graduation.settings import RangeSettings, read_graduation
from mbrl_ros.evaluation.graduation.stage import Stage
from mbrl_ros.ros.interfaces import interface
from mbrl_ros.system.configuration import read_task
from mbrl_ros.system.rehearsal import Record, Rehearsal, beyond, recovery, task_of
from mbrl_ros.system.rehearsed_plants import read_standin

pytest.importorskip("cmaes")

STEPS = 50
CONFIG = Path(__file__).parents[2] / "config"
SENT = "[40 * push_left, 40 * push_right]"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sliders")
    sliders.write(folder)
    return folder


def stage(folder, *edits, **parameters):
    file = folder / "sliders.yaml"
    if edits:
        text = file.read_text()
        for old, new in edits:
            assert old in text
            text = text.replace(old, new)
        file = folder / "edited.yaml"
        file.write_text(text)
    configuration = read_task(str(file), {n.replace("__", "."): v for n, v in parameters.items()})
    standin = read_standin(str(folder / "standin.yaml"))
    return Stage(configuration, sliders.model(), standin, interface, STEPS)


def settings(folder, **changed):
    return replace(read_graduation(folder / "settings.yaml"), **changed)


def test_what_it_can_do_graduates_and_the_same_again(folder):
    first, again = (graduate(stage(folder), settings(folder, draws=2, search=1)) for _ in range(2))
    assert first.findings == first.failed == first.warnings == []
    assert first.passed
    assert [o.kind for o in first.outcomes] == ["unperturbed", "draw", "draw", "search"]
    assert [o.total for o in first.outcomes] == [o.total for o in again.outcomes]
    drawn = first.outcomes[1].conditions.values
    assert 0.9 <= drawn["mass_scale"] <= 1.1
    assert (drawn["dropout"], drawn["gain_scale"]) == (0.0, 1.0)
    assert first.jury.idle < 0.2 * first.jury.reference


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (
            (SENT, "[40 * push_right, 40 * push_left]"),
            "effort: data[0] is 40 * push_right, but the controller's joint there is left",
        ),
        ((SENT, "[40 * push_left, -40 * push_right]"), "push_right has the other sign"),
        (("= joints.position[left]", "= -joints.position[left]"), "left has the other sign"),
        (("= joints.position[left]", "= joints.position[0]"), "depends on the order in the"),
        (("joints.velocity[left]", "joints.velocity[lift]"), "lift"),
        (("topic: joint_states", "topic: joint_state"), "did you mean /joint_states?"),
    ],
)
def test_a_mistake_of_the_mapping_is_found_before_anything_is_played(folder, edit, reason):
    course = graduate(stage(folder, edit), settings(folder))
    assert reason in "; ".join(course.findings)
    assert course.outcomes == []
    assert not course.passed


def test_exchanged_joints_are_named(folder):
    course = graduate(
        stage(
            folder,
            ("left = joints.position[left]", "left = joints.position[other]"),
            ("right = joints.position[right]", "right = joints.position[left]"),
            ("joints.position[other]", "joints.position[right]"),
        ),
        settings(folder),
    )
    assert "left and right are exchanged: then it would" in course.findings[0]
    assert course.outcomes == []


def test_a_parameter_is_chosen_by_what_comes_of_it_in_other_draws(
    folder, tmp_path, capsys, monkeypatch
):
    monkeypatch.setenv("MUJOCO_GL", "disable")
    text = sliders.SETTINGS.replace("draws: 3", "draws: 1").replace("search: 4", "search: 0")
    (tmp_path / "settings.yaml").write_text(text)
    words = [
        "graduate", str(folder / "sliders.yaml"), "--standin", str(folder / "standin.yaml"),
        "--model", str(folder / "model.safetensors"), "--jobs", "1",
        "--settings", str(tmp_path / "settings.yaml"), "--out", str(tmp_path / "out"), "--choose",
    ]  # fmt: skip
    assert main([*words, "planner.horizon"]) == 2
    assert "--choose planner.horizon: expected values to try" in capsys.readouterr().err
    assert main([*words, "planner.horizon", "1", "12"]) == 0
    told = json.loads((tmp_path / "out" / "graduation.json").read_text())
    chosen = told["chosen"]
    assert (chosen["parameter"], chosen["value"]) == ("planner.horizon", "12")
    passed = {trial["value"]: trial["passed"] for trial in chosen["trials"]}
    assert passed == {"1": [False], "12": [True]}
    assert told["stamp"]["configuration"]["mpc_controller.planner.horizon"] == 12
    seeds = [episode["seed"] for episode in told["episodes"]]
    assert max(seeds) < 100  # those draws were others
    page = (tmp_path / "out" / "graduation.html").read_text()
    assert "12 (passed of other draws: " in page


def test_a_draw_in_which_nothing_is_observed_is_one_that_fails(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("MUJOCO_GL", "disable")
    text = sliders.SETTINGS.replace("ranges:", "ranges:\n      dropout: [1.0, 1.0]")
    text = text.replace("draws: 3", "draws: 1").replace("search: 4", "search: 1")
    (tmp_path / "settings.yaml").write_text(text)
    words = [
        "graduate", str(folder / "sliders.yaml"), "--standin", str(folder / "standin.yaml"),
        "--model", str(folder / "model.safetensors"), "--jobs", "1",
        "--settings", str(tmp_path / "settings.yaml"), "--out", str(tmp_path / "out"),
    ]  # fmt: skip
    assert main(words) == 1
    told = json.loads((tmp_path / "out" / "graduation.json").read_text())
    assert told["pass_rate"] == 0.0
    draw = told["episodes"][1]
    assert (draw["kind"], draw["fallback"]) == ("draw", 1.0)
    assert draw["failed"][0].startswith("nothing was observed: ")
    assert (tmp_path / "out" / "graduation.html").exists()


def test_a_delay_that_is_left_out_fails_as_that(folder):
    course = graduate(stage(folder, latency_compensation=False), settings(folder))
    assert course.failed == [
        "latency_compensation: answers act 1 control steps after what they are planned for, by "
        "measurement: expected true, got false"
    ]
    assert [outcome.kind for outcome in course.outcomes] == ["unperturbed"]


def test_limits_without_a_margin_hold_in_the_model_only(folder):
    """Overconfident: what is not known of the robot is given no room."""
    limits = {
        "limits__of": ["left"],
        "limits__high": [0.5],
        "limits__command": ["effort"],
        "limits__moves": ["left", "right"],
        "limits__velocities": ["left_speed", "right_speed"],
    }
    harder = settings(folder, draws=4, search=0)
    harder = replace(harder, ranges=replace(harder.ranges, push=[0.5, 0.8]))
    bold = graduate(stage(folder, **limits, limits__foresight=0.02), harder)
    assert bold.outcomes[0].passed
    assert bold.outcomes[0].violations == 0.0
    assert any(each.startswith("worst case: violations 0.0") for each in bold.failed)
    assert bold.warnings == ["limits.margin is 0: nothing is kept free for what is not known"]
    careful = graduate(stage(folder, **limits, limits__margin=[0.15]), harder)
    assert careful.failed == careful.warnings == []


def test_a_model_that_controls_nothing_fails_unperturbed(folder):
    """Its plans are for somewhere else."""
    course = graduate(
        stage(folder, **{"objective__left.target": [-3.0], "objective__right.target": [3.0]}),
        settings(folder),
    )
    assert [outcome.kind for outcome in course.outcomes] == ["unperturbed"]
    assert "unperturbed: the return is" in course.failed[0]


def test_the_command_writes_what_is_asked_for(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("MUJOCO_GL", "disable")
    words = [
        "graduate", str(folder / "sliders.yaml"), "--standin", str(folder / "standin.yaml"),
        "--model", str(folder / "model.safetensors"), "--jobs", "1",
        "--settings", str(tmp_path / "settings.yaml"), "--out",
    ]  # fmt: skip
    text = sliders.SETTINGS.replace("draws: 3", "draws: 1").replace("search: 4", "search: 1")
    (tmp_path / "settings.yaml").write_text(text)
    assert main([*words, str(tmp_path / "passed")]) == 0
    assert "passed in" in capsys.readouterr().out
    told = json.loads((tmp_path / "passed" / "graduation.json").read_text())
    assert told["passed"]
    assert (told["pass_rate"], len(told["episodes"]), told["failed"]) == (1.0, 3, [])
    cases = ElementTree.parse(tmp_path / "passed" / "graduation.xml").getroot()
    assert (cases.get("tests"), cases.get("failures")) == ("5", "0")
    page = (tmp_path / "passed" / "graduation.html").read_text()
    assert page.count("<img") >= 2
    assert "src='http" not in page
    assert main([*words, str(tmp_path / "failed"), "latency_compensation:=false"]) == 1
    assert "failed: latency_compensation: answers act 1" in capsys.readouterr().out
    told = json.loads((tmp_path / "failed" / "graduation.json").read_text())
    assert not told["stamp"]["passed"]
    cases = ElementTree.parse(tmp_path / "failed" / "graduation.xml").getroot()
    assert cases.get("failures") == "1"
    assert main([*words, str(tmp_path / "failed")]) == 2
    assert "is occupied" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("ranges: {noise: [0.2, 0.1]}", "ranges.noise: expected two numbers, the smaller first"),
        ("ranges: {noise: [0.2]}", "ranges.noise: expected two numbers"),
        ("ranges: {nois: [0.1, 0.2]}", "did you mean 'ranges.noise'"),
        ("ranges: {dropout: [0.0, 2.0]}", "'ranges.dropout': expected a list of float in [0, 1]"),
        ("draws: 0", "'draws': expected an integer in [1,"),
        ("thresholds: {pass_rate: high}", "'thresholds.pass_rate': expected a number"),
    ],
)
def test_settings_that_make_no_sense_are_refused(tmp_path, text, reason, capsys):
    file = tmp_path / "settings.yaml"
    file.write_text(f"graduation:\n  ros__parameters:\n    {text}\n")
    with pytest.raises(ValueError, match=re.escape(reason)):
        read_graduation(file)


def test_the_shipped_settings_are_read_and_vary_everything():
    for robot in ("arm", "diff_drive", "cartpole_rig"):
        assert read_graduation(None, read_task(robot)).thresholds.violations == 0.0
    assert read_graduation(None, read_task("quadruped")) == read_graduation(None)
    shipped = read_graduation(None)
    names = Ranges(shipped.ranges).names
    assert set(names) == {*flat(RangeSettings())}
    with pytest.raises(ValueError, match="expected parameters of graduation, got none"):
        read_graduation(CONFIG / "robots" / "standins" / "arm.yaml")


def test_the_ranges_are_those_of_the_task_wherever_its_file_is(tmp_path):
    mine = tmp_path / "mine.yaml"
    mine.write_text((CONFIG / "robots" / "arm.yaml").read_text())
    own = read_graduation(CONFIG / "graduation" / "arm.yaml")
    assert read_graduation(None, read_task(str(mine))) == own != read_graduation(None)
    assert read_graduation(None, read_task(str(mine), {"task": "other"})) == read_graduation(None)


def test_what_is_not_known_is_not_within_limits(folder):
    limits = {
        "limits.forbidden": ["left ** 0.5 - 1.0"],
        "limits.command": ["effort"],
        "limits.moves": ["left", "right"],
        "limits.velocities": ["left_speed", "right_speed"],
    }
    task = task_of(read_task(str(folder / "sliders.yaml"), limits))
    seen = np.zeros((4, task.observation_space().dim))
    seen[:, 0] = [0.25, 4.0, -1.0, np.nan]
    assert beyond(task, seen).tolist() == [0.0, 1.0, np.inf, np.inf]


def test_conditions_and_their_places_are_the_same():
    ranges = Ranges(RangeSettings(noise=[0.0, 0.5], mass_scale=[0.5, 1.5], stuck=[0.1, 0.1]))
    assert ranges.names == ("noise", "mass_scale")
    made = ranges.at(np.array([0.5, 2.0]), 7)
    assert (made.values["noise"], made.values["mass_scale"], made.values["stuck"]) == (
        0.25, 1.5, 0.1,
    )  # fmt: skip
    assert ranges.place(made).tolist() == [0.5, 1.0]
    assert made.physics().mass_scale == 1.5
    assert made.disturbance([2.0], 3.0).stuck == 0.1
    assert Conditions({"late": 0.5}, 3).timing().late == 0.5


def test_the_search_finds_a_worst_corner():
    played = []

    def slacks(places):
        played.extend(places)
        return iter([float(((place - [1.0, 0.0, 1.0]) ** 2).sum()) for place in places])

    worst(np.full(3, 0.5), 100, 0, slacks)
    assert len(played) == 100
    assert np.abs(played[-1] - [1.0, 0.0, 1.0]).max() < 0.4
    assert all(((place >= 0.0) & (place <= 1.0)).all() for place in played)


def test_recovery_is_the_time_until_rewards_stay_good():
    times = np.arange(11) * 0.1
    low = np.zeros(10, bool)
    record = Record(times, np.zeros((11, 1)), np.zeros((10, 1)), low, np.ones(10))
    assert recovery(record, 0.45, 0.5) == 0.0
    record.rewards[[5, 7]] = 0.0
    assert recovery(record, 0.45, 0.5) == pytest.approx(0.35)
    record.rewards[9] = 0.0
    assert recovery(record, 0.45, 0.5) == math.inf


@pytest.mark.parametrize(
    ("delays", "steps"),
    [
        ({}, 1),
        ({"sensing_delay": 0.015, "actuation_delay": 0.02}, 1),  # within the period
        ({"sensing_delay": 0.03, "actuation_delay": 0.02}, 2),
        ({"sensing_delay": 0.05}, 2),
        ({"actuation_delay": 0.05}, 2),
    ],
)
def test_a_task_without_a_robot_is_as_late_as_one(delays, steps):
    task = read_task("cartpole_swingup", {"time_limit": 2.0, "command_timeout": 1.0})
    stage = Stage(task, sliders.model(), None, interface, 25)
    plant = stage.plant(Conditions(delays, 1))
    rehearsal = Rehearsal(task, plant, None)
    record = rehearsal.play(25, moves=np.linspace(-1.0, 1.0, 60)[:, None])
    assert rehearsal.controller.known.latency.delay == 0  # nobody asked it
    told = np.flatnonzero(~record.safe)
    moved = record.actions[told[-1], 0]
    answered = round((moved + 1.0) * 59 / 2)
    assert told[-1] - answered == steps


def test_a_task_without_a_robot_is_perturbed_in_its_simulator():
    task = read_task("cartpole_swingup", {"time_limit": 1.0})
    plain = Stage(task, sliders.model(), None, interface, 25)
    idle = plain.play(Conditions({}, 1), idle=True)
    other = plain.play(Conditions({"noise": 0.1, "mass_scale": 1.2, "push": 1.0}, 1), idle=True)
    assert len(idle.rewards) == len(other.rewards) == 25
    assert (idle.rewards >= 0.0).all()
    assert not np.array_equal(idle.observations[0], other.observations[0])


def test_the_end_of_an_episode_is_known_even_if_its_message_is_lost():
    task = read_task("cartpole_v1", {})
    stage = Stage(task, sliders.model(), None, interface, 300)
    for seed in range(4):
        record = stage.play(Conditions({"dropout": 0.8}, seed), idle=True)
        assert record.terminated
        assert (np.diff(record.times) > 0).all()


@pytest.mark.parametrize(
    ("robot", "ends"), [("arm", (10.0, "standin_home")), ("cartpole_rig", (10.0, "rig/home"))]
)
def test_in_the_processes_each_episode_begins_at_the_robots_start(folder, tmp_path, robot, ends):
    stage = Stage(read_task(robot), sliders.model(), read_standin(robot), interface, 100)
    arguments = Namespace(task=robot, model=folder / "model.safetensors", parameters=[])
    system = planned(stage, arguments, "0" * 64, Conditions({}, 0), tmp_path / "run")
    bridge = system.configuration.build("robot_bridge")
    assert (bridge.time_limit, bridge.reset_service) == ends


def test_a_node_that_had_to_be_started_again_is_told(tmp_path):
    told = []
    commands = {"steady": ["sleep", "60"], "brittle": ["sh", "-c", "kill -9 $$"]}
    supervisor = Supervisor(commands, tmp_path, lambda *line: told.append(line))
    assert restarted(supervisor) == ""
    supervisor.start()
    try:
        eventually(lambda: supervisor.check() or supervisor.restarts["brittle"])
        assert re.fullmatch(
            r"brittle ended and was started again, \d times in all", restarted(supervisor)
        )
    finally:
        supervisor.stop([[*commands]], lambda: True)


@pytest.mark.process
@pytest.mark.alone
def test_the_processes_play_too(folder, tmp_path, domain):
    """How well, on a machine that others use too, is not for a test to say."""
    text = sliders.SETTINGS.replace("draws: 3", "draws: 1").replace("search: 4", "search: 0")
    easy = "{share: -9.0, interventions: 1.0, fallback: 1.0, deadline_misses: 1.0}"
    text = text.replace("processes: 0", f"processes: 1\n    thresholds: {easy}")
    (tmp_path / "settings.yaml").write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "mbrl_ros.cli", "graduate", str(folder / "sliders.yaml"),
         "--standin", str(folder / "standin.yaml"), "--model", str(folder / "model.safetensors"),
         "--settings", str(tmp_path / "settings.yaml"), "--jobs", "1",
         "--out", str(tmp_path / "out")],
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    played = json.loads((tmp_path / "out" / "graduation.json").read_text())["episodes"][-1]
    assert played["kind"] == "processes"
    assert 0.0 <= played["deadline_misses"] <= 1.0
    assert played["total"] > 0.0
