"""The bridge without a node: messages in, observations and messages out, at times of the test's."""

import math
import re

import numpy as np
import pytest

from mbrl_ros.core.settings import build
from mbrl_ros.core.task import TaskSettings
from mbrl_ros.robot.plant import RobotPlant
from mbrl_ros.robot.settings import bridge_settings
from mbrl_ros.ros.interfaces import Float64MultiArray, Header, JointState, Time, interface

PERIOD = 0.04
TASK = {
    "period": PERIOD,
    "observation.names": ["place", "speed"],
    "action.names": ["motor"],
    "action.low": [-1.0],
    "action.high": [1.0],
}
BRIDGE = {
    "sources": ["joints"],
    "joints.topic": "joint_states",
    "joints.type": "sensor_msgs/msg/JointState",
    "commands": ["effort"],
    "effort.topic": "effort_controller/commands",
    "effort.type": "std_msgs/msg/Float64MultiArray",
    "effort.send": ["data[0] = 10 * motor"],
    "observe": ["place = joints.position[slider]", "speed = joints.velocity[slider]"],
}


def settings_of(**changed):
    values = {**BRIDGE, **{name.replace("__", "."): v for name, v in changed.items()}}
    values = {name: value for name, value in values.items() if value is not None}
    return build(bridge_settings(values), values)


class Bench:
    """A bridge, with what a robot and a controller do in each step."""

    def __init__(self, task=(), **bridge):
        values = {**TASK, **dict(task)}
        self.plant = RobotPlant(build(TaskSettings, values), settings_of(**bridge), interface)
        self.now = 100.0
        self.count = 0

    def hear(self, place=0.0, speed=0.0, stamp=None, name="joints"):
        self.count += 1
        stamp = self.count if stamp is None else stamp
        message = JointState(
            header=Header(stamp=Time(sec=stamp)),
            name=["other", "slider"],
            position=[9.0, place],
            velocity=[9.0, speed],
        )
        self.plant.hear(name, message, self.now)

    def answer(self, *values, **options):
        seen = self.plant.observation
        return self.plant.command(values, seen.episode, seen.step, self.now + 0.01, **options)

    def tick(self, *readings, **options):
        """Let a period pass, with a reading just before its end unless there is none."""
        self.now += PERIOD
        if readings or options:
            self.hear(*readings, **options)
        tick = self.plant.tick(self.now, round(1e9 * self.now))
        sent = [message.data.tolist() for message in tick.messages.values()]
        return tick, (sent[0][0] if sent else None)


def test_an_answer_acts_from_the_next_observation_on():
    bench = Bench()
    first, sent = bench.tick(0.5, 0.1)
    assert first.observation.values.tolist() == [0.5, 0.1]
    assert (first.observation.episode, first.observation.step) == (0, 0)
    assert first.observation.action.tolist() == [0.0]
    assert math.isnan(first.observation.reward)
    assert sent == 0.0
    assert bench.answer(0.5)
    second, sent = bench.tick(0.6)
    # What was in effect until now is not what is sent now.
    assert (second.observation.action.tolist(), second.observation.action_step) == ([0.0], -1)
    assert sent == 5.0
    third, sent = bench.tick(0.7)
    assert (third.observation.action.tolist(), third.observation.action_step) == ([0.5], 0)
    assert third.observation.stamp == round(1e9 * bench.now)


def test_commands_are_limited_and_age():
    bench = Bench()
    bench.tick(0.0)
    bench.answer(3.0)
    _, sent = bench.tick(0.0)
    assert sent == 10.0
    assert "outside the limits: motor" in bench.plant.intervention
    sent = [bench.tick(0.0)[1] for _ in range(4)]
    assert sent == [10.0, 0.0, 0.0, 0.0]  # older than 2.5 periods
    assert "no command for" in bench.plant.intervention
    with pytest.raises(ValueError, match="'motor' is nan"):
        bench.answer(math.nan)
    assert bench.plant.refused == 1


