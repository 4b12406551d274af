"""Logging in the ROS style: console and /rosout."""

import os
import sys
import threading
import time
from collections.abc import Callable
from enum import IntEnum
from typing import Any


class LoggingSeverity(IntEnum):
    """How serious a message is."""

    UNSET = 0
    DEBUG = 10
    INFO = 20
    WARN = 30
    ERROR = 40
    FATAL = 50


_COLOURS = {10: "\033[32m", 20: "\033[0m", 30: "\033[33m", 40: "\033[31m", 50: "\033[35m"}
#: Receives level, logger, text, time in nanoseconds, file, function and line.
Sink = Callable[[LoggingSeverity, str, str, int, str, str, int], None]

_lock = threading.Lock()
_levels: dict[str, LoggingSeverity] = {"": LoggingSeverity.INFO}
_sinks: dict[str, Sink] = {}
_console = True


def severity(text: str) -> LoggingSeverity:
    """Return the level of a name such as debug.

    Raises:
        ValueError: if there is none.
    """
    try:
        return LoggingSeverity[text.upper()]
    except KeyError:
        raise ValueError(f"'{text}' is no log level: debug, info, warn, error, fatal") from None


def set_console(enabled: bool) -> None:
    """Switch the console output of the whole process."""
    global _console
    _console = enabled


def set_logger_level(name: str, level: int) -> None:
    """Set the level of a logger and those below it; "" is the default."""
    _levels[name] = LoggingSeverity(level)


def get_logger_effective_level(name: str) -> LoggingSeverity:
    """Return the level of a logger or of the closest one above it."""
    while name:
        level = _levels.get(name, LoggingSeverity.UNSET)
        if level != LoggingSeverity.UNSET:
            return level
        name = name.rpartition(".")[0]
    return _levels[""]


def add_sink(name: str, sink: Sink) -> None:
    """Send what a logger and those below it say to a function too."""
    _sinks[name] = sink


def remove_sink(name: str) -> None:
    """Undo `add_sink()`."""
    _sinks.pop(name, None)


def _coloured() -> bool:
    wish = os.environ.get("RCUTILS_COLORIZED_OUTPUT", "")
    return wish == "1" if wish in ("0", "1") else sys.stderr.isatty()


def _emit(level: LoggingSeverity, name: str, text: str, frame: Any) -> None:
    now = time.time_ns()
    if _console:
        seconds, nanoseconds = divmod(now, 10**9)
        line = f"[{level.name}] [{seconds}.{nanoseconds:09d}] [{name}]: {text}"
        if _coloured():
            line = f"{_COLOURS[level]}{line}\033[0m"
        with _lock:
            try:
                sys.stderr.write(line + "\n")
                sys.stderr.flush()
            except (OSError, ValueError):
                pass  # nobody reads it any more
    logger = name
    while logger:
        sink = _sinks.get(logger)
        if sink is not None:
            code = frame.f_code
            sink(level, name, text, now, code.co_filename, code.co_name, frame.f_lineno)
            break
        logger = logger.rpartition(".")[0]


class Logger:
    """Says things under a name."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._said: set[tuple[str, int]] = set()
        self._last: dict[tuple[str, int], float] = {}

    def get_child(self, name: str) -> "Logger":
        """Return the logger of a name below this one."""
        if not name:
            raise ValueError("Child logger name must not be empty.")
        return Logger(f"{self.name}.{name}" if self.name else name)

    def set_level(self, level: int) -> None:
        """Set which messages are shown."""
        set_logger_level(self.name, level)

    def get_effective_level(self) -> LoggingSeverity:
        """Return which messages are shown."""
        return get_logger_effective_level(self.name)

    def is_enabled_for(self, level: int) -> bool:
        """Return whether messages of a level are shown."""
        return level >= self.get_effective_level()

    def log(
        self,
        message: str,
        severity: int,
        *,
        once: bool = False,
        skip_first: bool = False,
        throttle_duration_sec: float | None = None,
        _depth: int = 1,
    ) -> bool:
        """Say something.

        Args:
            message: what.
            severity: how serious it is.
            once: only the first time this line of code is reached.
            skip_first: not the first time.
            throttle_duration_sec: not within this time of the last one from this line.

        Returns:
            Whether it was said.
        """
        level = LoggingSeverity(severity)
        if not self.is_enabled_for(level):
            return False
        frame = sys._getframe(_depth)
        where = (frame.f_code.co_filename, frame.f_lineno)
        if once or skip_first:
            first = where not in self._said
            self._said.add(where)
            if (once and not first) or (skip_first and first):
                return False
        if throttle_duration_sec is not None:
            now = time.monotonic()
            if now - self._last.get(where, float("-inf")) < throttle_duration_sec:
                return False
            self._last[where] = now
        _emit(level, self.name, str(message), frame)
        return True

    def debug(self, message: str, **options: Any) -> bool:
        """Say something of interest to developers only."""
        return self.log(message, LoggingSeverity.DEBUG, _depth=2, **options)

    def info(self, message: str, **options: Any) -> bool:
        """Say what is going on."""
        return self.log(message, LoggingSeverity.INFO, _depth=2, **options)

    def warning(self, message: str, **options: Any) -> bool:
        """Say what may be wrong."""
        return self.log(message, LoggingSeverity.WARN, _depth=2, **options)

    warn = warning

    def error(self, message: str, **options: Any) -> bool:
        """Say what is wrong."""
        return self.log(message, LoggingSeverity.ERROR, _depth=2, **options)

    def fatal(self, message: str, **options: Any) -> bool:
        """Say what makes going on impossible."""
        return self.log(message, LoggingSeverity.FATAL, _depth=2, **options)


def get_logger(name: str) -> Logger:
    """Return the logger of a name."""
    if not name:
        raise ValueError("Logger name must not be empty.")
    return Logger(name)
