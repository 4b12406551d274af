import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from known import ACTION, OBSERVATION, SAFE, A, B, controller, reading, step
from support.linear import LinearModel

from mbrl_ros.control.belief import BeliefTracker
from mbrl_ros.control.command import CommandSource
from mbrl_ros.control.trust import Level
from mbrl_ros.core.records import Transition
from mbrl_ros.data.segments import one_segment
from mbrl_ros.data.transitions import Transitions
from mbrl_ros.models.dynamics_model import DynamicsModel
from mbrl_ros.models.ensemble.model import EnsembleModel
from mbrl_ros.models.ensemble.settings import EnsembleSettings


def model(history=1, delay=0):
    settings = EnsembleSettings(members=1, hidden=[4], history=history, delay=delay)
    return EnsembleModel(DynamicsModel(OBSERVATION, ACTION, settings))


def tracking(window=100, memory=100):
    return BeliefTracker(ACTION, np.array(SAFE), window, memory)


def recorded(count, seed=0, log=None, episode=0):
    """Return a log, and the same as the controller's readings."""
    rng = np.random.default_rng(seed)
    values, applied = rng.normal(size=(count + 1, 2)), rng.uniform(0.25, 1.0, (count, 1))
    log = log or Transitions(OBSERVATION, ACTION)
    readings = [reading(0, values[0], episode=episode)]
    for k in range(count):
        log.append(Transition(values[k], applied[k], values[k + 1], episode, k))
        readings.append(reading(k + 1, values[k + 1], applied=applied[k], episode=episode))
    return log, readings


def rows_of(log, told):
    """Return a log as the training of a model has it."""
    history, delay = told.dynamics.encoding.history, told.delay
    return one_segment(log, history, delay).batch(np.arange(len(log)), delay)


def assert_is_row(happened, told, rows, k):
    torch.testing.assert_close(happened.belief.state[0, 0], rows.state[k])
    torch.testing.assert_close(told.acting(happened.belief, happened.action), rows.action[k])
    torch.testing.assert_close(happened.observation.float(), rows.next_observation[k])


def assert_are_rows(steps, told, rows, indices):
    assert len(steps) == len(indices)
    for happened, k in zip(steps, indices, strict=True):
        assert_is_row(happened, told, rows, k)


def assert_same(belief, other):
    assert len(belief) == len(other)
    for mine, theirs in zip(belief, other, strict=True):
        assert torch.equal(mine, theirs)


def assert_same_step(one, other):
    assert (one is None) == (other is None)
    if one is not None:
        assert_same(one.belief, other.belief)
        assert torch.equal(one.action, other.action)
        assert torch.equal(one.observation, other.observation)


@pytest.mark.parametrize("history", [1, 2, 4])
@pytest.mark.parametrize("delay", [0, 1, 3])
def test_a_model_is_told_the_same_as_in_its_training(history, delay):
    told = model(history, delay)
    log, readings = recorded(20)
    rows = rows_of(log, told)
    tracker = tracking()
    for k, seen in enumerate(readings[:-1]):
        happened = tracker.observe(seen, told)
        torch.testing.assert_close(tracker.belief.state[0, 0], rows.state[k])
        if k:
            assert_is_row(happened, told, rows, k - 1)
        else:
            assert happened is None
    assert_are_rows(tracker.steps, told, rows, range(19))
    assert_are_rows(tracker.past(told), told, rows, range(19))
    # Another model knows the same steps in its own way.
    for other in (model(history + 1, delay), model(history, delay + 1), model(1, 0)):
        assert_are_rows(tracker.past(other), other, rows_of(log, other), range(19))
    # Told in another way now: of what was before, too.
    other = model(history, delay + 1)
    assert_is_row(tracker.observe(readings[-1], other), other, rows_of(log, other), 19)
    assert_are_rows(tracker.steps, other, rows_of(log, other), range(20))
    assert_are_rows(tracker.past(told), told, rows, range(20))


