import math
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
from known import controller as real_controller
from known import reading as real_reading
from support.waiting import PATIENCE
from support.waiting import eventually as wait_for

from mbrl_ros.control import ticker as ticker_module
from mbrl_ros.control.controller import Command, CommandSource
from mbrl_ros.control.ticker import Ticker
from mbrl_ros.core.records import Observation
from mbrl_ros.planning.duration import DurationEstimate

pytestmark = pytest.mark.alone


def reading(step, episode=0):
    return Observation(episode, step, np.zeros(1), np.zeros(1), step - 1, received=time.monotonic())


class Fake:
    """A controller that answers at once, unless it is held, and notes what it was asked."""

    safe = np.array([0.5])

    def __init__(self, period=30.0, lock_step=False):
        self.period, self.lock_step = period, lock_step
        self.overhead = DurationEstimate()
        self.asked, self.resets, self.entered = [], 0, threading.Event()
        self.overtaken = []
        self.go, self.trouble, self.plan = threading.Event(), None, None
        self.go.set()

    def reset(self):
        self.resets += 1

    def tick(self, reading, overtaken=()):
        self.asked.append(reading.step)
        self.overtaken += [(earlier.episode, earlier.step) for earlier in overtaken]
        self.entered.set()
        assert self.go.wait(PATIENCE)
        if self.trouble:
            raise self.trouble
        return self._command(reading, CommandSource.PLANNED)

    def silence(self, reading, now):
        return None if reading is None else self._command(reading, CommandSource.HOLD)

    def stand_in(self, reading):
        return self._command(reading, CommandSource.REUSED)

    def last_moment(self, reading):
        return None if self.plan is None else self._command(reading, self.plan)

    def fault(self, reading, error):
        return self._command(reading, CommandSource.FALLBACK, f"{type(error).__name__}: {error}")

    def _command(self, reading, source, reason=""):
        return Command(
            reading.episode, reading.step, self.safe, source, reason, 0.0, 0.0, (1, 1), 0.0
        )


@pytest.fixture
def ticking():
    tickers = []

    def start(controller):
        sent = []
        ticker = Ticker(controller, sent.append)
        ticker.start()
        tickers.append((ticker, controller))
        return ticker, sent

    yield start
    for ticker, controller in tickers:
        if isinstance(controller, Fake):
            controller.go.set()
        ticker.stop()


def held(ticking):
    """Return a controller that is held within its first tick, its ticker and what is sent."""
    fake = Fake()
    fake.go.clear()
    ticker, sent = ticking(fake)
    ticker.observe(reading(0))
    assert fake.entered.wait(PATIENCE)
    return fake, ticker, sent


def told(sent):
    return [(command.step, command.source) for command in sent]


def test_each_reading_is_answered_once(ticking):
    fake = Fake()
    ticker, sent = ticking(fake)
    for k in range(20):
        ticker.observe(reading(k))
        wait_for(lambda count=k + 1: len(sent) == count)
    assert told(sent) == [(k, CommandSource.PLANNED) for k in range(20)]
    assert fake.asked == list(range(20))
    wait_for(lambda: ticker.counts.ticks == 20)
    assert ticker.counts.late == 0
    assert ticker.counts.sources[CommandSource.PLANNED] == 20
    assert ticker.last is sent[-1]
    assert fake.resets == 1


def test_only_the_newest_reading_counts_and_the_others_are_skipped(ticking):
    fake, ticker, _ = held(ticking)
    for k in range(1, 5):
        ticker.observe(reading(k))
    fake.go.set()
    wait_for(lambda: ticker.counts.sources[CommandSource.PLANNED] == 2)
    assert fake.asked == [0, 4]
    assert (ticker.counts.ticks, ticker.counts.late) == (5, 3)


