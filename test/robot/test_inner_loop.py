"""Between two control steps: the plan's feedback, within the limits; without a node."""

import math
from dataclasses import replace

import numpy as np
import pytest
from support import sliders
from test_robot_plant import PERIOD, Bench

from mbrl_ros.core.records import Observation, PlanGains
from mbrl_ros.core.settings import build
from mbrl_ros.core.task import TaskSettings
from mbrl_ros.data.messages import read_gains, read_limits
from mbrl_ros.robot.in_effect import InEffect
from mbrl_ros.robot.inner_loop import InnerLoop
from mbrl_ros.ros import interfaces as ri
from mbrl_ros.ros.interfaces import interface
from mbrl_ros.safety.command_latch import ReceivedCommand
from mbrl_ros.simulation.settings import DisturbanceSettings, PhysicsSettings
from mbrl_ros.system.configuration import read_task
from mbrl_ros.system.rehearsal import Rehearsal, task_of
from mbrl_ros.system.rehearsed_plants import RehearsedRobot, read_standin, standin_of

TASK = {
    "period": PERIOD,
    "observation.names": ["turn", "speed"],
    "observation.angles": ["turn"],
    "action.names": ["motor"],
    "action.low": [-1.0],
    "action.high": [1.0],
}
# Planned from step 3, to act from step 4 on.
PLAN = PlanGains(
    0, 3, 4,
    states=np.array([[3.1, 0.0], [-3.1, 1.0], [0.0, 0.0]]),
    actions=np.array([[0.25], [0.5]]),
    gains=np.array([[[-1.0, 0.0]], [[-2.0, 0.0]]]),
)  # fmt: skip
PASSED = ReceivedCommand(np.array([0.25]), 0, 3, 1.0)


def corrected(values, share=0.0, step=4, command=PASSED, plan=PLAN, before=None, **parameters):
    loop = InnerLoop(build(TaskSettings, {**TASK, **parameters}), 100.0)
    loop.begin(np.zeros(1))
    if before is not None:
        loop.sent(np.array([before]))
    loop.follow(plan)
    loop.step(10.0)
    seen = Observation(0, step, np.array(values))
    return loop.correct(command, seen, 10.0 + share * PERIOD)


def motor(*given, **options):
    (passed, reason) = corrected(*given, **options)
    assert reason == ""
    return passed.values[0]


def test_what_is_planned_is_followed_by_its_feedback():
    assert motor([3.1, 0.0]) == 0.25
    assert motor([3.0, 0.0]) == pytest.approx(0.35)
    # Half of the step later half of the way is done, across pi, and the gain is half of the next.
    assert motor([math.pi, 0.5], share=0.5) == pytest.approx(0.25)
    assert motor([-3.1, 0.5], share=0.5) == pytest.approx(0.25 - 1.5 * (math.pi - 3.1))
    # The next command has not come in time: the plan goes on.
    assert motor([-3.0, 1.0], step=5) == pytest.approx(0.5 - 2.0 * 0.1)
    assert motor([0.0, 0.0], step=4, share=9.0) == 1.0  # far away, and within the range


def test_a_plan_is_followed_until_the_next_one_acts_though_that_is_told_before():
    loop = InnerLoop(build(TaskSettings, TASK), 100.0)
    loop.begin(np.zeros(1))
    loop.follow(PLAN)
    loop.follow(replace(PLAN, step=4, acts=5, actions=np.array([[-0.5], [-0.5]])))
    for step, command, expected in (
        (4, PASSED, 0.35),
        (5, replace(PASSED, step=4, values=np.array([-0.5])), -0.4),
    ):
        loop.step(10.0)
        passed, _ = loop.correct(command, Observation(0, step, np.array([3.0, 0.0])), 10.0)
        assert passed.values[0] == pytest.approx(expected)


@pytest.mark.parametrize(
    "other",
    [
        {"command": ReceivedCommand(np.array([0.2]), 0, 3, 1.0)},  # the guard changed it
        {"command": ReceivedCommand(np.array([0.25]), 1, 3, 1.0)},
        {"command": ReceivedCommand(np.array([0.25]), 0, 2, 1.0)},
        {"step": 3},  # it acts sooner than was expected
        {"step": 6},  # the plan is over
    ],
)
def test_what_is_not_planned_acts_as_it_is(other):
    assert motor([0.0, 0.0], **other) == other.get("command", PASSED).values[0]


def test_a_safe_command_is_not_corrected():
    safe = ReceivedCommand(np.array([0.25]), 0, 3, 1.0, safe=True)
    assert corrected([0.0, 0.0], command=safe) == (safe, "")
    assert corrected([0.0, 0.0], command=None) == (None, "")


