"""Lower priorities, for what yields to a control loop on the same machine."""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path

#: Of all that may take its time [`nice`].
USUAL = 10


def yield_process(niceness: int = USUAL) -> None:
    """Have this process yield: its present threads, and all that they start from now on.

    ``os.nice`` is for the calling thread alone, and libraries have started others by then.

    Args:
        niceness: at least; who was started with a higher one keeps it.
    """
    with contextlib.suppress(OSError):
        for thread in Path("/proc/self/task").iterdir():
            _yield(int(thread.name), niceness)


def yield_thread(niceness: int = USUAL) -> None:
    """Have the calling thread yield.

    Only where no other thread of its process is in a hurry: they wait for it while it holds the
    interpreter's lock.

    Args:
        niceness: as of `yield_process`.
    """
    _yield(threading.get_native_id(), niceness)


def _yield(thread: int, niceness: int) -> None:
    # Only the superuser may lower it again; a thread may be over already.
    with contextlib.suppress(OSError):
        if os.getpriority(os.PRIO_PROCESS, thread) < niceness:
            os.setpriority(os.PRIO_PROCESS, thread, niceness)
