"""Logging in the ROS style: console and /rosout."""

import os
import sys
import threading
import time
from collections.abc import Callable
from enum import IntEnum
from typing import Any


class LoggingSeverity(IntEnum):
    """Severity of a message."""

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
        ValueError: if the name is unknown.
    """
    try:
        return LoggingSeverity[text.upper()]
    except KeyError:
        raise ValueError(f"'{text}' is not a log level: debug, info, warn, error, fatal") from None


def set_console(enabled: bool) -> None:
    """Enable or disable the console output of the whole process."""
    global _console
    _console = enabled


def set_logger_level(name: str, level: int) -> None:
    """Set the level of a logger and those below it; "" is the default."""
    _levels[name] = LoggingSeverity(level)


def get_logger_effective_level(name: str) -> LoggingSeverity:
    """Return the level of a logger, by default that of its closest ancestor."""
    while name:
        level = _levels.get(name, LoggingSeverity.UNSET)
        if level != LoggingSeverity.UNSET:
            return level
        name = name.rpartition(".")[0]
    return _levels[""]


def add_sink(name: str, sink: Sink) -> None:
    """Also pass the messages of a logger and those below it to a function."""
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
                pass  # the reader is gone
    logger = name
    while logger:
        sink = _sinks.get(logger)
        if sink is not None:
            code = frame.f_code
            sink(level, name, text, now, code.co_filename, code.co_name, frame.f_lineno)
            break
        logger = logger.rpartition(".")[0]


class Logger:
    """Logs messages under a name."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._said: set[tuple[str, int]] = set()
        self._last: dict[tuple[str, int], float] = {}

    def get_child(self, name: str) -> "Logger":
        """Return the child logger of a name."""
        if not name:
            raise ValueError("Child logger name must not be empty.")
        return Logger(f"{self.name}.{name}" if self.name else name)

    def set_level(self, level: int) -> None:
        """Set the lowest level that is shown."""
        set_logger_level(self.name, level)

    def get_effective_level(self) -> LoggingSeverity:
        """Return the lowest level that is shown."""
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
        """Log a message.

        Args:
            message: its text.
            severity: its level.
            once: only the first time this line of code is reached.
            skip_first: not the first time.
            throttle_duration_sec: not within this time of the last one from this line [s].

        Returns:
            Whether it was logged.
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
        """Log something of interest to developers only."""
        return self.log(message, LoggingSeverity.DEBUG, _depth=2, **options)

    def info(self, message: str, **options: Any) -> bool:
        """Log what is going on."""
        return self.log(message, LoggingSeverity.INFO, _depth=2, **options)

    def warning(self, message: str, **options: Any) -> bool:
        """Log a possible problem."""
        return self.log(message, LoggingSeverity.WARN, _depth=2, **options)

    warn = warning

    def error(self, message: str, **options: Any) -> bool:
        """Log an error."""
        return self.log(message, LoggingSeverity.ERROR, _depth=2, **options)

    def fatal(self, message: str, **options: Any) -> bool:
        """Log an error that makes it impossible to continue."""
        return self.log(message, LoggingSeverity.FATAL, _depth=2, **options)


def get_logger(name: str) -> Logger:
    """Return the logger of a name."""
    if not name:
        raise ValueError("Logger name must not be empty.")
    return Logger(name)