@pytest.mark.parametrize("how", ["silent", "frozen", "incomplete"])
def test_what_cannot_be_read_has_the_safe_command_and_no_observation(how):
    bench = Bench()
    bench.tick(0.0)
    bench.answer(0.5)
    last, sent = bench.tick(0.0, stamp=50)
    assert sent == 5.0
    for _ in range(6):
        bench.answer(0.5)
        if how == "silent":
            tick, sent = bench.tick()
        elif how == "frozen":
            tick, sent = bench.tick(0.0, stamp=50)
        else:
            tick, sent = bench.tick(math.nan)
    assert tick.observation is None
    assert sent == 0.0
    expected = {
        "silent": "joints (joint_states): nothing heard for 0.24 s",
        "frozen": "joints (joint_states): the same stamp for 0.24 s",
        "incomplete": "joints.position[slider] is nan",
    }
    assert bench.plant.problem == expected[how]
    after, _ = bench.tick(0.0)
    # The steps in between are missing, and nobody takes these two for neighbours.
    assert after.observation.step == last.observation.step + 7
    assert after.observation.action.tolist() == [0.0]
    assert bench.plant.problem == ""


def test_nothing_is_sent_to_a_robot_that_was_not_heard():
    bench = Bench()
    tick, sent = bench.tick()
    assert (tick.observation, sent) == (None, None)
    assert bench.plant.problem == "joints (joint_states): nothing heard yet"
    assert bench.plant.last_messages(bench.now) == {}
    assert not bench.plant.command([0.5], 0, 0, bench.now)
    bench.tick(0.0)
    bench.answer(1.0)
    bench.tick(0.0)
    (last,) = bench.plant.last_messages(bench.now).values()
    assert last.data.tolist() == [0.0]


def test_position_servos_begin_where_they_are_and_hold():
    bench = Bench({"safe_command": "hold"}, resting=["motor = joints.position[slider]"])
    tick, sent = bench.tick(0.3)
    assert (tick.observation.action.tolist(), sent) == ([0.3], 3.0)
    bench.answer(0.6)
    assert bench.tick(0.3)[1] == 6.0
    sent = [bench.tick()[1] for _ in range(8)]
    assert sent == [6.0] * 8
    assert "nothing heard for" in bench.plant.problem


def test_servos_beyond_the_limits_do_not_begin_with_a_jump():
    bench = Bench({"safe_command": "hold"}, resting=["motor = joints.position[slider]"])
    tick, sent = bench.tick(1.2)
    assert (tick.observation, sent) == (None, None)
    assert bench.plant.problem == (
        "waiting for an episode to begin: motor would jump from 1.2 into its limits [-1, 1]"
    )
    assert bench.tick(1.05)[1] == 10.0  # as good as within


@pytest.mark.parametrize(
    ("bridge", "reason"),
    [
        ({"ends": "1 / place > 3"}, "1 / place > 3: float division by zero"),
        ({"effort__send": ["data[0] = 10 * motor + 0 * sqrt(0.3 - motor)"]}, "math domain error"),
    ],
)
def test_a_formula_that_fails_on_the_way_has_the_safe_command(bridge, reason):
    bench = Bench(**bridge)
    bench.tick(0.1)
    bench.answer(0.5)
    tick, sent = bench.tick(0.0)
    assert (tick.observation, sent) == (None, 0.0)
    assert reason in bench.plant.problem
    ticks = [bench.tick(0.1)[0] for _ in range(4)]  # until that command is too old
    assert ticks[-1].observation is not None


def test_an_error_of_any_kind_has_the_safe_command_and_is_told():
    bench = Bench()
    bench.tick(0.1)
    written = bench.plant.writers["effort"]

    def write(values):
        if values["motor"] > 0.4:
            raise TypeError("as from a message's own check")
        return written(values)

    bench.plant.writers["effort"] = write
    bench.answer(0.3)
    assert bench.tick(0.1)[1] == 3.0
    bench.answer(0.5)
    tick, sent = bench.tick(0.1)
    assert (tick.observation, sent) == (None, 0.0)
    assert bench.plant.problem.startswith("TypeError: as from a message's own check")
    bench.answer(0.2)
    assert bench.tick(0.1)[1] is not None


