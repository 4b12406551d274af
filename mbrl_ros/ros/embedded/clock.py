"""Time, durations and clocks under rclpy's names."""

import threading
import time
from collections.abc import Callable
from enum import IntEnum
from typing import Any

from mbrl_ros.ros.embedded.messages import message_class

_NANOSECONDS = 10**9


class ClockType(IntEnum):
    """The kind of clock that a time belongs to."""

    ROS_TIME = 1
    SYSTEM_TIME = 2
    STEADY_TIME = 3


class Duration:
    """A time span with nanosecond resolution."""

    def __init__(self, *, seconds: float = 0, nanoseconds: int = 0) -> None:
        self._nanoseconds = int(seconds * _NANOSECONDS) + int(nanoseconds)

    @property
    def nanoseconds(self) -> int:
        """The span in nanoseconds."""
        return self._nanoseconds

    def to_msg(self) -> Any:
        """Return it as builtin_interfaces/msg/Duration."""
        sec, nanosec = divmod(self._nanoseconds, _NANOSECONDS)
        return message_class("builtin_interfaces/msg/Duration")(sec=sec, nanosec=nanosec)

    @classmethod
    def from_msg(cls, msg: Any) -> "Duration":
        """Return the duration of a builtin_interfaces/msg/Duration."""
        return cls(seconds=msg.sec, nanoseconds=msg.nanosec)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Duration) and self._nanoseconds == other._nanoseconds

    def __lt__(self, other: "Duration") -> bool:
        return self._nanoseconds < other._nanoseconds

    def __le__(self, other: "Duration") -> bool:
        return self._nanoseconds <= other._nanoseconds

    def __hash__(self) -> int:
        return hash(self._nanoseconds)

    def __repr__(self) -> str:
        return f"Duration(nanoseconds={self._nanoseconds})"


class Time:
    """A point in time on one clock, with nanosecond resolution."""

    def __init__(
        self,
        *,
        seconds: float = 0,
        nanoseconds: int = 0,
        clock_type: ClockType = ClockType.SYSTEM_TIME,
    ) -> None:
        self._nanoseconds = int(seconds * _NANOSECONDS) + int(nanoseconds)
        if self._nanoseconds < 0:
            raise ValueError("Time value must not be negative")
        self._clock_type = clock_type

    @property
    def nanoseconds(self) -> int:
        """Nanoseconds since the clock's origin."""
        return self._nanoseconds

    @property
    def clock_type(self) -> ClockType:
        """The type of its clock."""
        return self._clock_type

    def seconds_nanoseconds(self) -> tuple[int, int]:
        """Return whole seconds and the rest in nanoseconds."""
        return divmod(self._nanoseconds, _NANOSECONDS)

    def to_msg(self) -> Any:
        """Return it as builtin_interfaces/msg/Time."""
        sec, nanosec = divmod(self._nanoseconds, _NANOSECONDS)
        return message_class("builtin_interfaces/msg/Time")(sec=sec, nanosec=nanosec)

    @classmethod
    def from_msg(cls, msg: Any, clock_type: ClockType = ClockType.ROS_TIME) -> "Time":
        """Return the time of a builtin_interfaces/msg/Time."""
        return cls(seconds=msg.sec, nanoseconds=msg.nanosec, clock_type=clock_type)

    def _comparable(self, other: "Time") -> int:
        if self._clock_type != other._clock_type:
            raise TypeError("Can't compare times with different clock types")
        return other._nanoseconds

    def __add__(self, other: Duration) -> "Time":
        if not isinstance(other, Duration):
            return NotImplemented
        return Time(nanoseconds=self._nanoseconds + other.nanoseconds, clock_type=self._clock_type)

    def __sub__(self, other: Any) -> Any:
        if isinstance(other, Time):
            if self._clock_type != other._clock_type:
                raise TypeError("Can't subtract times with different clock types")
            return Duration(nanoseconds=self._nanoseconds - other._nanoseconds)
        if isinstance(other, Duration):
            return Time(
                nanoseconds=self._nanoseconds - other.nanoseconds, clock_type=self._clock_type
            )
        return NotImplemented

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Time) and self._nanoseconds == self._comparable(other)

    def __lt__(self, other: "Time") -> bool:
        return self._nanoseconds < self._comparable(other)

    def __le__(self, other: "Time") -> bool:
        return self._nanoseconds <= self._comparable(other)

    def __gt__(self, other: "Time") -> bool:
        return self._nanoseconds > self._comparable(other)

    def __ge__(self, other: "Time") -> bool:
        return self._nanoseconds >= self._comparable(other)

    def __hash__(self) -> int:
        return hash((self._nanoseconds, self._clock_type))

    def __repr__(self) -> str:
        return f"Time(nanoseconds={self._nanoseconds}, clock_type={self._clock_type.name})"


class Clock:
    """System time, steady time, or ROS time: system time unless /clock drives it."""

    def __init__(self, *, clock_type: ClockType = ClockType.SYSTEM_TIME) -> None:
        self._clock_type = ClockType(clock_type)
        self._lock = threading.Lock()
        self._override: int | None = None  # nanoseconds; None: follows the system
        self._listeners: list[Callable[[], None]] = []

    @property
    def clock_type(self) -> ClockType:
        """The type of the clock."""
        return self._clock_type

    @property
    def ros_time_is_active(self) -> bool:
        """Whether simulated time drives this clock."""
        return self._override is not None

    def nanoseconds(self) -> int:
        """Return the current time in nanoseconds."""
        if self._clock_type == ClockType.STEADY_TIME:
            return time.monotonic_ns()
        with self._lock:
            return time.time_ns() if self._override is None else self._override

    def now(self) -> Time:
        """Return the current time."""
        return Time(nanoseconds=self.nanoseconds(), clock_type=self._clock_type)

    def override(self, nanoseconds: int | None) -> None:
        """Set simulated time; None: follow the system time again."""
        with self._lock:
            self._override = nanoseconds
        for listener in list(self._listeners):
            listener()

    def add_listener(self, listener: Callable[[], None]) -> None:
        """Call a function whenever simulated time changes."""
        self._listeners.append(listener)

    def remove_listener(self, listener: Callable[[], None]) -> None:
        """Undo `add_listener()`."""
        if listener in self._listeners:
            self._listeners.remove(listener)
