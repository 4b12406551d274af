"""Standard streams as they may be: closed by whoever started us, or for ASCII only."""

from __future__ import annotations

import io
import os
import sys


def prepare_streams() -> None:
    """Make streams usable: a closed one leads nowhere, what one cannot take is a ``?``."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            # It gets the lowest number that is free, which is this one.
            os.open(os.devnull, os.O_RDWR)
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, "w" if number else "r", closefd=False))  # noqa: SIM115
        stream = getattr(sys, name)
        if number and isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
