import subprocess
import sys

import pytest

THREADS = """
import os, threading
from mbrl_ros.core import realtime

def schedule():
    return os.sched_getscheduler(0), os.sched_getparam(0).sched_priority

found = []
def later():
    found.append(schedule())
    realtime.follow_main_thread()
    found.append(schedule())

realtime.prioritize_process(realtime.AROUND)
thread = threading.Thread(target=later)
thread.start()
thread.join()
before, after = found
policy, priority = schedule()
assert after == ((policy, priority - 1) if priority else before), (before, after)
print(priority)
"""


@pytest.mark.process
def test_a_thread_that_began_later_follows_the_main_thread():
    done = subprocess.run([sys.executable, "-c", THREADS], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    if done.stdout == "0\n":
        pytest.skip("the system grants no real-time priority")