@pytest.mark.parametrize("inner_loop", [0.0, 100.0])
def test_where_steps_fail_to_come_the_safe_command_is_sent_and_told(inner_loop):
    bench = Bench(inner_loop=inner_loop)
    assert bench.plant.overdue(bench.now + 9.0) == {}  # nothing was sent that it would replace
    bench.tick(0.0)
    bench.answer(0.5)
    assert bench.tick(0.0)[1] == 5.0
    assert bench.plant.overdue(bench.now + 3 * PERIOD) == {}
    bench.now += 4 * PERIOD
    for _ in range(2):
        bench.hear(0.0)
        (message,) = bench.plant.overdue(bench.now).values()
        assert message.data.tolist() == [0.0]
        assert bench.plant.problem.startswith("no control step for 0.")
        assert bench.plant.between(bench.now) == {}
        bench.now += PERIOD
    after, _ = bench.tick(0.0)
    assert bench.plant.problem == ""
    assert after.observation.action_step == -1
    assert after.observation.action.tolist() == pytest.approx([4 / 7 * 0.5])


def test_a_law_brakes_by_what_is_read_while_no_steps_come():
    bench = Bench({"safe_command": "damp", "safe_velocities": ["speed"], "safe_damping": 0.5})
    bench.tick(0.0, 0.4)
    bench.now += 4 * PERIOD
    bench.hear(0.0, 0.2)
    (message,) = bench.plant.overdue(bench.now).values()
    assert message.data.tolist() == [-1.0]


def test_at_the_end_the_safe_command_is_sent_whatever_cannot_be_read():
    bench = Bench()
    bench.tick(0.1)
    bench.plant.formulas[0].value = lambda _: [][0]
    (last,) = bench.plant.last_messages(bench.now).values()
    assert last.data.tolist() == [0.0]


def test_damping_takes_a_stale_velocity_for_unknown():
    bench = Bench({"safe_command": "damp", "safe_velocities": ["speed"], "safe_damping": 0.5})
    bench.tick(0.0, 0.4)
    sent = [bench.tick(0.0, 0.4)[1] for _ in range(5)]
    assert sent[-1] == -2.0
    (last,) = bench.plant.last_messages(bench.now).values()
    assert last.data.tolist() == [-2.0]
    (last,) = bench.plant.last_messages(bench.now + 5.0).values()
    assert last.data.tolist() == [0.0]
    sent = [bench.tick()[1] for _ in range(5)]
    assert sent[-1] == 0.0


def test_the_driver_says_what_was_in_effect():
    driver = {"driver__topic": "state", "driver__type": "std_msgs/msg/Float64MultiArray"}
    bench = Bench(sources=["joints", "driver"], applied=["motor = 0.1 * driver.data[0]"], **driver)

    def tick(told):
        if told is not None:
            bench.plant.hear("driver", Float64MultiArray(data=[told]), bench.now + PERIOD)
        return bench.tick(0.0)[0].observation

    assert tick(2.0).action.tolist() == [0.2]
    bench.answer(0.5)
    tick(2.0)
    assert tick(4.5).action.tolist() == [pytest.approx(0.45)]
    # Without its word, what was sent.
    bench.answer(0.5)
    for _ in range(4):
        seen = tick(None)
        bench.answer(0.5)
    assert seen.action.tolist() == [0.5]


def test_episodes_end_and_begin():
    bench = Bench(ends="abs(place) > 1", begins="abs(speed) < 0.1", time_limit=4 * PERIOD)
    tick, sent = bench.tick(0.0, 0.5)
    assert (tick.observation, sent) == (None, None)
    assert bench.plant.problem == "waiting for an episode to begin: abs(speed) < 0.1"
    assert bench.tick(0.0, 0.0)[0].observation.step == 0
    bench.answer(0.5)
    tick, sent = bench.tick(1.5, 0.5)
    assert (tick.observation.terminated, tick.observation.truncated) == (True, False)
    assert sent == 0.0
    tick, sent = bench.tick(0.0, 0.5)
    assert (tick.observation, sent) == (None, 0.0)
    seen = [bench.tick(0.0, 0.0)[0].observation for _ in range(6)]
    assert [(o.episode, o.step, o.truncated) for o in seen] == [
        (1, 0, False),
        (1, 1, False),
        (1, 2, False),
        (1, 3, False),
        (1, 4, True),
        (2, 0, False),
    ]
    bench.plant.reset()
    assert bench.tick(0.0)[0].observation.truncated
    assert bench.tick(0.0)[0].observation.step == 0


