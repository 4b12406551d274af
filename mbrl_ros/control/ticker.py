"""The control loop's own thread: one command a period, whether an observation came or not."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from mbrl_ros.control.command import Command, CommandSource
from mbrl_ros.control.controller import Controller
from mbrl_ros.control.turns import Gap
from mbrl_ros.core.realtime import LOOP, prioritize_thread
from mbrl_ros.core.records import Observation

#: Observations that may come during one tick; of more, the oldest are taken for lost.
MOST_OVERTAKEN = 1000
# Share of the period after which the last plan answers for a tick that is not over.
_LAST_MOMENT = 0.9
# Time for which the end of a tick is waited for when the loop is to stop [s].
_PATIENCE = 2.0


@dataclass(frozen=True)
class TickCounts:
    """What the ticks came to since the start.

    Attributes:
        ticks: commands that were due.
        late: of these, sent after their deadline or never.
        sources: ticks per source, indexed by `CommandSource`.
    """

    ticks: int = 0
    late: int = 0
    sources: tuple[int, ...] = field(default=(0,) * len(CommandSource))


class Ticker:
    """Answers observations on a thread of its own, as soon as they come.

    The plant's clock sets the rhythm: a tick begins when an observation arrives and its
    deadline is one period later. At the last moment before it, the last plan answers for a tick
    that is not over; what that comes to is then sent only if it is the safe command. When an
    observation fails to come, the tick happens all the same. All times are absolute on
    ``time.monotonic``, so that delays never add up, and a tick that was overrun is skipped, not
    made up for.

    Attributes:
        counts: replaced as a whole after each tick.
        last: the newest command that a tick came to, or the safe one where it comes to none; None
            before the first.
        gap: between two ticks.
    """

    def __init__(self, controller: Controller, send: Callable[[Command], None]) -> None:
        self.counts = TickCounts()
        self.last: Command | None = None
        self.gap = Gap(controller.period)
        self._controller = controller
        self._send = send
        self._condition = threading.Condition()
        self._observation: Observation | None = None
        self._answered: Observation | None = None
        self._overtaken: deque[Observation] = deque(maxlen=MOST_OVERTAKEN)
        self._running = False
        self._busy = False
        # What was sent for the tick under way; None: nothing.
        self._stood_in: Command | None = None
        self._interval = math.nan
        self._thread: threading.Thread | None = None
        self._watching: threading.Thread | None = None

    def start(self) -> None:
        """Begin to tick, with the counts at zero and no observation."""
        self._observation = self._answered = None
        self._overtaken.clear()
        self.counts = TickCounts()
        self._running, self._busy, self._stood_in = True, False, None
        self._thread = threading.Thread(target=self._run, name="ticker", daemon=True)
        self._thread.start()
        if not self._controller.lock_step:
            self._watching = threading.Thread(target=self._watch, name="deadline", daemon=True)
            self._watching.start()

    def stop(self) -> bool:
        """Stop, and return whether the tick under way is over, which is waited for, if not long.

        One that is not, as a user's own code may hang, sends nothing any more when it ends.
        """
        with self._condition:
            self._running = False
            self._condition.notify_all()
        for thread in (self._thread, self._watching):
            if thread is not None:
                thread.join(_PATIENCE)
        return not self.hangs

    @property
    def hangs(self) -> bool:
        """Whether a tick goes on although the loop was stopped; then it cannot be started."""
        return not self._running and self._thread is not None and self._thread.is_alive()

    def observe(self, observation: Observation) -> None:
        """Hand over an observation; only the newest is answered.

        Those that it overtakes are still taken in, before it. If the tick before is not over
        yet, the last plan answers at once, so that the plant hears something in every period.
        Such an answer is not counted: the observation is still due, or counts as skipped.
        """
        with self._condition:
            overrun = self._busy
            if self._observation is not self._answered and self._observation is not None:
                self._overtaken.append(self._observation)
            self._observation = observation
            self._condition.notify_all()
        if overrun and not self._controller.lock_step:
            command = self._controller.stand_in(observation)
            if command.source.safe:
                # Told at once: nobody knows whether the tick will ever be over.
                self.last = command
            self._send(command)

    def _run(self) -> None:
        controller, period = self._controller, self._controller.period
        if not controller.lock_step:
            prioritize_thread(LOOP)
        controller.reset()
        due = time.monotonic() + 1.5 * period
        last_began = math.nan
        while True:
            with self._condition:
                while self._running and self._observation is self._answered:
                    # In lock-step the plant waits too: there is nothing to say to its silence.
                    timeout = None if controller.lock_step else due - time.monotonic()
                    if not self._condition.wait(timeout):
                        break
                if not self._running:
                    return
                observation, answered = self._observation, self._answered
                overtaken = tuple(self._overtaken)
                self._overtaken.clear()
                self._busy = observation is not answered
                self._answered = observation
            began = time.monotonic()
            self._interval = began - last_began
            self.gap.close()
            command = None
            try:
                if observation is None or observation is answered:
                    command = controller.silence(answered, time.monotonic())
                else:
                    command = controller.tick(observation, overtaken)
            except (Exception, SystemExit) as error:  # the loop must not die of a user's own code
                if observation is not None:
                    command = controller.fault(observation, error)
            if observation is None or observation is answered:
                due = max(due + period, time.monotonic())
                skipped, deadline = 0, due
            else:
                skipped = _skipped(answered, observation)
                deadline = observation.received + period
                due = deadline + 0.5 * period
            with self._condition:
                self._busy = False
                stood_in, self._stood_in = self._stood_in, None
            if not self._running:
                self.gap.open()
                return
            if stood_in is not None and command is not None and not command.source.safe:
                self._count(stood_in, skipped, late=False)
            elif command is not None:
                self._deliver(command, skipped, time.monotonic() > deadline)
            self.gap.open()
            last_began = began

    def _watch(self) -> None:
        """Answer in time for ticks that are not over."""
        prioritize_thread(LOOP)
        period = self._controller.period
        watched: Observation | None = None
        while True:
            with self._condition:
                while self._running and self._observation is watched:
                    self._condition.wait()
                watched = self._observation
                due = watched.received + _LAST_MOMENT * period if watched is not None else 0.0
                while self._running and (rest := due - time.monotonic()) > 0:
                    self._condition.wait(rest)
                if not self._running:
                    return
                # Holding the lock, so that the tick is not over until this is sent.
                if watched is not None and self._busy and self._answered is watched:
                    self._answer_for(watched)

    def _answer_for(self, observation: Observation) -> None:
        if time.monotonic() > observation.received + self._controller.period:
            return
        # Whatever fails here, the tick itself is waited for, and says what is wrong.
        with contextlib.suppress(Exception):
            command = self._controller.last_moment(observation)
            if command is not None:
                command = replace(command, interval=self._interval)
                self._send(command)
                self._stood_in = command

    def _deliver(self, command: Command, skipped: int, late: bool) -> None:
        began, command = time.monotonic(), replace(command, interval=self._interval)
        try:
            self._send(command)
        except Exception as error:  # nor of a middleware that is going down
            late = True
            command = replace(command, reason=f"not sent: {type(error).__name__}: {error}")
        self._controller.overhead.add(time.monotonic() - began)
        self._count(command, skipped, late)

    def _count(self, command: Command, skipped: int, late: bool) -> None:
        sources = list(self.counts.sources)
        sources[command.source] += 1
        self.last = command
        self.counts = TickCounts(
            self.counts.ticks + 1 + skipped,
            self.counts.late + skipped + (late and not self._controller.lock_step),
            tuple(sources),
        )


def _skipped(last: Observation | None, observation: Observation) -> int:
    """Return how many observations between two were never answered."""
    if last is None or last.episode != observation.episode:
        return 0
    return max(0, observation.step - last.step - 1)
