"""Steps that follow messages, by a clock of the test's own."""

import itertools
import math
import random
import threading

import pytest
from support.waiting import PATIENCE, eventually

from mbrl_ros.robot import pacing
from mbrl_ros.robot.pacing import Pacer

PERIOD = 0.04


class Clock:
    """Time that passes only while somebody waits, and messages that come meanwhile."""

    def __init__(self, arrivals, end):
        self.now, self.end = 0.0, end
        self.arrivals = list(arrivals)
        self.steps = []

    def monotonic(self):
        return self.now

    def run(self, monkeypatch, work=0.001):
        """Return the number of messages that had come at each step, and the pacer."""

        def step(now):
            self.steps.append((now, self.count))
            self.now += work

        pacer = Pacer(PERIOD, step)
        self.count = 0

        def wait(timeout):
            due = self.now + timeout
            if self.arrivals and self.arrivals[0] <= due:
                self.now = max(self.now, self.arrivals.pop(0))
                self.count += 1
                pacer.hear(self.now)
            else:
                self.now = due
            if self.now >= self.end:
                pacer._over = True

        monkeypatch.setattr(pacing.time, "monotonic", self.monotonic)
        monkeypatch.setattr(pacer._changed, "wait", wait)
        monkeypatch.setattr(pacer._changed, "notify", lambda: None)
        pacer._rhythm.begin(0.0)
        pacer._run()
        return pacer


def uneven(rate, end, jitter, phase=0.0, seed=0):
    rng = random.Random(seed)
    return [(k + phase) / rate + rng.uniform(0, jitter) for k in range(round(rate * end))]


def gaps(clock, first=20):
    counts = [count for _, count in clock.steps][first:]
    return [after - before for before, after in itertools.pairwise(counts)]


@pytest.mark.parametrize("phase", [0.0, 0.3, 0.7, 0.95])
@pytest.mark.parametrize(("rate", "per_step"), [(100.0, 4), (50.0, 2), (25.0, 1), (25.01, 1)])
def test_as_many_messages_lie_between_any_two_steps(monkeypatch, rate, per_step, phase):
    """At any phase, with messages that come late by up to a third of their interval."""
    clock = Clock(uneven(rate, 20.0, 0.33 / rate, phase), 20.0)
    pacer = clock.run(monkeypatch)
    assert set(gaps(clock)) == {per_step}
    assert pacer.missed == 0
    assert len(clock.steps) == pytest.approx(20.0 / PERIOD, abs=2)


def test_the_mean_rate_is_the_period_s_also_where_messages_do_not_fit_it(monkeypatch):
    clock = Clock(uneven(60.0, 20.0, 0.002), 20.0)
    clock.run(monkeypatch)
    assert len(clock.steps) == pytest.approx(20.0 / PERIOD, rel=0.03)
    assert set(gaps(clock)) <= {2, 3}


def test_without_messages_or_with_rare_ones_the_clock_alone_counts(monkeypatch):
    for arrivals in ([], uneven(10.0, 4.0, 0.0)):
        clock = Clock(arrivals, 4.0)
        clock.run(monkeypatch)
        times = [now for now, _ in clock.steps]
        expected = [PERIOD * (k + 1) for k in range(len(times))]
        assert times == pytest.approx(expected, abs=1e-9)


def test_when_messages_stop_the_steps_go_on(monkeypatch):
    clock = Clock([t for t in uneven(100.0, 4.0, 0.001) if not 1.0 < t < 3.0], 4.0)
    clock.run(monkeypatch)
    times = [now for now, _ in clock.steps]
    widest = max(b - a for a, b in itertools.pairwise(times))
    assert widest < 1.5 * PERIOD
    assert len(times) == pytest.approx(4.0 / PERIOD, abs=3)


def test_what_takes_too_long_is_skipped_and_counted(monkeypatch):
    clock = Clock([], 4.0)
    pacer = clock.run(monkeypatch, work=2.5 * PERIOD)
    assert pacer.missed == pytest.approx(2 * len(clock.steps), abs=2)
    assert math.isclose(clock.steps[1][0] - clock.steps[0][0], 3 * PERIOD)


def test_a_step_that_hangs_keeps_nobody_from_stopping(monkeypatch):
    monkeypatch.setattr(pacing, "_PATIENCE", 0.05)
    begun, go_on = threading.Event(), threading.Event()

    def step(now):
        begun.set()
        go_on.wait()

    pacer = Pacer(0.001, step)
    pacer.start()
    assert begun.wait(PATIENCE)
    pacer.stop()
    go_on.set()
    eventually(lambda: not pacer._thread.is_alive())


def test_a_step_that_fails_is_counted_and_told_and_the_next_one_comes(monkeypatch):
    clock = Clock([], 4.0)
    pacer = clock.run(monkeypatch, work="a step's own mistake")
    assert len(clock.steps) == pytest.approx(4.0 / PERIOD, abs=2)
    assert pacer.failed == len(clock.steps)
    assert pacer.failure.startswith("TypeError: unsupported operand")