def test_while_the_robot_is_brought_back_nothing_is_sent():
    bench = Bench(time_limit=PERIOD, reset_service="home")
    bench.tick(0.0)
    tick, sent = bench.tick(0.0)
    assert tick.observation.truncated
    assert sent == 0.0
    assert bench.plant.resetting
    for _ in range(5):
        tick, sent = bench.tick(0.0)
        assert (tick.observation, sent) == (None, None)
        assert bench.plant.problem == "waiting for reset_service to bring the robot back"
    bench.plant.restored()
    assert not bench.plant.resetting
    assert bench.tick(0.0)[0].observation.episode == 1


@pytest.mark.parametrize(
    ("resting", "begun"), [(["motor = joints.position[slider]"], 1.0), ([], 0.0)]
)
def test_servos_that_were_brought_back_do_not_jump_to_where_they_were(resting, begun):
    bench = Bench(
        {"safe_command": "hold"},
        resting=resting, begins="abs(speed) < 0.1", time_limit=PERIOD, reset_service="home",
    )  # fmt: skip
    bench.tick(0.8)
    bench.answer(0.9)
    assert bench.tick(0.8)[1] == (8.0 if resting else 0.0)
    assert bench.plant.last_messages(bench.now) == {}  # the service moves it
    bench.plant.restored()
    for reading in ([0.1, 0.5], [], [math.nan]):  # still moving; or not to be read
        assert bench.tick(*reading)[1] is None
    assert bench.plant.last_messages(bench.now) == {}
    tick, sent = bench.tick(0.1)
    assert (tick.observation.episode, sent) == (1, begun)


def test_a_reward_that_the_robot_tells():
    bench = Bench(reward="joints.position[slider] ** 2")
    assert math.isnan(bench.tick(2.0)[0].observation.reward)
    assert bench.tick(3.0)[0].observation.reward == 9.0


def test_a_rate_that_is_not_the_configured_one_is_told():
    bench = Bench()
    for _ in range(30):
        bench.now += 0.1
        bench.hear(0.0)
    expected = "joints (joint_states): 10 Hz, expected 25 Hz (period 0.04 s)"
    assert bench.plant.listener.problems(bench.now) == {"joints": expected}
    slow = Bench(joints__rate=10.0)
    for _ in range(30):
        slow.now += 0.1
        slow.hear(0.0)
    assert slow.plant.listener.problems(slow.now) == {"joints": ""}
    for _ in range(60):
        slow.now += 0.05
        slow.hear(0.0)
    (problem,) = slow.plant.listener.problems(slow.now).values()
    assert problem == "joints (joint_states): 20 Hz, expected 10 Hz (rate)"