@pytest.mark.parametrize(("history", "delay"), [(1, 0), (4, 3)])
def test_steps_of_several_episodes_are_those_of_its_training(history, delay):
    told, tracker, log = model(history, delay), tracking(memory=500), None
    begins, count = [], 0
    for episode, length in enumerate((7, 2, 1, 12)):
        begins.append(count)
        count += length
        log, readings = recorded(length, episode, log, episode)
        tracker.new_episode()
        for seen in readings:
            tracker.observe(seen, told)
    rows = rows_of(log, told)
    assert_are_rows(tracker.steps, told, rows, range(begins[-1], count))
    # The first observation of all comes with a first model.
    assert_are_rows(tracker.past(told), told, rows, range(count))
    other = model(2, 1)
    assert_are_rows(tracker.past(other), other, rows_of(log, other), range(count))


def test_only_the_newest_steps_are_kept():
    told, tracker = model(2, 1), tracking(window=4, memory=10)
    log, readings = recorded(200)
    for seen in readings:
        tracker.observe(seen, told)
    rows = rows_of(log, told)
    assert_are_rows(tracker.steps, told, rows, range(196, 200))
    for each in (told, model(4, 3), model(10, 10)):
        assert_are_rows(tracker.past(each), each, rows_of(log, each), range(180, 200))


@pytest.mark.parametrize(("history", "delay"), [(1, 0), (4, 0), (1, 3), (4, 3)])
def test_of_what_came_before_the_oldest_that_is_remembered_no_step_is_made_up(history, delay):
    told = model(history, delay)
    short, long = tracking(memory=50), tracking(memory=250)
    for k, seen in enumerate(recorded(300)[1]):
        # For half of the time, the plant does not tell what it applies.
        told_of = seen if k % 40 < 20 else replace(seen, action=np.empty(0))
        short.observe(told_of, told)
        long.observe(told_of, told)
    newest, all_of_them = short.past(told), long.past(told)
    assert 40 < len(newest) < len(all_of_them)
    for mine, theirs in zip(newest, all_of_them[-len(newest) :], strict=True):
        assert_same_step(mine, theirs)


@pytest.mark.parametrize("wrong", [[], [math.nan], [0.5, 0.5]], ids=["none", "nan", "size"])
def test_where_the_plant_does_not_tell_what_it_applied_nothing_is_learned(wrong):
    told, tracker = model(), tracking()
    for k in range(4):
        assert tracker.observe(reading(k, [float(k), 0.0], applied=wrong), told) is None
        assert tracker.belief.state[0, 0].tolist() == [float(k), 0.0]
    happened = tracker.observe(reading(4, [4.0, 0.0], applied=[0.5]), told)
    assert told.acting(happened.belief, happened.action).tolist() == [0.5]
    assert len(tracker.steps) == len(tracker.past(told)) == 1


def test_over_a_reading_that_was_missed_nothing_is_learned():
    told, tracker = model(history=2), tracking()
    for k in (0, 1, 3, 4):
        seen = reading(k, [float(k), 0.0], applied=[0.5] if k else ())
        assert (tracker.observe(seen, told) is None) == (k in (0, 3))
    # What is missing is taken for unchanged.
    state = tracker.belief.state[0, 0]
    assert state.tolist() == [4.0, 0.0, 3.0, 0.0, 0.5]
    assert len(tracker.past(told)) == 2


def test_over_a_long_silence_all_begins_anew():
    told, tracker = model(history=2), tracking()
    tracker.observe(reading(0, [1.0, 0.0]), told)
    assert tracker.observe(reading(1000, [2.0, 0.0], applied=[0.5]), told) is None
    assert tracker.belief.state[0, 0].tolist() == [2.0, 0.0, 2.0, 0.0, 0.5]
    assert tracker.observe(reading(1001, [3.0, 0.0], applied=[0.75]), told) is not None


