import signal
import subprocess
import sys
import time

import pytest

SLOW = """
import sys, time
from mbrl_ros.nodes.runner import run_node

def build():
    print("building", flush=True)
    time.sleep(60.0)

sys.exit(run_node(build))
"""


@pytest.mark.process
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_node_that_is_still_being_built(number, dds_domain):
    node = subprocess.Popen(
        [sys.executable, "-c", SLOW], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert node.stdout.readline() == "building\n"
    began = time.monotonic()
    node.send_signal(number)
    _, err = node.communicate(timeout=40.0)
    assert (node.returncode, err) == (0, "")
    assert time.monotonic() - began < 30.0
