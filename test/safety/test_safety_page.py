"""The example of a robot's model in docs/safety.md, with the robot that it is of."""

import re

import numpy as np
from support.pages import ROOT

from mbrl_ros.core.records import Observation
from mbrl_ros.core.settings import build
from mbrl_ros.core.task import TaskSettings
from mbrl_ros.safety.changes import Sent
from mbrl_ros.safety.command_latch import ReceivedCommand
from mbrl_ros.safety.limits import limit_rules
from mbrl_ros.safety.rules import apply_rules
from mbrl_ros.system.configuration import read_task
from mbrl_ros.system.task_file import parse_task

PAGE = (ROOT / "docs" / "safety.md").read_text(encoding="utf-8")
# Shoulder and elbow bent so far that the tip is near the table, and where they would go on to.
LOW, LOWER = [0.0, 1.2, 0.7, 0.0, 0.0, 0.0], [0.0, 1.2, 1.6, 0.0, 0.0, 0.0]


def target(task):
    """Return where the servos are sent that are to go lower."""
    seen = np.array([*LOW, *np.zeros(6)])
    spaces = task.observation_space(), task.action_space()
    rules = limit_rules(task.limits, *spaces, task.period, Sent())
    command = ReceivedCommand(np.array(LOWER), 0, 0, 0.0)
    passed, _ = apply_rules(rules, command, Observation(0, 0, seen), 0.0)
    return np.array([*(LOW if passed is None else passed.values), *np.zeros(6)])


def test_the_arms_tip_stays_above_the_table():
    (shown,) = re.findall(r"```yaml\n(/\*\*:(?:(?!```).)*model:.*?)```", PAGE, re.DOTALL)
    values = parse_task(shown, "docs/safety.md").nodes["**"]
    plain, task = (
        build(TaskSettings, read_task("arm", given).shared, "arm") for given in ({}, values)
    )
    robot = task.limits.kinematics(task.observation_space())
    height = robot.names.index("tip_z")
    assert robot(target(plain))[height] < 0.05
    assert robot(target(task))[height] >= 0.07 - 1e-6
