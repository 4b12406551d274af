"""Standard streams as they may be: closed, for ASCII only, or with a reader that has gone."""

from __future__ import annotations

import io
import os
import select
import sys
from typing import Any


def prepare_streams() -> None:
    """Make streams usable: a closed one leads nowhere, what one cannot take is a ``?``.

    Writing to standard error never fails: it must cost nobody what was learned.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            # It gets the lowest number that is free, which is this one; for children, too.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, "w" if number else "r", closefd=False))  # noqa: SIM115
        stream = getattr(sys, name)
        if number and isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
            if isinstance(stream.buffer, io.BufferedWriter | io.FileIO) and stream.fileno() == 2:
                sys.stderr = _unfailing(stream.encoding)


def reader_has_gone() -> bool:
    """Return whether standard output is a pipe that nobody reads any more."""
    watch = select.poll()
    watch.register(1, 0)
    return any(event & select.POLLERR for _, event in watch.poll(0))


def drop_output() -> None:
    """Let standard output lead nowhere, so that flushing it at exit does not fail."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _unfailing(encoding: str) -> io.TextIOWrapper:
    file = io.BufferedWriter(_Unfailing(2, "w", closefd=False))
    return io.TextIOWrapper(file, encoding, errors="replace", line_buffering=True)


class _Unfailing(io.FileIO):
    def write(self, data: Any) -> int:
        """Write; what cannot be written is dropped."""
        try:
            return super().write(data)
        except OSError:
            return len(data)
