"""Each fault is found in a log of a pendulum and a slide, and nothing in one without faults."""

import math
from dataclasses import replace

import numpy as np
import pytest

from mbrl_ros.core.records import Observation, Transition
from mbrl_ros.core.spaces import Space
from mbrl_ros.data.transitions import Transitions
from mbrl_ros.diagnosis import signals
from mbrl_ros.diagnosis.diagnosis import Diagnosis
from mbrl_ros.diagnosis.stream_watch import StreamWatch

PERIOD, EPISODE, COUNT = 0.04, 100, 2000
ACTION = Space.of(["torque", "other"], [-1.0, -1.0], [1.0, 1.0])
NAMES = ["angle", "velocity", "slide"]


class Plant:
    """A pendulum and a damped slide, moved by noise that is held for a few steps."""

    def __init__(self, lag=1.0, delay=0, dead=None, still=False, drive=0.0):
        self.lag, self.delay, self.dead, self.still = lag, delay, dead, still
        self.drive = drive

    def episodes(self, rng):
        for _ in range(COUNT // EPISODE):
            state = np.array([rng.uniform(-1, 1), rng.normal(), rng.normal()])
            motor, sent = np.zeros(2), [np.zeros(2)] * self.delay
            readings, actions = [state], []
            for _ in range(EPISODE):
                action = np.array([1.0, 0.3]) if self.still else rng.uniform(-1, 1, 2)
                actions.append(action)
                sent = [*sent, action]
                motor = motor + self.lag * (sent[0] - motor)
                sent = sent[1:]
                force = motor.copy()
                if self.dead is not None:
                    force[self.dead] = 0.0
                angle, velocity, slide = state
                velocity = velocity + PERIOD * (
                    10 * force[0] + self.drive - 5 * np.sin(angle) - velocity
                )
                slide = 0.9 * slide + 0.3 * force[1]
                state = np.array([angle + PERIOD * velocity, velocity, slide])
                readings.append(state)
            yield np.array(readings), np.array(actions)


def log_of(plant, shown=lambda readings: readings, names=NAMES, angles=(), period=PERIOD, **limits):
    rng = np.random.default_rng(0)
    log = Transitions(Space.of(names, angles=angles, **limits), ACTION)
    stamp = 1
    for episode, (readings, actions) in enumerate(plant.episodes(rng)):
        seen = shown(readings)
        for step, action in enumerate(actions):
            stamp += round(1e9 * period)
            reward = float(np.cos(readings[step, 0]))
            log.append(
                Transition(
                    seen[step], action, seen[step + 1], episode, step, reward, stamp=stamp
                )
            )  # fmt: skip
    return log


def found(log):
    diagnosis = Diagnosis(log.observation_space, PERIOD)
    assert diagnosis.is_due(len(log))
    diagnosis.examine(log)
    return {finding.key: finding.text for finding in diagnosis.findings}


def in_signals(log):
    return {finding.key: finding.text for finding in signals.find(log, PERIOD)}


def scaled(readings, factors, origin=0.0):
    return readings * np.array(factors) + origin


def turned(readings, turn=2 * math.pi):
    # Hanging down is half a turn, so that it jumps there.
    shown = readings.copy()
    shown[:, 0] = ((readings[:, 0] + np.pi + np.pi) % (2 * np.pi) - np.pi) * turn / (2 * math.pi)
    return shown


def changed(column, change):
    def shown(readings):
        readings = readings.copy()
        readings[:, column] = change(readings[:, column])
        return readings

    return shown


@pytest.mark.parametrize("factors", [(1, 1, 1), (1e-6, 1e6, 1e-3)])
def test_nothing_is_found_in_a_sound_log_in_any_unit(factors):
    assert found(log_of(Plant(), lambda r: scaled(r, factors, 5.0))) == {}


def test_a_declared_angle_that_turns_is_none():
    assert found(log_of(Plant(), turned, angles=["angle"])) == {}


@pytest.mark.parametrize("factor", [1.0, 1e-6])
def test_a_hidden_velocity(factor):
    log = log_of(Plant(), lambda r: factor * r[:, [0, 2]], ["angle", "slide"])
    (text,) = found(log).values()
    assert "lacks a state" in text
    assert "model.history: 2" in text


def test_a_hidden_actuator_state():
    assert {*found(log_of(Plant(lag=0.4)))} == {("hidden state", "observation")}


@pytest.mark.parametrize("delay", [1, 2])
def test_actions_that_arrive_late(delay):
    (text,) = found(log_of(Plant(delay=delay))).values()
    assert f"model.delay: {delay}" in text


def test_a_dead_actuator():
    (text,) = found(log_of(Plant(dead=1))).values()
    assert text.startswith("action 'other': no effect")


def test_an_actuator_of_little_effect_that_comes_late_is_not_dead():
    log = log_of(Plant())
    rng = np.random.default_rng(1)
    for episode in range(COUNT // EPISODE):
        rows = slice(episode * EPISODE, (episode + 1) * EPISODE)
        late = np.r_[np.zeros(2), log.action[rows, 1][:-2]]
        place = np.r_[0.0, np.cumsum(0.15 * late + rng.normal(0.0, 0.15, EPISODE))]
        log.observation[rows, 2], log.next_observation[rows, 2] = place[:-1], place[1:]
    assert found(log) == {}


def test_actions_that_never_vary():
    texts = in_signals(log_of(Plant(still=True)))
    assert "always at its limit 1 " in texts["constant action", "torque"]
    assert "always 0.3 " in texts["constant action", "other"]


def test_an_angle_that_jumps_and_is_not_declared():
    text = in_signals(log_of(Plant(), turned))["undeclared angle", "angle"]
    assert "observation.angles: [angle]" in text


@pytest.mark.parametrize(("unit", "told"), [(1.0, "is an angle"), (180 / math.pi, "in degrees")])
def test_an_angle_that_whirls_without_bounds_and_is_not_declared(unit, told):
    def shown(readings):
        return scaled(readings, [unit, 1, 1])

    ((key, text),) = found(log_of(Plant(drive=8.0), shown)).items()
    assert key[1] == "angle"
    assert told in text
    assert "turns" in text
    assert "observation.angles: [angle]" in text
    assert found(log_of(Plant(drive=8.0), angles=["angle"])) == {}


@pytest.mark.parametrize(
    "shown",
    [lambda r: turned(r, 360.0), lambda r: scaled(r, [180 / math.pi, 1, 1])],
    ids=["jumps", "does not jump"],
)
def test_degrees(shown):
    assert "radians" in in_signals(log_of(Plant(), shown, angles=["angle"]))["degrees", "angle"]


def test_degrees_by_the_limits():
    limits = {"low": [-90.0, -90.0], "high": [90.0, 90.0]}
    log = log_of(Plant(), lambda r: r[:, [2, 1]], ["joint", "x"], ["joint"], **limits)
    assert "its limits are -90 and 90" in in_signals(log)["degrees", "joint"]


def test_a_dimension_that_never_changes():
    text = in_signals(log_of(Plant(), changed(2, lambda c: 0 * c + 0.7)))["constant", "slide"]
    assert "never changes from 0.7 in 2000" in text


def test_a_reading_that_comes_too_seldom():
    text = in_signals(log_of(Plant(), changed(2, lambda c: np.repeat(c[::2], 2)[: len(c)])))
    assert "every 0.08 s and the period is 0.04 s" in text["slow sensor", "slide"]


def test_a_sensor_that_stands_still():
    log = log_of(Plant())
    log.observation[-1200:, 2] = log.next_observation[-1200:, 2] = log.observation[-1200, 2]
    longer = Transitions(log.observation_space, ACTION)
    for transition in [*log_of(Plant()), *log]:
        longer.append(transition)
    assert "since 1200" in in_signals(longer)["stuck", "slide"]


def test_an_absurd_reading():
    log = log_of(Plant())
    log.next_observation[250, 1] = log.observation[251, 1] = 1000.0
    told = found(log)["absurd reading", "velocity"]
    assert "was absurd once with 1000 in episode 2 at step 51" in told


def test_a_rate_that_arrivals_have_told_is_not_told_again_by_the_stamps():
    log = log_of(Plant(), period=2.5 * PERIOD)
    diagnosis = Diagnosis(log.observation_space, PERIOD)
    watch = StreamWatch(2, PERIOD)
    for k in range(120):
        if found := watch.feed(Observation(0, k, log.observation[k]), True, "", 2.5 * PERIOD * k):
            diagnosis.note(found)
    assert [finding.name for finding in diagnosis.news()] == ["period"]
    diagnosis.examine(log)
    assert diagnosis.news() == []
    assert "by their stamps" in diagnosis.findings[0].text


def test_what_an_earlier_process_has_found_is_marked():
    log = log_of(Plant())[:500]
    log.observation[:, 2] = log.next_observation[:, 2] = 0.7
    diagnosis = Diagnosis(log.observation_space, PERIOD)
    diagnosis.resume(len(log))
    diagnosis.examine(log)
    assert diagnosis.news()[0].text.startswith("as before: observation 'slide' never changes")
    assert diagnosis.findings[0].text.startswith("observation 'slide' never changes")
    # What comes later is new; so is all where the earlier process had looked at nothing.
    diagnosis.see(Observation(3, 1, np.array([0.0, math.nan, 0.7])))
    assert diagnosis.news()[0].text.startswith("observation 'velocity' was not finite")
    diagnosis = Diagnosis(log.observation_space, PERIOD)
    diagnosis.resume(100)
    diagnosis.examine(log)
    assert diagnosis.news()[0].text.startswith("observation 'slide' never changes")


@pytest.mark.parametrize("factor", [0.25, 2.5])
def test_a_rate_that_is_not_the_period(factor):
    text = in_signals(log_of(Plant(), period=factor * PERIOD))["rate", "period"]
    assert f"{factor * PERIOD:.3g} s" in text
    assert "0.04 s" in text


def test_a_reward_that_never_varies():
    log = Transitions(log_of(Plant()).observation_space, ACTION)
    sound = [*log_of(Plant())] * 3
    for transition in sound:
        log.append(replace(transition, reward=0.0))
    assert "is 0 in all 6000" in in_signals(log)["constant reward", "reward"]
    # What pays nothing at all, or ends its episodes early, is another matter.
    for other in ({"reward": math.nan}, {"reward": 1.0, "terminated": True}):
        log = Transitions(log.observation_space, ACTION)
        for transition in sound:
            log.append(replace(transition, **other))
        assert in_signals(log) == {}


def test_a_reading_that_is_not_finite_is_counted_and_told_once():
    diagnosis = Diagnosis(Space.of(["x", "v"]), PERIOD)
    for step, value in enumerate([1.0, math.nan, 2.0, math.inf]):
        diagnosis.see(Observation(3, step, np.array([0.0, value])))
    diagnosis.see(Observation(3, 9, np.zeros(5)))
    (finding,) = diagnosis.news()
    assert "'v' was not finite 2 times, first nan in episode 3 at step 1" in finding.text
    diagnosis.see(Observation(4, 0, np.array([0.0, math.nan])))
    assert diagnosis.news() == []
    assert "3 times" in diagnosis.findings[0].text
