"""Punctuality of a process: real-time scheduling, and no long garbage collections.

Scheduling as ros2_control does it for its loop: where root, CAP_SYS_NICE or a limit ``rtprio`` in
``/etc/security/limits.conf`` permits it; otherwise no change.
"""

from __future__ import annotations

import contextlib
import gc
import os
from pathlib import Path

# Low in the range of 1 to 99: above ordinary threads, below the kernel's.
LOOP = 11
AROUND = 10


def prioritize_thread(priority: int) -> None:
    """Raise the priority of the calling thread."""
    _schedule(0, priority)


def prioritize_process(priority: int) -> None:
    """Raise the priority of all present threads of this process, including the middleware's.

    A Python loop waits for the holder of the interpreter lock and for the thread that receives its
    data, so it is only as punctual as they are.
    """
    with contextlib.suppress(OSError):
        for thread in Path("/proc/self/task").iterdir():
            _schedule(int(thread.name), priority)


def follow_main_thread() -> None:
    """Give the calling thread a priority one below the main thread's, if that has a raised one.

    For work of some milliseconds beside the loop: at normal priority it would be preempted by other
    processes while it holds the interpreter lock, and the loop would wait (priority inversion).
    Longer work would keep processes of normal priority, such as a driver, from running.
    """
    with contextlib.suppress(OSError, AttributeError):
        priority = os.sched_getparam(os.getpid()).sched_priority
        if priority > 1:
            _schedule(0, priority - 1)


def exempt_from_collection() -> None:
    """Take all present objects out of garbage collection.

    The imported libraries are some 200,000 objects that stay. A full collection looks at each, and
    stops every thread for about 100 ms, that is several ticks.
    """
    gc.collect()
    gc.freeze()


def _schedule(thread: int, priority: int) -> None:
    # Reset on fork, so that threads and processes started later do not inherit it.
    with contextlib.suppress(OSError, AttributeError):
        policy = os.SCHED_FIFO | os.SCHED_RESET_ON_FORK
        os.sched_setscheduler(thread, policy, os.sched_param(priority))
