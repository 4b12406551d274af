"""DDS domains of a run's own: tests at the same time on one machine must not hear each other."""

import contextlib
import fcntl
import itertools
import os
import tempfile
from pathlib import Path

EMBEDDED = range(100, 230)
# For test/ros2: what it starts there, such as daemons, may outlast it for a while.
REAL = range(1, 100)

# Each claim begins to look where the one before did not, and each run somewhere else.
_turns = itertools.count(os.getpid())


@contextlib.contextmanager
def claimed(numbers=EMBEDDED):
    """Claim a DDS domain among these numbers until the context ends, and return its number.

    The claim is a file lock, which ends with its process at the latest.
    """
    first = next(_turns) % len(numbers)
    for number in (*numbers[first:], *numbers[:first]):
        if lock := _locked(Path(tempfile.gettempdir()) / f"mbrl_ros_test_domain_{number}"):
            with lock:
                yield number
            return
    raise RuntimeError(f"all DDS domains from {numbers[0]} to {numbers[-1]} are taken")


def _locked(path):
    """Return the file, locked; nothing if somebody else has it."""
    try:
        file = path.open("w")
    except PermissionError:  # of another user
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return None
    return file