def test_memories_forget_what_was_before_a_pause():
    bench = Bench(
        observe=["place = joints.position[slider]", "speed = rate(joints.position[slider])"]
    )
    assert bench.tick(0.0)[0].observation is None
    assert bench.plant.problem == (
        "waiting for its first messages, in rate(joints.position[slider])"
    )
    np.testing.assert_allclose(bench.tick(0.5)[0].observation.values, [0.5, 0.5])  # by its stamp
    bench.now += 1.0
    assert bench.tick(0.5)[0].observation is None
    assert bench.tick(0.5)[0].observation.values.tolist() == [0.5, 0.0]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        (
            {"observe": BRIDGE["observe"][:1]},
            "observe: expected a line 'speed = ...' too, got none",
        ),
        ({"joints__type": "sensor_msgs/msg/JointStat"}, "joints.type: expected a message"),
        ({"joints__type": "std_srvs/srv/Trigger"}, "joints.type: expected a message"),
        ({"joints__type": ""}, "joints.type: expected one, such as"),
        ({"joints__topic": ""}, "joints.topic: expected one, such as joint_states, got nothing"),
        (
            {"observe": ["place = joints.positon[slider]", "speed = 0 * joints.header.stamp.sec"]},
            "has no field 'positon': did you mean 'position'?",
        ),
        (
            {"observe": ["place = joints.position", "speed = joints.velocity[slider]"]},
            "observe: 'place': joints.position: expected one of several, such as [0]",
        ),
        (
            {"observe": ["place = joints.name[0]", "speed = joints.velocity[slider]"]},
            "joints.name[0]: expected a number, got string",
        ),
        ({"effort__send": ["data[0] = 1"]}, "the action 'motor' is sent by none of them"),
        ({"commands": []}, "the action 'motor' is sent by none of them"),
        ({"applied": ["motor = driver.data[0]"]}, "unknown name 'driver'"),
        ({"ends": "joints.position[slider] > 1"}, "ends: 'joints.position[slider]': unknown name"),
        ({"reward": "sin(place)"}, "reward: 'place': unknown name"),
        ({"command_timeout": 0.01}, "command_timeout: expected at least the period of 0.04 s"),
    ],
)
def test_a_mapping_that_does_not_fit_is_refused(changed, reason):
    if "commands" in changed:
        values = {n: v for n, v in BRIDGE.items() if not n.startswith("effort.")} | changed
        settings = build(bridge_settings(values), values)
    else:
        settings = settings_of(**changed)
    with pytest.raises(ValueError, match=re.escape(reason)):
        RobotPlant(build(TaskSettings, TASK), settings, interface)


@pytest.mark.parametrize("name", ["observe", "joint states", "effort", "", "2nd"])
def test_names_of_topics_are_checked(name):
    with pytest.raises(ValueError, match="expected names of letters, digits and _, each once"):
        bridge_settings({"sources": [name], "commands": ["effort"]})
    with pytest.raises(ValueError, match="parameter 'sources': expected a list of str"):
        bridge_settings({"sources": name})


def test_a_person_pays_for_a_step():
    bench = Bench(feedback=True)
    bench.plant.pay(1.0)  # before anything happened
    bench.tick(0.5)
    bench.plant.pay(1.0)
    bench.plant.pay(1.0)
    bench.plant.pay(math.nan)
    bench.plant.pay(-math.inf)
    paid = [bench.tick(0.5)[0].observation.reward for _ in range(2)]
    assert paid == [2.0, 0.0]
    bench = Bench(feedback=True, reward="joints.position[slider]")
    bench.tick(0.5)
    bench.plant.pay(-1.0)
    assert bench.tick(0.5)[0].observation.reward == -0.5
    # A step of which one part is not known is not paid 0.
    bench = Bench(feedback=True, reward="1 / joints.position[slider]")
    bench.tick(0.5)
    bench.plant.pay(1.0)
    assert math.isnan(bench.tick(0.0)[0].observation.reward)
    assert bench.tick(0.5)[0].observation.reward == 3.0
    # Without, nobody pays.
    bench = Bench()
    bench.tick(0.5)
    bench.plant.pay(1.0)
    assert math.isnan(bench.tick(0.5)[0].observation.reward)


@pytest.mark.parametrize("hours", [1, -1])
def test_a_drivers_clock_that_is_set_makes_no_speed(hours):
    bench = Bench(
        observe=["place = joints.position[slider]", "speed = rate(joints.position[slider])"]
    )
    speeds, clock = [], 10_000_000
    for k in range(20):
        clock += 40 + (hours * 3_600_000 if k == 10 else 0)
        bench.now += PERIOD
        stamp = Time(sec=clock // 1000, nanosec=clock % 1000 * 1_000_000)
        message = JointState(header=Header(stamp=stamp), name=["slider"], position=[0.02 * k])
        bench.plant.hear("joints", message, bench.now)
        tick = bench.plant.tick(bench.now, 0)
        if tick.observation is not None:
            speeds.append(tick.observation.values[1])
    assert speeds == pytest.approx([0.5] * len(speeds))
    assert len(speeds) == 18  # not for the first, nor for the one after the clock was set