def test_while_a_tick_overruns_the_last_plan_stands_in(ticking):
    fake, ticker, sent = held(ticking)
    ticker.observe(reading(1))
    assert told(sent) == [(1, CommandSource.REUSED)]
    assert ticker.counts.ticks == 0
    fake.go.set()
    wait_for(lambda: len(sent) == 3)
    assert told(sent)[1:] == [(0, CommandSource.PLANNED), (1, CommandSource.PLANNED)]


def at_the_last_moment(ticking, plan=CommandSource.REUSED):
    """Return a controller within a tick that is answered for in a second, and what is sent."""
    fake = Fake(period=300.0)
    fake.go.clear()
    fake.plan = plan
    ticker, sent = ticking(fake)
    ticker.observe(replace(reading(0), received=time.monotonic() - 269.0))
    assert fake.entered.wait(PATIENCE)
    return fake, ticker, sent


def test_at_the_last_moment_the_last_plan_answers_for_a_tick_that_is_not_over(ticking):
    fake, ticker, sent = at_the_last_moment(ticking)
    wait_for(lambda: sent)
    fake.go.set()
    wait_for(lambda: ticker.counts.ticks)
    assert told(sent) == [(0, CommandSource.REUSED)]
    assert (ticker.counts.late, ticker.counts.sources[CommandSource.REUSED]) == (0, 1)
    assert ticker.last is sent[0]
    ticker.observe(reading(1))
    wait_for(lambda: told(sent)[1:] == [(1, CommandSource.PLANNED)])
    assert sent[1].interval > 0


def test_without_a_plan_to_go_on_with_the_tick_is_waited_for(ticking):
    fake, _, sent = at_the_last_moment(ticking, plan=None)
    time.sleep(1.1)
    assert sent == []
    fake.go.set()
    wait_for(lambda: told(sent) == [(0, CommandSource.PLANNED)])


def test_a_fault_at_the_last_moment_ends_neither_the_tick_nor_the_watch(ticking):
    fake, ticker, sent = at_the_last_moment(ticking)
    failed, last_moment = threading.Event(), fake.last_moment

    def fail(reading):
        failed.set()
        raise ZeroDivisionError("by nothing")

    fake.last_moment = fail
    assert failed.wait(PATIENCE)
    fake.go.set()
    wait_for(lambda: told(sent) == [(0, CommandSource.PLANNED)])
    fake.last_moment = last_moment
    fake.go.clear()
    fake.entered.clear()
    ticker.observe(replace(reading(1), received=time.monotonic() - 269.0))
    wait_for(lambda: told(sent)[1:] == [(1, CommandSource.REUSED)])


def test_a_safe_command_is_sent_after_the_last_plan_has_answered(ticking):
    fake, ticker, sent = at_the_last_moment(ticking)
    wait_for(lambda: sent)
    fake.trouble = ZeroDivisionError("by nothing")
    fake.go.set()
    wait_for(lambda: told(sent)[1:] == [(0, CommandSource.FALLBACK)])
    wait_for(lambda: ticker.last is sent[1])
    assert ticker.counts.sources[CommandSource.REUSED] == 0


def test_what_is_over_in_time_is_not_answered_for(ticking):
    fake = Fake()
    fake.plan = CommandSource.REUSED
    ticker, sent = ticking(fake)
    first = replace(reading(0), received=time.monotonic() - 25.5)
    ticker.observe(first)
    wait_for(lambda: ticker.counts.ticks == 1)
    wait_for(lambda: time.monotonic() > first.received + 0.91 * fake.period)
    assert told(sent) == [(0, CommandSource.PLANNED)]


def test_a_tick_that_hangs_is_told_by_the_safe_command_in_its_place(ticking):
    fake, ticker, sent = held(ticking)
    ticker.observe(reading(1))
    assert ticker.last is None
    fake.stand_in = lambda reading: fake._command(reading, CommandSource.HOLD, "not over")
    ticker.observe(reading(2))
    assert ticker.last is sent[-1]
    assert (ticker.last.step, ticker.last.reason) == (2, "not over")
    fake.go.set()
    wait_for(lambda: ticker.last.source is CommandSource.PLANNED)


