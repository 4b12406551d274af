"""The judge of `mbrl-ros faults` misses nothing that a plant must not get; and one whole run."""

import json
import subprocess
import sys
from types import SimpleNamespace as Message

import pytest

from mbrl_ros.cli.faults.judge import Judge
from mbrl_ros.core.limits import LimitSettings
from mbrl_ros.core.task import ActionSettings, ObservationSettings, TaskSettings
from mbrl_ros.safety.settings import GuardSettings

NAN = float("nan")


@pytest.fixture
def judge():
    task = TaskSettings(
        period=0.04,
        observation=ObservationSettings(["x"]),
        action=ActionSettings(["u"], [-1.0], [1.0]),
        limits=LimitSettings(rate=[5.0]),
    )
    return Judge(task, GuardSettings())


def applied(judge, step, value, answered, episode=0):
    values = value if isinstance(value, list) else [value]
    message = Message(episode=episode, step=step, action=values, action_step=answered)
    return judge.observed(message)


def commanded(judge, value, step, source=0):
    values = value if isinstance(value, list) else [value]
    judge.commanded(Message(episode=0, step=step, values=values, source=source))


def test_what_is_well_is_not_found_fault_with(judge):
    applied(judge, 0, 0.0, -1)
    for step in range(1, 20):
        commanded(judge, 0.05 * step, step - 1)
        assert applied(judge, step, 0.05 * step, step - 1)
        assert applied(judge, step, 0.05 * step, step - 1) is None  # once more
    assert applied(judge, 20, 0.0, -1) is False  # the safe command may be a step
    commanded(judge, 0.0, 3, source=5)
    assert judge.unsafe == []
    assert (judge.commands, judge.applied) == (20, 20)


@pytest.mark.parametrize(
    ("value", "answered", "told"),
    [
        ([1.0 + 1e-6], 9, "'u' is outside its range"),
        (NAN, 9, "'u' is outside its range"),
        ([], 9, "expected 1 numbers"),
        ([0.0] * 9, 9, "applied [0.0, 0.0, 0.0, 0.0] and 5 more: expected 1 numbers"),
        (0.1, -1, "as the safe command"),
        (0.1, 1, "an answer 8 steps old"),
        (0.9, 9, "'u' changed too fast"),
    ],
)
def test_what_the_plant_must_not_apply_is_found(judge, value, answered, told):
    applied(judge, 9, 0.9 if value == [1.0 + 1e-6] else 0.1, 8)
    applied(judge, 10, value, answered)
    assert len(judge.unsafe) == 1
    assert told in judge.unsafe[0]


@pytest.mark.parametrize(
    ("value", "step", "told"),
    [(NAN, 10, "outside its range"), ([], 10, "expected 1 numbers"), (0.0, 1, "9 steps old")],
)
def test_what_the_guard_must_not_let_pass_is_found(judge, value, step, told):
    applied(judge, 10, 0.0, 9)
    commanded(judge, value, step)
    assert len(judge.unsafe) == 1
    assert told in judge.unsafe[0]


@pytest.mark.process
@pytest.mark.alone
def test_a_run_of_some_faults(tmp_path, domain):
    done = subprocess.run(
        [sys.executable, "-m", "mbrl_ros.cli", "faults", "--count", "3", "--only", "commands",
         "--run-dir", str(tmp_path / "run"), "--json", str(tmp_path / "faults.json")],
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads((tmp_path / "faults.json").read_text())
    assert (told["faults"], told["unsafe"], told["lost_transitions"]) == (3, 0, 0)
    assert told["applied"] > 50
    assert told["transitions"] > 50


def test_a_kind_that_there_is_not_is_refused():
    done = subprocess.run(
        [sys.executable, "-m", "mbrl_ros.cli", "faults", "--only", "meteorite"],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("error: --only, --count: expected at least one of these faults: ")