def test_nothing_is_learned_by_the_first_with_a_model_nor_by_the_last_of_an_episode():
    told, tracker = model(), tracking()
    log, readings = recorded(6)
    for seen in readings[:3]:
        assert tracker.observe(seen, None) is None
        assert tracker.belief is None
    rows = rows_of(log, told)
    assert tracker.observe(readings[3], told) is None
    assert_is_row(tracker.observe(readings[4], told), told, rows, 3)
    assert tracker.observe(replace(readings[5], terminated=True), told) is None
    assert_are_rows(tracker.past(told), told, rows, [3])
    tracker.new_episode()
    assert tracker.observe(replace(readings[0], episode=1), told) is None


@pytest.mark.parametrize("before", [None, (1, 0), (2, 5)])
@pytest.mark.parametrize("swapped", [1, 2, 5, 17, 90])
@pytest.mark.parametrize("whole", [True, False], ids=["whole", "with_holes"])
def test_a_model_that_takes_over_in_mid_episode_knows_as_much_as_one_that_saw_all(
    before, swapped, whole
):
    told, other = model(4, 3), None if before is None else model(*before)
    took_over, always = tracking(window=8), tracking(window=8)
    rng = np.random.default_rng(0)
    for k, seen in enumerate(recorded(120)[1]):
        if not whole and k:
            fate = rng.random()
            if fate < 0.1:
                continue
            if fate < 0.2:
                seen = replace(seen, action=np.empty(0))
        happened = took_over.observe(seen, told if k >= swapped else other)
        expected = always.observe(seen, told)
        if k < swapped:
            continue
        assert_same(took_over.belief, always.belief)
        if before is not None or k > swapped + 8:
            assert_same_step(happened, expected)
            assert len(took_over.steps) == len(always.steps)
            for mine, theirs in zip(took_over.steps, always.steps, strict=True):
                assert_same_step(mine, theirs)


def test_a_model_that_takes_over_knows_nothing_of_the_episode_before():
    told, other = model(4, 3), model()
    tracker = tracking()
    for seen in recorded(10)[1]:
        tracker.observe(seen, other)
    tracker.new_episode()
    log, readings = recorded(3, seed=1, episode=1)
    for seen in readings[:-1]:
        tracker.observe(seen, other)
    assert_is_row(tracker.observe(readings[-1], told), told, rows_of(log, told), 2)
    assert_are_rows(tracker.steps, told, rows_of(log, told), range(3))


def test_a_model_that_takes_over_as_an_episode_begins_begins_with_it():
    told, other, tracker = model(4, 3), model(), tracking()
    for seen in recorded(10)[1]:
        tracker.observe(seen, other)
    tracker.new_episode()
    assert tracker.observe(reading(0, [7.0, 8.0], episode=1), told) is None
    assert tracker.belief.state[0, 0].tolist() == [7.0, 8.0] * 4 + SAFE * 3


def test_readings_that_come_twice_or_late_are_ignored():
    told, tracker, alone = model(4, 3), tracking(), tracking()
    readings = recorded(12)[1]
    rng = np.random.default_rng(0)
    for k, seen in enumerate(readings):
        assert_same_step(tracker.observe(seen, told), alone.observe(seen, told))
        for late in (k, k, *rng.integers(0, k + 1, 2)):
            odd = replace(readings[late], values=np.array([99.0, 99.0]))
            assert tracker.observe(odd, told) is None
        assert_same(tracker.belief, alone.belief)
    assert len(tracker.steps) == len(alone.steps) == 12
    for mine, theirs in zip(tracker.past(told), alone.past(told), strict=True):
        assert_same_step(mine, theirs)


class Counting(LinearModel):
    """A recurrent model: its belief has counted the observations of the episode."""

    context = 10

    def __init__(self):
        super().__init__(A, B, ACTION)
        # Position and action of each observation, and the count with it.
        self.taken = []

    def initial(self, batch):
        return (*super().initial(batch), torch.zeros(1, batch, 1))

    def observe(self, belief, action, observation, is_first):
        count = torch.zeros(1, 1, 1) if is_first or belief is None else belief[1]
        self.taken.append((observation[0].item(), round(action.item(), 3), int(count) + 1))
        return observation[None, None], count + 1


