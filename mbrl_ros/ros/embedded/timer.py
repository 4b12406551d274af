"""Timers."""

import threading
import time
from collections.abc import Callable
from typing import Any

from mbrl_ros.ros.embedded.clock import Clock, ClockType


class Timer:
    """Calls back periodically; made by `Node.create_timer()`.

    It uses steady time, which is unaffected by changes of the system clock, or simulated
    time while the node's clock follows /clock.
    """

    def __init__(
        self, callback: Callable[[], Any], period: int, clock: Clock, wake: Callable[[], None]
    ) -> None:
        self.callback = callback
        self.clock = clock
        self._period = period
        self._wake = wake
        self._lock = threading.Lock()
        self._canceled = False
        self._simulated = self._is_simulated()
        self._last = self._now()
        self._next = self._last + period
        clock.add_listener(self._time_changed)

    def _is_simulated(self) -> bool:
        return self.clock.clock_type == ClockType.ROS_TIME and self.clock.ros_time_is_active

    def _now(self) -> int:
        return self.clock.nanoseconds() if self._simulated else time.monotonic_ns()

    def _time_changed(self) -> None:
        with self._lock:
            simulated = self._is_simulated()
            if simulated != self._simulated:
                self._simulated = simulated
                self._start()
            elif self._now() < self._last:
                self._start()  # time jumped back, as when a simulator is reset
        self._wake()

    def _start(self) -> None:
        self._last = self._now()
        self._next = self._last + self._period

    @property
    def timer_period_ns(self) -> int:
        """The period in nanoseconds."""
        return self._period

    @timer_period_ns.setter
    def timer_period_ns(self, period: int) -> None:
        with self._lock:
            self._period = int(period)
        self._wake()

    def is_ready(self) -> bool:
        """Return whether the callback is due."""
        return not self._canceled and self._now() >= self._next

    def is_canceled(self) -> bool:
        """Return whether it was stopped."""
        return self._canceled

    def cancel(self) -> None:
        """Stop it."""
        self._canceled = True

    def reset(self) -> None:
        """Restart it, also after `cancel()`."""
        with self._lock:
            self._canceled = False
            self._start()
        self._wake()

    def time_since_last_call(self) -> int:
        """Return nanoseconds since the last call."""
        return self._now() - self._last

    def time_until_next_call(self) -> int | None:
        """Return nanoseconds until the next call, None if it was stopped."""
        return None if self._canceled else self._next - self._now()

    def wait_time(self) -> int | None:
        """Return the longest sleep [ns]; None: stopped, or only /clock can make it ready."""
        if self._canceled or self._simulated:
            return None
        return max(self._next - time.monotonic_ns(), 0)

    def execute(self) -> None:
        """Call back; missed calls are skipped, not made up for."""
        with self._lock:
            if not self.is_ready():
                return
            now = self._last = self._now()
            self._next += self._period
            if self._next <= now:
                late = now - self._next
                self._next += (late // self._period + 1) * self._period if self._period else late
        self.callback()

    def destroy(self) -> None:
        """Stop it for good; use `Node.destroy_timer()`."""
        self._canceled = True
        self.clock.remove_listener(self._time_changed)
