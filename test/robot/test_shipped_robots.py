"""Every shipped robot with its stand-in, in simulated time and without a node between them."""

from pathlib import Path

import numpy as np
import pytest

from mbrl_ros.core.settings import build
from mbrl_ros.core.task import TaskSettings
from mbrl_ros.ros.interfaces import interface
from mbrl_ros.safety.effects import effects_of
from mbrl_ros.safety.guard import Guard
from mbrl_ros.safety.settings import GuardSettings
from mbrl_ros.simulation.standin import standin_settings
from mbrl_ros.system.configuration import read_task
from mbrl_ros.system.rehearsed_plants import RehearsedRobot, read_standin

ROBOTS = Path(__file__).parents[2] / "config" / "robots"
NAMES = sorted(path.stem for path in ROBOTS.glob("*.yaml"))


class Pair:
    """A stand-in and a bridge, whose topics are connected as their names say."""

    def __init__(self, robot):
        values = read_standin(robot)
        self.own = build(standin_settings(values), values)
        configuration = read_task(robot)
        self.task = build(TaskSettings, configuration.shared)
        self.settings = configuration.build("robot_bridge")
        self.robot = RehearsedRobot(self.task, self.settings, self.own, interface)
        self.standin, self.plant = self.robot.standin, self.robot.bridge
        self.action = self.task.action_space()
        self.now = 0.0

    def topics(self, settings, *lists):
        names = [name for each in lists for name in getattr(settings, each)]
        return {(getattr(settings, n).topic, getattr(settings, n).type): n for n in names}

    def run(self, seconds, action=None):
        """Let time pass, with a constant answer to every observation."""
        for _ in range(round(seconds / self.task.period)):
            seen = self.plant.observation
            if action is not None:
                self.plant.command(action, seen.episode, seen.step, self.now)
            self.now += self.task.period
            self.robot.step(self.now)
            assert self.robot.problem == ""
        names = self.task.observation.names
        return dict(zip(names, self.plant.observation.values.tolist(), strict=True))


@pytest.mark.parametrize("robot", NAMES)
def test_a_robot_and_its_stand_in_speak_of_the_same(robot):
    pair = Pair(robot)
    told = pair.topics(pair.own, "hears", "sends")
    assert set(pair.topics(pair.settings, "sources", "commands")) <= set(told)
    assert pair.own.reset_service == pair.settings.reset_service
    before = pair.run(0.3)
    space = pair.task.observation_space()
    assert all(space.lower <= [*before.values()])
    assert all([*before.values()] <= space.upper)
    # The check finds nothing either.
    if resting := pair.plant.of_actions["resting"]:
        rests = pair.plant.listener.read(resting, pair.now)
        assert all(pair.action.lower <= rests)
        assert all(rests <= pair.action.upper)
    # Whatever is commanded comes to its actuators, and is reported.
    middle = 0.5 * (pair.action.lower + pair.action.upper)
    pair.run(0.5, middle + 0.1 * (pair.action.upper - middle))
    assert pair.plant.observation.action_step >= 0
    np.testing.assert_allclose(
        pair.plant.observation.action, middle + 0.1 * (pair.action.upper - middle)
    )


@pytest.mark.parametrize("robot", NAMES)
def test_a_robot_has_limits_which_its_actions_alone_do_not_break(robot):
    pair = Pair(robot)
    limits, space = pair.task.limits, pair.task.observation_space()
    ranges = {name: (low, high) for name, _, low, high in limits.ranges(space)}
    assert len(ranges) >= pair.action.dim
    assert all(-np.inf < low < high < np.inf for low, high in ranges.values())
    # Every action is bounded by more than its range: by what it moves, or how fast it changes.
    effects = effects_of(limits, space, pair.action)
    ways = (effects.targets, effects.rates, effects.pushes)
    assert {i for way in ways for i, _ in way} == set(range(pair.action.dim))
    names = pair.task.observation.names
    for i, dim in effects.targets:
        low, high = ranges[names[dim]]
        assert low < pair.action.low[i]
        assert pair.action.high[i] < high
    # As it begins and as it moves, the guard need not stop it.
    guard = Guard(pair.task, GuardSettings())
    middle = 0.5 * (pair.action.lower + pair.action.upper)
    pair.run(pair.task.period)
    for _ in range(20):
        seen = pair.plant.observation
        guard.observe(seen, pair.now)
        verdict = guard.propose(middle, seen.episode, seen.step, False, pair.now)
        assert not verdict.safe, verdict.reason
        pair.run(pair.task.period, verdict.values)


def test_a_differential_drive_drives_as_its_twists_say():
    after = Pair("diff_drive")
    after.run(0.3)
    seen = after.run(4.0, [0.3, 0.5])
    assert seen["speed"] == pytest.approx(0.3, abs=0.03)
    assert seen["turn_rate"] == pytest.approx(0.5, abs=0.05)
    # On a circle of 0.6 m, to its left.
    assert seen["heading"] == pytest.approx(0.5 * 4.0, abs=0.25)
    assert np.hypot(seen["at_x"], seen["at_y"] - 0.6) == pytest.approx(0.6, abs=0.1)


@pytest.mark.parametrize("robot", ["arm", "quadruped"])
def test_servos_stay_where_they_are_until_they_are_told(robot):
    pair = Pair(robot)
    before = pair.run(0.2)
    after = pair.run(1.0)
    for name, value in before.items():
        if name.endswith("_angle"):
            assert after[name] == pytest.approx(value, abs=0.06), name


def test_a_quadruped_stands_up_and_an_arm_goes_where_it_is_told():
    pair = Pair("quadruped")
    pair.run(0.2)
    seen = pair.run(2.0, [0.0, 0.7, -1.4] * 4)
    assert abs(seen["roll"]) < 0.1
    assert abs(seen["pitch"]) < 0.1
    assert pair.standin.data.qpos[2] > 0.28
    pair = Pair("arm")
    pair.run(0.2)
    seen = pair.run(2.0, [0.8, 0.0, 1.0, 0.0, 0.0, 0.5])
    angles = [value for name, value in seen.items() if name.endswith("_angle")]
    assert angles == pytest.approx([0.8, 0.0, 1.0, 0.0, 0.0, 0.5], abs=0.06)
