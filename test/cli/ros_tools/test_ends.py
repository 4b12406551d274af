import signal
import subprocess

import pytest
from support.waiting import PATIENCE

pytestmark = pytest.mark.process


@pytest.mark.parametrize(
    ("verb", "number"), [("echo", signal.SIGINT), ("echo", signal.SIGTERM), ("hz", signal.SIGINT)]
)
def test_signals_end_quietly(gadget, start, verb, number):
    process = start(
        *("-m", "mbrl_ros.cli", "topic", verb, "/lab/joints"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    line = process.stdout.readline()
    assert line.startswith("average rate: " if verb == "hz" else "header:")
    process.send_signal(number)
    _, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, err) == (0, "")


def test_closed_pipe_ends_quietly(gadget, start):
    process = start(
        *("-m", "mbrl_ros.cli", "topic", "echo", "/lab/joints"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(PATIENCE) == 128 + signal.SIGPIPE