def test_readings_that_are_overtaken_are_handed_over_once_and_in_order(ticking):
    fake, ticker, _ = held(ticking)
    for step, episode in ((1, 0), (2, 0), (0, 1), (1, 1)):
        ticker.observe(reading(step, episode))
    fake.go.set()
    wait_for(lambda: fake.asked == [0, 1])
    ticker.observe(reading(2, 1))
    wait_for(lambda: fake.asked == [0, 1, 2])
    assert fake.overtaken == [(0, 1), (0, 2), (1, 0)]


def test_a_new_episode_skips_nothing(ticking):
    ticker, sent = ticking(Fake())
    ticker.observe(reading(90))
    wait_for(lambda: len(sent) == 1)
    ticker.observe(reading(0, episode=1))
    wait_for(lambda: ticker.counts.ticks == 2)
    assert ticker.counts.late == 0


def test_an_answer_after_its_period_is_late(ticking):
    fake = Fake(period=0.05)
    fake.go.clear()
    ticker, _ = ticking(fake)
    first = reading(0)
    ticker.observe(first)
    assert fake.entered.wait(PATIENCE)
    wait_for(lambda: time.monotonic() > first.received + 0.05)
    fake.go.set()
    wait_for(lambda: ticker.counts.sources[CommandSource.PLANNED] == 1)
    assert ticker.counts.late >= 1


def test_silence_is_answered_in_every_period(ticking):
    ticker, sent = ticking(Fake(period=0.02))
    wait_for(lambda: ticker._thread is not None)
    time.sleep(0.1)
    assert sent == []  # before the first reading there is nothing to say
    ticker.observe(reading(7))
    wait_for(lambda: len(sent) >= 5)
    assert told(sent)[:5] == [(7, CommandSource.PLANNED)] + [(7, CommandSource.HOLD)] * 4
    ticker.observe(reading(8))
    wait_for(lambda: (8, CommandSource.PLANNED) in told(sent))


def test_in_lock_step_silence_has_no_answer_and_nothing_is_late(ticking):
    fake = Fake(period=0.01, lock_step=True)
    ticker, sent = ticking(fake)
    fake.go.clear()
    ticker.observe(reading(0))
    assert fake.entered.wait(PATIENCE)
    ticker.observe(reading(0))
    time.sleep(0.1)
    assert sent == []
    fake.go.set()
    wait_for(lambda: len(sent) == 2)
    time.sleep(0.1)
    assert told(sent) == [(0, CommandSource.PLANNED)] * 2
    wait_for(lambda: ticker.counts.ticks == 2)
    assert ticker.counts.late == 0


@pytest.mark.parametrize("trouble", [ZeroDivisionError("by nothing"), SystemExit("by nothing")])
def test_a_fault_in_the_controller_gives_the_safe_command_and_the_loop_goes_on(ticking, trouble):
    fake = Fake()
    fake.trouble = trouble
    ticker, sent = ticking(fake)
    ticker.observe(reading(3, episode=2))
    wait_for(lambda: len(sent) == 1)
    command = sent[0]
    assert (command.source, command.reason) == (
        CommandSource.FALLBACK,
        f"{type(trouble).__name__}: by nothing",
    )
    assert (command.episode, command.step) == (2, 3)
    fake.trouble = None
    ticker.observe(reading(4, episode=2))
    wait_for(lambda: len(sent) == 2)
    assert sent[1].source == CommandSource.PLANNED


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_fault_in_sending_does_not_end_the_loop():
    sent = []

    def send(command):
        sent.append(command)
        if len(sent) == 1:
            raise RuntimeError("the middleware is gone")

    ticker = Ticker(Fake(), send)
    ticker.start()
    ticker.observe(reading(0))
    wait_for(lambda: len(sent) == 1)
    ticker._thread.join(0.1)
    alive = ticker._thread.is_alive()
    ticker.stop()
    assert alive


