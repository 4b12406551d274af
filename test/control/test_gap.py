"""When a thread may compute beside a control loop."""

import threading
import time

import pytest
from support.waiting import eventually

from mbrl_ros.control.turns import Gap, TuningStoppedError, Turns

# Long enough that no machine is so busy.
PERIOD = 30.0


@pytest.fixture
def gap():
    return Gap(PERIOD)


def waiting(gap, seconds):
    """Wait for a turn on another thread; returns it, which ends with its turn."""
    thread = threading.Thread(target=gap.wait, args=(seconds,), daemon=True)
    thread.start()
    return thread


def begun_by(thread):
    thread.join(0.1)
    return not thread.is_alive()


def test_where_no_loop_ticks_every_turn_comes_at_once(gap):
    assert begun_by(waiting(gap, 10 * PERIOD))


def test_a_turn_waits_for_the_tick_that_is_under_way(gap):
    gap.close()
    thread = waiting(gap, 1.0)
    assert not begun_by(thread)
    gap.open()
    eventually(lambda: not thread.is_alive())


def test_what_would_reach_into_the_next_tick_begins_right_after_one(gap):
    gap.close()
    gap.open()
    time.sleep(0.01)  # not just now any more
    assert begun_by(waiting(gap, 0.1 * PERIOD))
    thread = waiting(gap, 1.1 * PERIOD)
    assert not begun_by(thread)
    gap.close()
    gap.open()
    eventually(lambda: not thread.is_alive())


def test_a_loop_that_is_never_idle_or_ticks_no_more_does_not_hold_it_up_for_ever():
    gap = Gap(0.02)
    gap.close()
    gap.wait(1.0)
    gap.open()
    time.sleep(0.05)
    began = time.monotonic()
    gap.wait(1.0)
    assert time.monotonic() - began < PERIOD


def test_it_ends_at_its_turn():
    turns = Turns()
    turns.wait(0.0)
    turns.stop.set()
    with pytest.raises(TuningStoppedError):
        turns.wait(0.0)
