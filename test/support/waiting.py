"""Waiting for what other threads, processes and nodes do, on the monotonic clock."""

import time

# It bounds a test that hangs, also where everything takes five times as long as it does alone; how
# fast something is, no test tells by it.
PATIENCE = 120.0


def wait_until(condition, timeout, meanwhile=None):
    """Poll a condition; return what it gives once that is true, or at the end of the time-out [s].

    Between two looks ``meanwhile`` is called, which may spin a node. Without one this sleeps, ever
    longer up to 50 ms: what happens soon is seen soon, what takes long is not disturbed.
    """
    began = time.monotonic()
    while not (value := condition()) and (waited := time.monotonic() - began) < timeout:
        if meanwhile is None:
            time.sleep(min(max(waited / 10, 0.001), 0.05))
        else:
            meanwhile()
    return value


def eventually(condition, timeout=PATIENCE, message="it did not happen", meanwhile=None):
    """Wait for a condition to come true, and return what it gives; fail after the time-out [s]."""
    value = wait_until(condition, timeout, meanwhile)
    assert value, message
    return value
