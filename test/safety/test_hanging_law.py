"""A user's own law for the safe command that does not return: nobody waits for it for long."""

import math

import numpy as np
import pytest
from support.waiting import PATIENCE, eventually

from mbrl_ros.control.command import CommandSource
from mbrl_ros.control.controller import Controller
from mbrl_ros.control.settings import ControllerSettings
from mbrl_ros.core.extensions import load
from mbrl_ros.core.records import Observation
from mbrl_ros.core.task import ActionSettings, ObservationSettings, TaskSettings
from mbrl_ros.objectives.objective import Objective
from mbrl_ros.safety.actuation import Actuation
from mbrl_ros.safety.guard import Guard
from mbrl_ros.safety.rules import NoOlderThan
from mbrl_ros.safety.safe_command import SafeCommand
from mbrl_ros.safety.settings import GuardSettings

LAW = """
import threading
opened, calls = threading.Event(), []
def land(observation):
    calls.append(observation[0])
    opened.wait()
    return [0.5 * observation[0]]
def leave(observation):
    raise SystemExit(3)
"""
SEEN = Observation(0, 0, np.array([0.8]), np.array([0.25]), received=1.0)


class Law:
    """A law in a file, which returns nothing before it is told to."""

    def __init__(self, folder):
        self.file = folder / "laws.py"
        self.file.write_text(LAW)
        self.calls = load(f"{self.file}:calls", "test")
        self.opened = load(f"{self.file}:opened", "test")

    def task(self, name="land", **more):
        return TaskSettings(
            safe_command=f"{self.file}:{name}",
            safe_fallback="hold",
            observation=ObservationSettings(["x"]),
            action=ActionSettings(["u"], [-1.0], [1.0]),
            **more,
        )


@pytest.fixture
def law(tmp_path):
    law = Law(tmp_path)
    yield law
    law.opened.set()


def test_the_fallback_comes_in_time_and_the_law_again_once_it_has_returned(law):
    safe = SafeCommand.of(law.task())
    safe.held = np.array([0.25])
    assert safe(SEEN.values).tolist() == [0.25]
    assert safe.trouble == "safe_command: has not returned within 0.02 s: hold instead"
    safe.patience = PATIENCE
    assert safe(SEEN.values).tolist() == [0.25]  # nor is it called again, or waited for
    assert safe.trouble.startswith("safe_command: has not returned for ")
    assert len(law.calls) == 1
    law.opened.set()
    eventually(lambda: safe(SEEN.values).tolist() == [0.4])
    assert safe.trouble == ""


@pytest.mark.parametrize(
    ("timing", "patience"),
    [
        ({"period": 0.04}, 0.02),
        ({"period": 0.2, "real_time_factor": 4.0}, 0.025),
        ({"period": 0.001}, 0.01),
        ({"period": 10.0}, 0.1),
        ({"lock_step": True}, math.inf),
    ],
)
def test_how_long_it_may_take(law, timing, patience):
    assert SafeCommand.of(law.task(**timing)).patience == patience


@pytest.mark.parametrize("lock_step", [False, True])
def test_a_law_that_would_end_the_process_does_not(law, lock_step):
    safe = SafeCommand.of(law.task("leave", lock_step=lock_step))
    safe.patience = max(safe.patience, PATIENCE)
    assert safe(SEEN.values).tolist() == [0.0]
    assert safe.trouble.startswith("safe_command: SystemExit: 3 (")


def test_a_plant_acts_on(law):
    task = law.task()
    actuation = Actuation(task.action_space(), SafeCommand.of(task), NoOlderThan(0.1, task.period))
    actuation.begin(np.array([0.25]), 0, 1.0)
    assert actuation.act(None, SEEN.values).tolist() == [0.25]
    assert "has not returned" in actuation.intervention


def test_a_guard_stops_the_plant(law):
    guard = Guard(law.task(), GuardSettings())
    guard.observe(SEEN, 1.0)
    stopped = guard.stop("button", 1.0)
    assert (stopped.values.tolist(), stopped.safe) == ([0.25], True)
    assert stopped.reason.startswith("button; safe_command: has not returned within ")


def test_a_controller_answers_and_its_status_says_why(law):
    task = law.task()
    objective = Objective.from_parameters(
        {"terms": ["near"], "near.of": ["x"]}, task.observation_space(), task.action_space()
    )
    controller = Controller.of_task(task, objective, ControllerSettings())
    controller.estopped = True
    command = controller.tick(SEEN)
    assert (command.source, command.values.tolist()) == (CommandSource.FALLBACK, [0.25])
    assert command.reason.startswith("e-stop; safe_command: has not returned within ")
