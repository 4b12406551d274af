"""Who runs beside whom where the tests have several processes (pytest -n)."""

import contextlib
import fcntl


@contextlib.contextmanager
def turn(folder, alone):
    """Wait for a turn, which lasts as long as the context: alone, or beside others.

    Who is to be alone waits for those who run, and keeps out those who come later. The locks end
    with their process at the latest.

    Args:
        folder: shared by all who wait for one another; holds the locks.
        alone: nobody else has a turn meanwhile.
    """
    with (folder / "door").open("w") as door, (folder / "room").open("w") as room:
        fcntl.flock(door, fcntl.LOCK_EX)
        fcntl.flock(room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(door, fcntl.LOCK_UN)
        try:
            yield
        finally:
            fcntl.flock(room, fcntl.LOCK_UN)
