"""What holds for all tests."""

import os
import signal
import sys
from contextlib import nullcontext, suppress
from pathlib import Path

import pytest
import torch
from support.domains import claimed
from support.turns import turn

# Markers of pyproject.toml; every test has exactly one of these, by which it is chosen.
KINDS = {"unit", "process", "ros2", "learning", "versions"}
# Those of the tests of a folder that have none of their own. In all others they are "unit".
USUALLY = {"ros": "process", "system": "process"}
TESTS = Path(__file__).parent

# Started in the background, as by `make test &`, they would hand on to every process of theirs that
# it is to ignore Ctrl-C, and some of them test what it does.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Small models: one thread is faster than two that wait for each other.
torch.set_num_threads(1)


@pytest.hookimpl(tryfirst=True)  # before any is chosen
def pytest_collection_modifyitems(config, items):
    for item in items:
        kinds = {mark.name for mark in item.iter_markers()} & KINDS
        if not kinds:
            folder = item.path.relative_to(TESTS).parts[0]
            item.add_marker(USUALLY.get(folder, "unit"))
        elif len(kinds) > 1:
            raise pytest.UsageError(
                f"{item.nodeid}: expected one of the markers {', '.join(sorted(KINDS))}, "
                f"got {', '.join(sorted(kinds))}"
            )
    # Several processes share what takes long first, and wait for one another at the end. The tests
    # on ROS 2 share what test_colcon.py builds: nobody waits for it if it begins and they end.
    if hasattr(config, "workerinput"):  # of pytest-xdist
        items.sort(key=lambda item: (is_alone(item), "unit" in item.keywords, on_a_build(item)))


def on_a_build(item):
    return 0 if item.path.name == "test_colcon.py" else 2 if "ros2" in item.keywords else 1


def is_alone(item):
    return item.get_closest_marker("alone") is not None


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_runtest_protocol(item):
    several = hasattr(item.config, "workerinput")
    with turn(item.config.cache.mkdir("turns"), is_alone(item)) if several else nullcontext():
        yield


@pytest.fixture(autouse=True)
def same_numbers():
    """Random numbers of a test that do not depend on which tests came before it."""
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def usual_priority():
    """What a node in this process takes for itself, real-time priority above all, ends with it."""
    interval = sys.getswitchinterval()
    yield
    sys.setswitchinterval(interval)
    if os.sched_getscheduler(0) != os.SCHED_OTHER:
        for thread in Path("/proc/self/task").iterdir():
            with suppress(ProcessLookupError):  # it may be over already
                os.sched_setscheduler(int(thread.name), os.SCHED_OTHER, os.sched_param(0))


@pytest.fixture(scope="module")
def dds_domain():
    """A DDS domain of a file's own, in which nothing is heard of other files or other runs."""
    with claimed() as number:
        yield number


@pytest.fixture
def domain(monkeypatch, dds_domain):
    """Have what a test does, and the processes that it starts, stay in its file's own domain."""
    monkeypatch.setenv("ROS_DOMAIN_ID", str(dds_domain))
    monkeypatch.delenv("CYCLONEDDS_URI", raising=False)
    monkeypatch.delenv("ROS_AUTOMATIC_DISCOVERY_RANGE", raising=False)
    return dds_domain