def test_a_persons_command_is_not_corrected_though_it_is_what_was_planned():
    persons = replace(PASSED, person=True)
    assert motor([0.0, 0.0], command=persons) == 0.25
    # As any command it keeps to the limits, from one message to the next.
    passed, reason = corrected([0.0, 0.0], command=persons, before=0.0, **{"limits.rate": [5.0]})
    assert (passed.values.tolist(), passed.person) == ([pytest.approx(0.05)], True)
    assert reason == "inner loop: changed too fast: motor"


def test_corrections_keep_to_the_limits():
    passed, reason = corrected([0.0, 0.0], before=0.2, **{"limits.rate": [5.0]})
    # 5 / s, a hundred times a second.
    assert passed.values[0] == pytest.approx(0.25)
    assert reason == "inner loop: changed too fast: motor"
    limits = {
        "limits.of": ["speed"], "limits.high": [1.0], "limits.command": ["velocity"],
        "limits.moves": ["speed"],
    }  # fmt: skip
    # Half of the distance that is left, in a whole control step.
    passed, reason = corrected([0.0, 0.99], **limits)
    assert passed.values[0] == pytest.approx(0.5 * 0.01 / PERIOD)
    assert reason == "inner loop: kept: speed <= 1"
    passed, reason = corrected([0.0, 1.0], **{**limits, "limits.forbidden": ["sqrt(-turn - 1)"]})
    assert (passed, reason) == (None, "inner loop: not known: sqrt(-turn - 1) <= 0")


def test_the_limits_are_those_that_the_guard_keeps_to_now():
    task = build(TaskSettings, {**TASK, "limits.rate": [50.0]})
    loop = InnerLoop(task, 100.0)
    loop.begin(np.zeros(1))
    told = ri.Limits(rate=[5.0])
    loop.limit(read_limits(told, task.limits))
    passed, _ = loop.correct(PASSED, Observation(0, 4, np.zeros(2)), 10.0)
    assert passed.values[0] == pytest.approx(0.05)
    for wrong in ({"rate": [1.0, 2.0]}, {"rate": [math.nan]}, {"low": [1.0, 2.0]}):
        with pytest.raises(ValueError, match="limits"):
            loop.limit(read_limits(ri.Limits(**wrong), task.limits))


@pytest.mark.parametrize(
    ("rate", "parameters", "expected"),
    [
        (25.0, {}, "inner_loop: expected more than the 25 control steps per second, or 0, got 25"),
        (100.0, {"action.discrete": ["motor"]}, "inner_loop: expected 0, since 'motor' takes"),
    ],
)
def test_what_cannot_be_followed_is_refused(rate, parameters, expected):
    with pytest.raises(ValueError, match=expected):
        InnerLoop(build(TaskSettings, {**TASK, **parameters}), rate)


def test_corrections_come_no_more_often_than_asked_for():
    loop = InnerLoop(build(TaskSettings, TASK), 100.0)
    assert not loop.is_due(0.0)  # before the first step
    loop.step(0.0)
    assert not loop.is_due(0.004)
    # A thousand messages a second, and a hundred that do not come evenly.
    assert sum(loop.is_due(0.001 * k) for k in range(1, 1001)) == pytest.approx(100, abs=1)
    assert all(loop.is_due(0.01 * k + (0.004 if k % 2 else 0.0)) for k in range(101, 120))


def test_a_plan_that_does_not_fit_is_refused():
    task = build(TaskSettings, TASK)
    spaces = task.observation_space(), task.action_space()
    whole = {"states": [0.0] * 4, "actions": [0.5], "gains": [1.0, 2.0]}
    plan = read_gains(ri.PlanGains(episode=1, step=2, acts=3, **whole), *spaces)
    assert (plan.states.shape, plan.gains.tolist()) == ((2, 2), [[[1.0, 2.0]]])
    for name, values in [
        ("states", [0.0] * 3), ("actions", []), ("gains", [1.0]), ("gains", [1.0, math.nan]),
    ]:  # fmt: skip
        with pytest.raises(ValueError, match=r"plan_gains: .* expected finite numbers"):
            read_gains(ri.PlanGains(**{**whole, name: values}), *spaces)


def test_what_was_in_effect_is_the_mean_over_time():
    effect = InEffect()
    assert effect.mean(0.0) is None
    effect.change(np.array([1.0]), 1.0)
    effect.change(np.array([2.0]), 1.0)
    effect.change(np.array([4.0]), 1.75)
    assert effect.mean(2.0) == pytest.approx([2.5])
    assert effect.mean(3.0) == [4.0]