def numbered(k, episode=0, **arguments):
    """Return a reading that tells its number, and the action that led to it."""
    applied = [] if not k else [0.25 + k / 1000]
    return reading(k, [100.0 * episode + k, 0.0], episode=episode, applied=applied, **arguments)


def expected(k, episode=0):
    return 100.0 * episode + k, 0.25 + k / 1000, k + 1


def test_a_recurrent_model_sees_every_reading_once_and_in_order():
    told, tracker = Counting(), tracking(window=5)
    lengths = (4, 1, 30)
    for episode, length in enumerate(lengths):
        tracker.new_episode()
        for k in range(length):
            happened = tracker.observe(numbered(k, episode), told)
            assert tracker.observe(numbered(k, episode), told) is None
            assert tracker.observe(numbered(max(0, k - 1), episode), told) is None
            assert tracker.belief[1].item() == k + 1
            if k:
                assert happened.belief[1].item() == k
                assert happened.observation[0].item() == 100.0 * episode + k
    assert told.taken == [expected(k, e) for e, length in enumerate(lengths) for k in range(length)]


def test_a_recurrent_model_is_told_of_each_control_step_though_a_reading_is_missing():
    told, tracker = Counting(), tracking()
    for k in (0, 1, 4, 5):
        tracker.observe(numbered(k), told)
    missing = [(1.0, 0.251, 3), (1.0, 0.251, 4)]
    assert told.taken == [expected(0), expected(1), *missing, expected(4), expected(5)]


def test_a_recurrent_model_that_takes_over_sees_the_newest_readings_once_and_in_order():
    first, second, tracker = Counting(), Counting(), tracking(window=5)
    for k in range(40):
        tracker.observe(numbered(k), first)
    tracker.observe(numbered(40), second)
    tracker.observe(numbered(41), second)
    assert [taken[0] for taken in first.taken] == list(range(40))
    # As many as rebuild its belief, and those whose steps are judged.
    newest = [taken[0] for taken in second.taken]
    assert newest == list(range(int(newest[0]), 42))
    assert len(newest) == 10 + 5 + 2
    assert [taken[2] for taken in second.taken] == list(range(1, 18))


def test_a_controller_tells_a_recurrent_model_of_every_reading_once_and_in_order():
    told = Counting()
    made = controller(model=False, trust=True)
    made.models.use(told, 1, 1)
    for episode, length in enumerate((4, 1, 12)):
        for k in range(length):
            ended = k == length - 1
            command = made.tick(numbered(k, episode, ended=ended))
            assert command.source is (CommandSource.HOLD if ended else CommandSource.PLANNED)
            made.tick(numbered(k, episode, ended=ended))
    expectation = [expected(k, e) for e, length in enumerate((4, 1, 12)) for k in range(length)]
    assert told.taken == expectation


def test_readings_overtaken_in_a_busy_tick_or_during_an_e_stop_are_taken_in_too():
    told = Counting()
    made = controller(model=False, trust=True)
    made.models.use(told, 1, 1)
    made.tick(numbered(0, 0))
    made.tick(numbered(3, 0), [numbered(1, 0), numbered(2, 0)])
    made.estopped = True
    assert made.tick(numbered(4, 0)).source is CommandSource.FALLBACK
    made.estopped = False
    # An episode that ended and one that began meanwhile.
    made.tick(numbered(1, 1), [numbered(5, 0, ended=True), numbered(0, 1)])
    made.tick(numbered(2, 1))
    expectation = [*(expected(k, 0) for k in range(6)), *(expected(k, 1) for k in range(3))]
    assert told.taken == expectation


def test_commands_that_were_lost_do_not_count_against_the_model():
    made = controller(trust=True, adaptation=True)
    state, applied = np.array([0.0, 0.0]), ()
    rng = np.random.default_rng(0)
    for k in range(60):
        command = made.tick(reading(k, state, applied=applied))
        # Every other command is lost, and the plant says so.
        applied = command.values if rng.random() < 0.5 else np.array(SAFE)
        state = step(state, applied)
    assert made.known.trust.level is Level.FULL
    assert made.known.trust.one_step < 0.01
    assert made.models.correction < 1e-3
