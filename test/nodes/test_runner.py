import signal
import subprocess
import sys
import time

import pytest
from support.waiting import PATIENCE

SLOW = """
import sys, time
from mbrl_ros.nodes.runner import run_node

def build():
    print("building", flush=True)
    time.sleep(60.0)

sys.exit(run_node(build))
"""

# Says how many objects a full collection looks at, once it spins.
COLLECTING = """
import gc, sys
import torch
from mbrl_ros import ros
from mbrl_ros.nodes.runner import run_node

class Counting(ros.Node):
    def __init__(self):
        super().__init__("counting")
        self.create_timer(0.01, self.count)

    def count(self):
        print(len(gc.get_objects()), gc.get_freeze_count(), flush=True)
        ros.shutdown()

sys.exit(run_node(Counting))
"""


# Says that it runs; with an argument, it ends then.
NAMED = """
import sys
from mbrl_ros import ros
from mbrl_ros.nodes.runner import run_node

class Named(ros.Node):
    def __init__(self):
        super().__init__("named")
        self.timer = self.create_timer(0.01, self.say)

    def say(self):
        print("runs", flush=True)
        self.timer.cancel()
        if "once" in sys.argv:
            ros.shutdown()

sys.exit(run_node(Named))
"""


# Like torch, it leaves objects behind that take their time to end.
SLOW_TO_END = """
import atexit, sys, time
from mbrl_ros import ros
from mbrl_ros.nodes.runner import leave, obey_launch, run_node

class Node(ros.Node):
    def __init__(self):
        super().__init__("slow")
        self.create_timer(0.01, lambda: print("spinning", flush=True))

    def destroy_node(self):
        super().destroy_node()
        print("finished", end="")

atexit.register(time.sleep, 60.0)
obey_launch(sys.argv)
leave(run_node(Node, sys.argv))
"""

# Starts a node that is to end with it, and ends.
LAUNCHER = """
import subprocess, sys
from mbrl_ros.nodes.runner import dying_with_this_process

node = [sys.executable, "-c", sys.argv[1], *dying_with_this_process()]
node = subprocess.Popen(node, stdout=sys.stdout)
if sys.argv[2] == "late":
    input()
"""


@pytest.mark.process
def test_a_node_that_has_finished_is_gone(dds_domain):
    node = subprocess.Popen([sys.executable, "-c", SLOW_TO_END], stdout=subprocess.PIPE, text=True)
    assert node.stdout.readline() == "spinning\n"
    node.send_signal(signal.SIGINT)
    out, _ = node.communicate(timeout=PATIENCE)
    assert node.returncode == 0
    assert out.endswith("finished")


@pytest.mark.process
@pytest.mark.parametrize("when", ["early", "late"])
def test_a_node_ends_with_the_launch(when, dds_domain):
    launcher = subprocess.Popen(
        [sys.executable, "-c", LAUNCHER, SLOW_TO_END, when],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    if when == "late":
        assert launcher.stdout.readline() == "spinning\n"
        launcher.kill()
    # The pipe is closed when the node has ended, too.
    out, err = launcher.communicate(timeout=PATIENCE)
    assert out.endswith("finished" if when == "late" else "")
    assert ("is gone" in err) == (when == "early")


@pytest.mark.process
def test_a_full_garbage_collection_does_not_look_at_the_libraries(dds_domain):
    done = subprocess.run(
        [sys.executable, "-c", COLLECTING], capture_output=True, text=True, timeout=PATIENCE
    )
    assert (done.returncode, done.stderr) == (0, "")
    seen, exempt = map(int, done.stdout.split())
    assert exempt > 100 * seen


@pytest.mark.process
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_node_that_is_still_being_built(number, dds_domain):
    node = subprocess.Popen(
        [sys.executable, "-c", SLOW], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert node.stdout.readline() == "building\n"
    began = time.monotonic()
    node.send_signal(number)
    _, err = node.communicate(timeout=PATIENCE)
    assert (node.returncode, err) == (0, "")
    assert time.monotonic() - began < 30.0


@pytest.mark.process
def test_a_second_node_of_a_name_is_refused(domain):
    command, others = [sys.executable, "-c", NAMED], ["--ros-args", "-r", "__ns:=/other"]
    running = []
    try:
        for words in ([], others):
            running.append(subprocess.Popen([*command, *words], stdout=subprocess.PIPE, text=True))
            assert running[-1].stdout.readline() == "runs\n"
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    finally:
        for node in running:
            node.terminate()
            node.communicate(timeout=PATIENCE)
    expected = f"error: /named runs already on this machine in ROS_DOMAIN_ID {domain};"
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(expected)
    # The name is free again.
    done = subprocess.run([*command, "once"], capture_output=True, text=True, timeout=PATIENCE)
    assert (done.returncode, done.stdout) == (0, "runs\n")