def test_a_bridge_corrects_between_its_steps_and_tells_what_acted():
    bench = Bench(inner_loop=100.0)
    bench.tick(0.0)
    bench.answer(0.5)
    plan = PlanGains(0, 0, 1, np.zeros((2, 2)), np.array([[0.5]]), np.array([[[-1.0, 0.0]]]))
    bench.plant.follow(plan)
    bench.tick(0.0)
    start = bench.now
    sent = []
    for k, place in enumerate([0.1, 0.2, 0.3], start=1):
        bench.now = start + 0.01 * k
        bench.hear(place)
        (message,) = bench.plant.between(bench.now).values()
        sent.append(message.data[0])
    assert sent == pytest.approx([4.0, 3.0, 2.0])
    bench.now = start
    after, _ = bench.tick(0.0)
    assert after.observation.action == pytest.approx([0.35])
    assert after.observation.action_step == 0
    # The safe command comes with the next step; nothing is corrected until then.
    bench.answer(0.0, safe=True)
    assert bench.plant.between(bench.now + 0.01) == {}
    # Without the setting nothing comes in between.
    assert Bench().plant.between(100.0) == {}


def test_from_when_a_person_takes_over_a_bridge_corrects_nothing():
    bench = Bench(inner_loop=100.0)
    bench.tick(0.0)
    bench.answer(0.5)
    plans = np.zeros((3, 2)), np.full((2, 1), 0.5), np.full((2, 1, 2), -1.0)
    bench.plant.follow(PlanGains(0, 0, 1, *plans))
    assert bench.tick(0.1)[1] == pytest.approx(4.0)
    assert bench.plant.between(bench.now + 0.01) != {}
    bench.answer(0.5, person=True)
    assert bench.plant.between(bench.now + 0.02) == {}
    assert bench.tick(0.1)[1] == 5.0
    (message,) = bench.plant.between(bench.now + 0.01).values()
    assert message.data.tolist() == [5.0]


def test_a_safe_command_is_where_the_next_one_changes_from():
    bench = Bench({"limits.rate": [50.0]}, inner_loop=100.0)
    bench.tick(0.0)
    bench.answer(0.4)
    assert bench.tick(0.0)[1] == 4.0
    assert bench.tick(math.nan)[1] == 0.0
    bench.answer(0.9)
    # 50 / s, a hundred times a second.
    assert bench.tick(0.0)[1] == pytest.approx(5.0)


def test_what_the_limits_replace_is_told_as_no_answer():
    bench = Bench({"limits.forbidden": ["sqrt(1 - place) - 9"]}, inner_loop=100.0)
    bench.tick(0.0)
    bench.answer(0.5)
    assert bench.tick(2.0)[1] == 0.0
    assert bench.plant.intervention == "inner loop: not known: sqrt(1 - place) - 9 <= 0"
    seen = bench.tick(0.0)[0].observation
    assert (seen.action.tolist(), seen.action_step) == ([0.0], -1)


@pytest.mark.parametrize("what", ["stale", "unreadable", "over"])
def test_in_between_nothing_is_sent_that_is_not_known(what):
    bench = Bench(inner_loop=100.0, **({"time_limit": PERIOD} if what == "over" else {}))
    bench.tick(0.0)
    bench.answer(0.5)
    bench.tick(0.0)
    later = bench.now + (9.0 if what == "stale" else 0.01)
    if what == "unreadable":
        bench.hear(math.nan)
    assert bench.plant.between(later) == {}


def pushed(folder, seed, **bridge):
    """Return what a push costs a robot whose model is exact."""
    file = folder / "sliders.yaml"
    file.write_text(file.read_text().replace("tolerance", "quadratic").replace(", margin: 0.3", ""))
    configuration = read_task(str(file), {"seed": seed, **bridge})
    disturbance = DisturbanceSettings(push=1.0, push_time=1.0 + 0.01 * (seed % 4), seed=seed)
    standin = read_standin(str(folder / "standin.yaml"))
    robot = RehearsedRobot(
        task_of(configuration), configuration.build("robot_bridge"),
        standin_of(standin, PhysicsSettings(), disturbance), interface,
    )  # fmt: skip
    record = Rehearsal(configuration, robot, sliders.model()).play(40)
    return -record.rewards[25:].sum()


def test_after_a_push_it_is_better_than_to_hold_the_command(tmp_path):
    sliders.write(tmp_path)
    held, followed = (
        sum(pushed(tmp_path, seed, **{"robot_bridge.inner_loop": rate}) for seed in (0, 1))
        for rate in (0.0, 100.0)
    )
    assert followed < 0.3 * held
