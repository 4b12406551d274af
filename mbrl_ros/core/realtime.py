"""Real-time scheduling, where the system grants it; elsewhere the usual one stays.

As ros2_control does for its loop. It takes root, CAP_SYS_NICE or a limit ``rtprio`` in
``/etc/security/limits.conf``.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

# Priorities low in the range of 1 to 99: above everything ordinary, below the kernel's own.
LOOP = 11
AROUND = 10


def prioritize_thread(priority: int) -> None:
    """Let the calling thread go before others."""
    _schedule(0, priority)


def prioritize_process(priority: int) -> None:
    """Let all present threads of this process, the middleware's too, go before others.

    A loop in Python waits for whoever holds the interpreter's lock, and for the thread that
    receives its data: it is only as punctual as they are.
    """
    with contextlib.suppress(OSError):
        for thread in Path("/proc/self/task").iterdir():
            _schedule(int(thread.name), priority)


def _schedule(thread: int, priority: int) -> None:
    # On fork it is given up, so that threads and processes started later have none.
    with contextlib.suppress(OSError, AttributeError):
        policy = os.SCHED_FIFO | os.SCHED_RESET_ON_FORK
        os.sched_setscheduler(thread, policy, os.sched_param(priority))