def test_stopping_waits_for_the_tick_under_way_and_sends_nothing_afterwards(ticking):
    fake = Fake(period=0.02)
    fake.go.clear()
    ticker, sent = ticking(fake)
    ticker.observe(reading(0))
    assert fake.entered.wait(PATIENCE)
    stopper = threading.Thread(target=ticker.stop)
    stopper.start()
    stopper.join(0.05)
    assert stopper.is_alive()
    fake.go.set()
    stopper.join(PATIENCE)
    assert not stopper.is_alive()
    assert "ticker" not in [t.name for t in threading.enumerate()]
    count = len(sent)
    ticker.observe(reading(1))
    time.sleep(0.1)
    assert len(sent) == count


def test_a_tick_that_hangs_is_not_waited_for_and_never_sends(ticking, monkeypatch):
    monkeypatch.setattr(ticker_module, "_PATIENCE", 0.05)
    fake, ticker, sent = held(ticking)
    assert not ticker.stop()
    assert ticker.hangs
    fake.go.set()
    wait_for(lambda: not ticker.hangs)
    assert sent == []
    ticker.start()
    assert not ticker.hangs
    ticker.observe(reading(1))
    wait_for(lambda: told(sent) == [(1, CommandSource.PLANNED)])


def test_a_fault_in_the_answer_to_silence_does_not_end_the_loop(ticking):
    fake = Fake(period=0.02)
    ticker, sent = ticking(fake)
    fake.silence = lambda reading, now: 1 / 0
    ticker.observe(reading(0))
    wait_for(lambda: len(sent) > 3)
    assert sent[-1].reason == "ZeroDivisionError: division by zero"
    assert sent[-1].source is CommandSource.FALLBACK
    ticker.observe(reading(1))
    wait_for(lambda: (1, CommandSource.PLANNED) in told(sent))


def test_stopping_needs_no_reading_and_may_be_repeated(ticking):
    ticker, _ = ticking(Fake())
    ticker.stop()
    ticker.stop()


def test_started_again_it_counts_from_zero(ticking):
    fake = Fake()
    ticker, sent = ticking(fake)
    for k in range(10):
        ticker.observe(reading(k))
        wait_for(lambda count=k + 1: ticker.counts.ticks == count)
    ticker.stop()
    ticker.start()
    assert ticker.counts.ticks < 5
    ticker.observe(reading(10))
    wait_for(lambda: (10, CommandSource.PLANNED) in told(sent))
    assert fake.resets == 2


def test_started_again_it_does_not_answer_what_came_before(ticking):
    fake = Fake()
    ticker, _ = ticking(fake)
    ticker.observe(reading(0))
    wait_for(lambda: ticker.counts.ticks == 1)
    ticker.stop()
    ticker.start()
    time.sleep(0.1)
    ticker.observe(reading(5))
    wait_for(lambda: 5 in fake.asked)
    assert fake.asked == [0, 5]


def test_with_a_real_controller_a_loop_without_readings_ends_in_the_safe_command(ticking):
    made = real_controller(lock_step=False, period=0.05)
    ticker, sent = ticking(made)
    for k in range(5):
        ticker.observe(real_reading(k))
        wait_for(lambda count=k + 1: ticker.counts.ticks >= count)
    wait_for(lambda: sent[-1].source == CommandSource.HOLD)
    assert sent[-1].values.tolist() == made.safe.resting.tolist()
    sources = [command.source for command in sent]
    assert CommandSource.REUSED in sources[: sources.index(CommandSource.HOLD) + 1]


def test_the_interval_between_ticks_is_told(ticking):
    ticker, sent = ticking(Fake())
    began = time.monotonic()
    for step in range(3):
        ticker.observe(reading(step))
        wait_for(lambda count=step + 1: len(sent) == count)
        time.sleep(0.01)
    assert math.isnan(sent[0].interval)
    assert all(0.01 <= command.interval <= time.monotonic() - began for command in sent[1:])
