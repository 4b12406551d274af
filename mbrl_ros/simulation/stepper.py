"""Advances a simulator on its own thread: in real time, or in lock-step."""

from __future__ import annotations

import contextlib
import enum
import math
import threading
import time
from collections.abc import Callable

from numpy.typing import ArrayLike

from mbrl_ros.core.realtime import LOOP, prioritize_thread
from mbrl_ros.core.records import Observation
from mbrl_ros.simulation.simulator import Simulator

# Interval at which a waiting plant repeats its observation, for nodes that join or restart [s].
REPEAT_PERIOD = 0.5


class _Turn(enum.Enum):
    STEP = enum.auto()
    REPEAT = enum.auto()
    STOP = enum.auto()


class Stepper:
    """Steps a simulator and publishes its observations.

    In real time the steps have absolute deadlines on a monotonic clock; a missed one is skipped, so
    the plant's time falls behind instead of catching up in a burst. In lock-step a step is taken as
    soon as the observation is answered; until then, the observation is repeated.

    While a paused plant stands still in real time, guard and controller take its silence for a
    failure and send the safe command. That is for when it is resumed: a granted step is taken with
    what they said before, as the plant's own time knows of no silence. What they send for another
    reason, such as an e-stop, is in force with the first step that follows.

    Physics runs outside the lock, so no method blocks.

    Attributes:
        missed: deadlines skipped so far.
    """

    def __init__(
        self,
        simulator: Simulator,
        publish: Callable[[Observation], None],
        fail: Callable[[Exception], None],
        real_time_factor: float = 1.0,
    ) -> None:
        """Create a stepper, not yet started.

        Args:
            simulator: must not be advanced by others.
            publish: called on the stepping thread with every observation.
            fail: called on the stepping thread with the error that ended it.
            real_time_factor: plant seconds per wall second, in real time.
        """
        self.missed = 0
        self._simulator = simulator
        self._publish = publish
        self._fail = fail
        self._factor = real_time_factor
        self._wall_period = simulator.period / real_time_factor
        self._changed = threading.Condition()
        self._stopped = False
        self._paused = self._stood = False
        self._granted = 0
        self._reset: tuple[int | None] | None = None
        self._of_silence: tuple[ArrayLike, int, int] | None = None
        self._stepped_at = self._deadline = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="stepper", daemon=True)

    def start(self) -> None:
        """Publish the first observation and start stepping."""
        self._thread.start()

    def stop(self) -> None:
        """Stop after the step in progress."""
        with self._changed:
            self._stopped = True
            self._changed.notify()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join()

    @property
    def paused(self) -> bool:
        """Whether it is paused, so that only granted steps are taken."""
        return self._paused

    def pause(self, paused: bool) -> None:
        """Pause or resume."""
        with self._changed:
            self._paused, self._stood = paused, True
            self._granted = 0
            if self._of_silence is not None and not paused:
                values, episode, step = self._of_silence
                with contextlib.suppress(ValueError):  # malformed, which is counted
                    self._simulator.command(values, episode, step, self._plant_time(), safe=True)
            self._of_silence = None
            # The pause itself does not count as a missed deadline.
            self._deadline = max(self._deadline, time.monotonic())
            self._changed.notify()

    def grant(self, steps: int) -> None:
        """Let a paused simulator take steps, at the pace of its mode.

        Raises:
            ValueError: if it is not paused.
        """
        with self._changed:
            if not self._paused:
                raise ValueError("the simulator is not paused")
            self._granted += steps
            self._changed.notify()

    def reset(self, seed: int | None) -> None:
        """Truncate the episode with the next step, and start the next one with the step after.

        Both are taken even while paused, and in lock-step without waiting for an answer.
        """
        with self._changed:
            self._reset = (seed,)
            self._changed.notify()

    def command(
        self,
        values: ArrayLike,
        episode: int,
        step: int,
        safe: bool = False,
        silence: bool = False,
    ) -> bool:
        """Take a command as it comes; see ``Simulator.command``.

        Args:
            values: shape ``(A,)``.
            episode: of the observation it answers.
            step: of the observation it answers.
            safe: whether it is the controller's safe command.
            silence: whether that is sent since there was nothing to answer.
        """
        paused = self._paused and not self._simulator.lock_step
        if safe and silence and paused and self._stands_still:
            self._of_silence = values, episode, step
            return False
        taken = self._simulator.command(values, episode, step, self._plant_time(), safe)
        if taken and self._simulator.lock_step:
            with self._changed:
                self._changed.notify()
        return taken

    @property
    def _stands_still(self) -> bool:
        return self._granted == 0 and time.monotonic() - self._stepped_at > self._wall_period

    def _plant_time(self) -> float:
        """Return the plant's time between two steps [s].

        It never passes the next step, so commands do not age while the plant is paused or late.
        """
        since = (time.monotonic() - self._stepped_at) * self._factor
        return self._simulator.observation.time + min(since, self._simulator.period)

    def _run(self) -> None:
        if not self._simulator.lock_step:
            # A simulated plant must be as punctual as a real one.
            prioritize_thread(LOOP)
        try:
            self._stepped_at = time.monotonic()
            self._deadline = self._stepped_at + self._wall_period
            self._publish(self._simulator.observation)
            while (turn := self._wait()) is not _Turn.STOP:
                if turn is _Turn.STEP:
                    self._simulator.advance()
                    self._stepped_at = time.monotonic()
                self._publish(self._simulator.observation)
        except Exception as error:
            self._fail(error)

    def _wait(self) -> _Turn:
        repeat_at = time.monotonic() + REPEAT_PERIOD
        with self._changed:
            while not self._stopped:
                if self._reset is not None:
                    self._simulator.cut(*self._reset)
                    self._reset = None
                now = time.monotonic()
                due = self._due()
                if due <= now:
                    self._take_turn(now)
                    return _Turn.STEP
                if math.isinf(due) and repeat_at <= now:
                    return _Turn.REPEAT
                self._changed.wait(min(due, repeat_at if math.isinf(due) else due) - now)
        return _Turn.STOP

    def _due(self) -> float:
        """Return when the next step may be taken; infinity: it waits for an event."""
        simulator = self._simulator
        if simulator.restarting:
            return -math.inf if self._paused or simulator.lock_step else self._deadline
        if self._paused and self._granted == 0:
            return math.inf
        if not simulator.lock_step:
            return self._deadline
        return -math.inf if simulator.answered or simulator.observation.ended else math.inf

    def _take_turn(self, now: float) -> None:
        simulator = self._simulator
        if self._paused and not simulator.restarting:
            self._granted -= 1
        if simulator.lock_step:
            return
        if self._stood:
            simulator.heed_safe_command()
        self._stood = self._paused
        self._deadline += self._wall_period
        if self._deadline <= now:
            behind = math.floor((now - self._deadline) / self._wall_period) + 1
            self._deadline += behind * self._wall_period
            if not self._paused:
                self.missed += behind
